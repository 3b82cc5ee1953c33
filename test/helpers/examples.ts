// Examples run as a user runs them, and what their output and files say.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { promisify } from "node:util";
import { openModel, readPoints } from "../../src/index.ts";
import { newFolder } from "./command.ts";

/** Runs an example in `cwd` and returns what it prints. */
export async function run(name: string, cwd: string = newFolder()): Promise<string> {
  const file = resolve("examples", name);
  const [command, args] = name.endsWith(".sh")
    ? ["bash", [file]]
    : [resolve("node_modules/.bin/tsx"), [file]];
  return (await promisify(execFile)(command, args, { cwd })).stdout;
}

/** How many of the points in `points` the model in `model` gets right. */
export async function rightOf(model: string, points: string): Promise<[right: number, of: number]> {
  const { count, pixels, labels } = readPoints(readFileSync(points), basename(points));
  const opened = await openModel(model);
  const logits = await opened.logits(pixels as Float32Array, count);
  await opened.close();
  const winners = Array.from({ length: count }, (_, i) => {
    const row = logits.subarray(i * opened.labels, (i + 1) * opened.labels);
    return row.indexOf(row.reduce((a, c) => Math.max(a, c)));
  });
  return [winners.filter((label, i) => label === labels[i]).length, count];
}

export const percents = (text: string): number[] =>
  [...text.matchAll(/([\d.]+) %/g)].map(([, number]) => Number(number));
