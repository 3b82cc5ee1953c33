// How the command line drives a bench: seed, processes, Ctrl-C, what is shown while it runs, and where results go.
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { writeAtomic } from "../../../data/write.ts";
import { TemperError } from "../../../errors.ts";
import type { BenchWork } from "../../../report/bench/work.ts";
import { replaceBetween } from "../../../report/page.ts";
import type { Context } from "../../context.ts";
import { iterationTable } from "../../iterations.ts";
import type { CommonFlags } from "../../options.ts";

export function workOf({ seed, threads }: CommonFlags, { progress, signal }: Context): BenchWork {
  return {
    seed,
    threads,
    signal,
    onProgress: (stage, done, of) => progress.update(stage, done, of),
    onIteration: (points, record) => {
      if (record.iteration === 1)
        progress.line(`${points} points\n${iterationTable.heading(record)}`);
      progress.line(iterationTable.row(record));
    },
  };
}

/** --into */
export const withPage = (command: Command, name: string): Command =>
  command.option(
    "--into <page>",
    `put the result between <!-- ${name} --> and <!-- /${name} --> of this page too`,
  );

/** Puts a result into the page; a page without a place for it is refused now, before any work. */
export async function openPage(
  path: string | undefined,
  name: string,
): Promise<(markdown: string) => Promise<void>> {
  if (path === undefined) return async () => {};
  const read = (): Promise<string> =>
    readFile(path, "utf8").catch((cause) => {
      const message = `cannot read the page "${path}": ${cause.message}`;
      throw new TemperError("file-missing", message, { cause });
    });
  replaceBetween(await read(), name, "");
  return async (markdown) => writeAtomic(path, replaceBetween(await read(), name, markdown));
}
