// Images of a task: given, or made in the process that needs them, of what it holds already.
import type { TaskFunction, TaskName, TaskState } from "./task.ts";

/** Row-major images, or the task that makes them and what it is called with: that is much less to send. */
export type GivenImages = Float32Array | MadeImages;

export interface MadeImages extends TaskName {
  readonly arg: unknown;
}

/** The images themselves. */
export async function imagesIn(state: TaskState, given: GivenImages): Promise<Float32Array> {
  if (given instanceof Float32Array) return given;
  const task = (await import(given.module))[given.name] as TaskFunction<unknown, Float32Array>;
  return task(state, given.arg);
}
