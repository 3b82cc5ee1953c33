// Tasks for the tests of workers: some end their process, one fails, others double, multiply, count, wait or give back.
import { existsSync, writeFileSync } from "node:fs";
import type { TaskState } from "../../src/engine/task.ts";
import { TemperError } from "../../src/errors.ts";

export const module: string = import.meta.url;

export async function double(state: TaskState, x: number): Promise<number> {
  return 2 * x + state.get<number>("offset");
}

/** The shared value "theta". */
export const theta = async (state: TaskState): Promise<Float32Array> => state.get("theta");

/** It and x times it. */
export async function timesTheta(state: TaskState, x: number): Promise<unknown> {
  const theta = state.get<Float32Array>("theta");
  return { product: new Float64Array(theta).map((t) => x * t), theta, short: Float64Array.of(x) };
}

let made = 0;

/** How often this process has derived something from the shared value "theta". */
export const derivations = (state: TaskState): Promise<number> =>
  state.derive("count", ["theta"], async () => ++made);

/** Dies once: the file remembers that it did. */
export async function dieOnce(_: TaskState, arg: { marker: string; x: number }): Promise<number> {
  if (!existsSync(arg.marker)) {
    writeFileSync(arg.marker, "");
    process.kill(process.pid, "SIGKILL");
  }
  return arg.x;
}

export async function dieAlways(): Promise<void> {
  process.kill(process.pid, "SIGKILL");
}

export async function refuse(): Promise<void> {
  throw new TemperError("data-mismatch", "refused in the worker", {
    cause: new TemperError("data-mismatch", "for a reason", { cause: new Error("raw words") }),
  });
}

export const echo = async (_: TaskState, value: unknown): Promise<unknown> => value;

/** Ends once a file is there. */
export async function waitFor(_: TaskState, file: string): Promise<void> {
  while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 20));
}
