// temper verify --vnnlib: the answer to one property, as VNN-COMP has it.
import { type PropertyAnswer, verifyProperty } from "../bounds/property.ts";
import { readDataFile } from "../data/files.ts";
import { writeCounterexample } from "../data/vnnlib/counterexample.ts";
import { readVnnlib } from "../data/vnnlib/read.ts";
import { writeAtomic } from "../data/write.ts";
import type { NetworkOptions } from "../engine/network.ts";
import { TemperError } from "../errors.ts";
import type { Context } from "./context.ts";
import { checkOutput, openModelFile } from "./open.ts";

/** The flags of temper verify that have a meaning for a property. */
export interface PropertyFlags extends NetworkOptions {
  readonly vnnlib: string;
  readonly timeLimit?: number | undefined;
  readonly seed?: number | undefined;
  readonly out?: string | undefined;
  readonly json?: boolean | undefined;
}

const MEANT: readonly string[] = [
  ...["vnnlib", "timeLimit", "seed", "out", "json", "output", "device", "threads"],
];

/** @throws TemperError `bad-option` for flags of the other kind of verification, and whatever the work throws */
export async function runProperty(
  path: string,
  flags: PropertyFlags,
  context: Context,
): Promise<void> {
  const { vnnlib, timeLimit, seed, out, json } = flags;
  const idle = Object.keys(flags).find((name) => !MEANT.includes(name));
  if (idle !== undefined) {
    throw new TemperError(
      "bad-option",
      `--vnnlib and --${idle}: a property says itself what inputs and outputs are meant, in the model's own units\n` +
        `leave --${idle} out`,
    );
  }
  if (out !== undefined) await checkOutput(out, ".counterexample");
  const property = readVnnlib(await readDataFile(vnnlib), vnnlib);
  const model = await openModelFile(path, flags);
  const { signal } = context;
  const found = await verifyProperty(model, { property, timeLimit, seed, signal });
  await model.close();
  if (found.answer === "sat" && out !== undefined) {
    await writeAtomic(out, writeCounterexample(found));
  }
  if (json === true) {
    context.printJson({
      path,
      vnnlib,
      ...plain(found),
      out: found.answer === "sat" ? (out ?? null) : null,
    });
  } else context.print(found.answer);
}

const plain = (found: PropertyAnswer): object =>
  found.answer === "sat" ? { ...found, x: [...found.x], y: [...found.y] } : found;
