// What the commands of all benches share: words, what is shown while they work, and where results go.
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Command } from "commander";
import type { Context } from "../src/cli/context.ts";
import { writeAtomic } from "../src/data/write.ts";
import { TemperError } from "../src/index.ts";
import { replaceBetween } from "./page.ts";
import { count } from "./parse.ts";
import type { BenchWork } from "./work.ts";

export interface WorkFlags {
  readonly seed: number;
  readonly threads?: number;
  readonly dataDir?: string;
}

/** --seed --threads --data-dir */
export const withWork = (command: Command): Command =>
  command
    .option("--seed <n>", "the same seed gives the same result to the bit", count(0), 0)
    .option("--threads <n>", "worker processes (default: one a core)", count())
    .option(
      "--data-dir <dir>",
      "folder of the data sets (default: TEMPER_DATA, else a cache folder)",
    );

const shown = (value: number | null | undefined): string => value?.toPrecision(4) ?? "-";

export function workOf({ seed, threads }: WorkFlags, { progress, signal }: Context): BenchWork {
  return {
    seed,
    threads,
    signal,
    onProgress: progress.update,
    onIteration: (points, { iteration, rows, anchor }) =>
      progress.line(
        `${points} points, iteration ${iteration}: ${rows} cuts, violation ${shown(anchor?.violation)}, ` +
          `loss ${shown(anchor?.loss)}`,
      ),
  };
}

export interface OutputFlags {
  readonly out: string;
  readonly json?: boolean;
  readonly into?: string;
}

/** --out --json --into; `place` names the two lines of a page that the result is put between. */
export const withOutput = (command: Command, place: string): Command =>
  command
    .option("--out <dir>", "folder for everything that is made", "temper-bench")
    .option("--json", "print one JSON document on stdout")
    .option(
      "--into <page>",
      `put the result between <!-- ${place} --> and <!-- /${place} --> of this page too`,
    );

export type BenchFlags = WorkFlags & OutputFlags;

/** The options that nearly every bench has. */
export const withBench = (command: Command, place: string): Command =>
  withWork(withOutput(command, place));

/** Publishes a result: as a file of its own, in the page of --into, and on stdout. */
export type Publish = (path: string, markdown: string, document: object) => Promise<void>;

/** A page that has no place for the result is refused now, before any work. */
export async function openOutput(
  { into, json }: OutputFlags,
  place: string,
  { progress, print, printJson }: Context,
): Promise<Publish> {
  const read = (page: string): Promise<string> =>
    readFile(page, "utf8").catch((cause) => {
      const message = `cannot read the page "${page}": ${cause.message}`;
      throw new TemperError("file-missing", message, { cause });
    });
  if (into !== undefined) replaceBetween(await read(into), place, "");
  return async (path, markdown, document) => {
    progress.stop();
    await mkdir(dirname(path), { recursive: true });
    await writeAtomic(path, `${markdown}\n`);
    if (into !== undefined)
      await writeAtomic(into, replaceBetween(await read(into), place, markdown));
    if (json === true) printJson(document);
    else print(`${markdown}\n\nwritten to ${dirname(path)}`);
  };
}
