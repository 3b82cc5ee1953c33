// Figure 1 itself: the pool of the paper's CNN after 5 iterations, every loss evaluated to the end.
import { join } from "node:path";
import type { Dataset } from "../../data/dataset.ts";
import type { Model } from "../../engine/model.ts";
import { correct } from "../../run/correct.ts";
import type { Run } from "../../run/record.ts";
import { MNIST_PROTOCOL } from "./paper.ts";
import { worstPoints } from "./points.ts";
import { openResults } from "./results.ts";
import { type BenchWork, settingOf } from "./work.ts";

export interface Figure1Bench extends BenchWork {
  readonly model: Model;
  readonly train: Dataset;
  /** Keeps points and run; a second call continues. */
  readonly folder: string;
}

/** The paper does not say how many points its figure has. */
const POINTS = 10;

/** The run that Figure 1 shows. */
export async function benchFigure1(bench: Figure1Bench): Promise<Run> {
  const { model, train, folder, seed, threads, signal, onProgress, onIteration } = bench;
  const file = await openResults(
    join(folder, "figure1.json"),
    settingOf(model, { train }, seed),
    {},
  );
  const points = await worstPoints(model, {
    ...bench,
    data: train,
    attack: MNIST_PROTOCOL,
    worst: POINTS,
    path: join(folder, "points.npz"),
  });
  const run = await correct(model, {
    recipe: "paper",
    iterations: 5,
    fullPool: true,
    data: train,
    points,
    folder: join(folder, "run"),
    resume: true,
    seed,
    threads,
    signal,
    onProgress,
    onIteration: (record) => onIteration?.(POINTS, record),
  });
  const { machine, seconds } = run.timings;
  await file.keep({ machine, seconds, pool: run.pool });
  return run;
}
