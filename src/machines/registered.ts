// The tasks that other machines run: named by the queue, and found here. Anything else is refused.
//
// Those that need a file of the command's machine are not among them, or give back what would go into it.

import * as cleanTasks from "../attack/clean.ts";
import * as pointsTasks from "../attack/points-tasks.ts";
import * as probeTasks from "../attack/probe.ts";
import * as attackTasks from "../attack/tasks.ts";
import * as boundTasks from "../bounds/tasks.ts";
import type { GradientGroup, GradientShard } from "../engine/gradient-sums.ts";
import * as gradientSums from "../engine/gradient-sums.ts";
import * as movingPart from "../engine/moving-part.ts";
import * as sumTasks from "../engine/sum-tasks.ts";
import type { TaskName } from "../engine/task.ts";
import * as lossTasks from "../engine/tasks.ts";
import { TemperError } from "../errors.ts";
import * as adversarialTasks from "../train/adversarial-tasks.ts";
import type { Needed } from "./stored-images.ts";

/** Which images of a shared data set a task looks at. */
export type Images =
  | { readonly of: string; readonly images: Needed }
  /** By their place in the shared order. */
  | { readonly of: string; readonly sorted: { readonly from: number; readonly to: number } };

/** What is known of a task. */
export interface Registered {
  /** The module that exports it, here. */
  readonly module: string;
  readonly images: (arg: never) => Images | undefined;
}

const slice = (shard: { readonly from: number; readonly to: number }): Images => ({
  of: "data",
  images: shard,
});
const sorted = (shard: { readonly from: number; readonly to: number }): Images => ({
  of: "data",
  sorted: shard,
});
const chosen = ({ ids, from }: { readonly ids: Int32Array; readonly from?: string }): Images => ({
  of: from ?? "data",
  images: ids,
});
/** Consecutive slices, or chosen images of several shards. */
function imagesOfGroup(shards: readonly GradientShard[]): Images {
  const slices = shards.flatMap((shard) => ("ids" in shard ? [] : [shard]));
  if (slices.length > 0) return slice({ from: slices[0].from, to: slices.at(-1)!.to });
  return chosen({ ids: Int32Array.from(shards.flatMap((s) => ("ids" in s ? [...s.ids] : []))) });
}
const none = (): undefined => undefined;

/** Tasks by their names. */
export type Registry = ReadonlyMap<string, Registered>;

const tasksOf = (
  { module }: { readonly module: string },
  images: Readonly<Record<string, Registered["images"]>>,
): [string, Registered][] => Object.entries(images).map(([n, of]) => [n, { module, images: of }]);

export const registered: Registry = new Map([
  ...tasksOf(lossTasks, {
    lossShard: slice,
    answersShard: slice,
    imageLossesShard: slice,
    sortedLossShard: sorted,
  }),
  ...tasksOf(sumTasks, {
    sumShard: none,
    logitsShard: none,
    sampleLossesShard: chosen,
  }),
  ...tasksOf(gradientSums, {
    gradientShard: (shard: GradientShard) => ("ids" in shard ? chosen(shard) : slice(shard)),
    gradientGroup: ({ shards }: GradientGroup) => imagesOfGroup(shards),
  }),
  ...tasksOf(movingPart, { crossingShard: slice }),
  ...tasksOf(attackTasks, { attackShard: chosen }),
  ...tasksOf(pointsTasks, { pointsShard: chosen }),
  ...tasksOf(cleanTasks, { cleanShard: slice }),
  ...tasksOf(probeTasks, { probeShard: chosen }),
  ...tasksOf(boundTasks, { boundShard: chosen, radiusShard: chosen }),
  ...tasksOf(adversarialTasks, { adversarialShard: chosen }),
]);

/**
 * The name of a task on the queue.
 *
 * @param args what it is called with
 * @returns undefined where it runs on this machine only: also where an argument says by which code its images are made
 */
export function nameOf(
  registry: Registry,
  { module, name }: TaskName,
  args: readonly unknown[],
): string | undefined {
  return registry.get(name)?.module === module && !args.some(namesCode) ? name : undefined;
}

const namesCode = (arg: unknown): boolean =>
  typeof arg === "object" &&
  arg !== null &&
  Object.values(arg).some((one) => one !== null && typeof one === "object" && "module" in one);

/**
 * The task of this name.
 *
 * @throws TemperError `worker-failed` where there is none
 */
export function taskNamed(registry: Registry, name: unknown): TaskName & Registered {
  const found = typeof name === "string" ? registry.get(name) : undefined;
  if (found === undefined) {
    const words = JSON.stringify(name)?.slice(0, 80);
    throw new TemperError(
      "worker-failed",
      `the queue asks for the task ${words}, which there is not`,
    );
  }
  return { ...found, name: name as string };
}

/**
 * Refuses a value from the queue that names a file of this machine, or a place in one: it would be read, written, run.
 *
 * @throws TemperError `worker-failed`
 */
export function refusePlaces(value: unknown): void {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  if (value instanceof Map) {
    for (const inside of value.values()) refusePlaces(inside);
    return;
  }
  for (const [key, inside] of Object.entries(value)) {
    if (PLACES.has(key) && inside !== undefined) {
      throw new TemperError(
        "worker-failed",
        `the queue names a file, or a place in one ("${key}")`,
      );
    }
    refusePlaces(inside);
  }
}

/** The words that files and places go by in what tasks are given (pixel-file.ts, scratch.ts, given-images.ts). */
const PLACES = new Set(["file", "at", "module"]);
