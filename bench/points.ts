// The points of the paper's tables: the images of each label that PGD on the training set turns the furthest.
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { gather } from "../src/data/dataset.ts";
import { writeAtomic } from "../src/data/write.ts";
import {
  type AttackRequest,
  attack,
  type Dataset,
  type Model,
  openData,
  TemperError,
  writePoints,
} from "../src/index.ts";
import type { BenchWork } from "./work.ts";

export interface WorstCall extends BenchWork {
  readonly data: Dataset;
  readonly attack: AttackRequest;
  /** How many points there are in all. */
  readonly worst: number;
  /** The file that keeps the points, so that a second call reads what the first has found. */
  readonly path: string;
}

/** Attacks the data once. The answer is the worst points label by label, and the worst of each label comes first. */
export async function worstPoints(model: Model, call: WorstCall): Promise<Dataset> {
  const { data, worst, path, seed, threads, signal, onProgress } = call;
  try {
    return await openData(path);
  } catch (error) {
    if (!(error instanceof TemperError && error.code === "file-missing")) throw error;
    const { points } = await attack(model, {
      ...call.attack,
      data,
      worst,
      seed,
      threads,
      signal,
      onProgress,
    });
    await mkdir(dirname(path), { recursive: true });
    await writeAtomic(path, writePoints(points));
    return points;
  }
}

/** The first count / labels points of each label, which are its worst. */
export function firstOfEachLabel(points: Dataset, count: number, labels: number): Dataset {
  const taken = new Map<number, number>();
  const ids = Int32Array.from(points.labels.keys()).filter((i) => {
    const n = (taken.get(points.labels[i]) ?? 0) + 1;
    taken.set(points.labels[i], n);
    return n <= count / labels;
  });
  return {
    name: `${count} worst points`,
    shape: points.shape,
    count: ids.length,
    pixels: gather(points, ids),
    labels: ids.map((i) => points.labels[i]),
  };
}
