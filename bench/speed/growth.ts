// How time and memory grow with the points, the iterations and the parameters: runs of the paper's recipe.
import { join } from "node:path";
import { correct, type Dataset, type Model, type PointRun } from "../../src/index.ts";
import { firstOfEachLabel } from "../points.ts";
import type { BenchWork } from "../work.ts";

export interface GrowthRow {
  readonly network: string;
  readonly parameters: number;
  readonly points: number;
  readonly iterations: number;
  readonly images: number;
  /** What the whole run took, and what each stage took. */
  readonly seconds: number;
  readonly stages: Readonly<Record<string, number>>;
  readonly gramEntries: number;
  readonly rowProducts: number;
  /** What the cuts hold, and all Gram entries that were computed, at 8 bytes each. */
  readonly bytesOfCuts: number;
  readonly bytesOfGram: number;
}

/** A network with its worst points, which lie label by label. */
export interface Subject {
  readonly network: string;
  readonly model: Model;
  readonly data: Dataset;
  readonly points: Dataset;
}

export interface Size {
  readonly points: number;
  readonly iterations: number;
}

export interface GrowthRun extends Size {
  readonly subject: Subject;
  readonly used: Dataset;
  readonly run: PointRun;
}

/** Makes a run of each size, or opens the one that an earlier call made in the folder. */
export async function growthRuns(
  subject: Subject,
  sizes: readonly Size[],
  { folder, seed, threads, signal, onProgress, onIteration }: BenchWork & { folder: string },
): Promise<GrowthRun[]> {
  const { network, model, data, points } = subject;
  const runs: GrowthRun[] = [];
  for (const size of sizes) {
    const used = firstOfEachLabel(points, size.points, model.labels);
    const run = await correct(model, {
      recipe: "paper",
      iterations: size.iterations,
      data,
      points: used,
      folder: join(folder, `${network.toLowerCase()}-${size.points}-${size.iterations}`),
      resume: true,
      seed,
      threads,
      signal,
      onProgress,
      onIteration: (record) => onIteration?.(size.points, record),
    });
    runs.push({ ...size, subject, used, run });
  }
  return runs;
}

export function growthRow({ subject, used, iterations, run }: GrowthRun): GrowthRow {
  const { network, model, data } = subject;
  const { seconds, stages, gramEntries, rowProducts, bytesOfCuts } = run.timings;
  return {
    network,
    parameters: model.parameterCount,
    points: used.count,
    iterations,
    images: data.count,
    seconds,
    stages,
    gramEntries,
    rowProducts,
    bytesOfCuts,
    bytesOfGram: 8 * gramEntries,
  };
}
