// The points of the paper's tables: PGD on the training set, of each label the worst.
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { attack } from "../../attack/attack.ts";
import type { AttackRequest } from "../../attack/options.ts";
import { type Dataset, gather } from "../../data/dataset.ts";
import { openData } from "../../data/open.ts";
import { writePoints } from "../../data/points.ts";
import { writeAtomic } from "../../data/write.ts";
import type { Model } from "../../engine/model.ts";
import { TemperError } from "../../errors.ts";
import type { BenchWork } from "./work.ts";

export interface WorstCall extends BenchWork {
  readonly data: Dataset;
  readonly attack: AttackRequest;
  /** How many in all. */
  readonly worst: number;
  /** The file that keeps them: a second call reads what the first has found. */
  readonly path: string;
}

/** Attacks the data once; the answer is the worst points, label by label, in each label the worst first. */
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
      onProgress: (done, of) => onProgress?.("attack", done, of),
    });
    await mkdir(dirname(path), { recursive: true });
    await writeAtomic(path, writePoints(points));
    return points;
  }
}

/** The first count / labels of each label: points lie label by label, worst first. */
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
