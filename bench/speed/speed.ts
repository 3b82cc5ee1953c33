// npm run bench -- speed: passes, subproblems and whole runs on one machine, in one call, side by side.
import { join } from "node:path";
import { openWorkers, type Workers } from "../../src/engine/workers.ts";
import { slice } from "../../src/index.ts";
import { machine } from "../../src/run/machine.ts";
import { versions } from "../../src/run/versions.ts";
import type { BenchWork } from "../work.ts";
import { gemmRate } from "./gemm.ts";
import { type GrowthRow, type GrowthRun, growthRow, growthRuns, type Subject } from "./growth.ts";
import { measurePasses, type PassRow } from "./passes.ts";
import { measureQps, type QpRow } from "./qp.ts";

/** What is measured. */
export interface SpeedPlan {
  /** Numbers of points and of iterations in the runs of the first network; while one varies, the other is `usual`. */
  readonly points: readonly number[];
  readonly iterations: readonly number[];
  readonly usual: { readonly points: number; readonly iterations: number };
  /** Numbers of points in the runs of the other networks. */
  readonly others: readonly number[];
  /** The numbers of points of the runs whose subproblems are solved again, and after which iterations. */
  readonly qpPoints: readonly number[];
  readonly qpAt: readonly number[];
  /** How many images a pass has, and for how many seconds it is measured at least. */
  readonly images: number;
  readonly seconds: number;
}

export const fullPlan: SpeedPlan = {
  points: [10, 20, 30, 40, 50],
  iterations: [5, 10, 20, 40],
  usual: { points: 10, iterations: 20 },
  others: [10, 50],
  qpPoints: [10, 50],
  qpAt: [5, 10, 20],
  images: 2000,
  seconds: 2,
};

/** A plan that is just enough to see that everything works. */
export const quickPlan: SpeedPlan = {
  points: [10, 20],
  iterations: [1, 2],
  usual: { points: 10, iterations: 2 },
  others: [10],
  qpPoints: [10],
  qpAt: [1, 2],
  images: 100,
  seconds: 0.05,
};

export interface SpeedBench extends BenchWork {
  /** Of the first one growth is measured in full, and its subproblems are given to other solvers too. */
  readonly subjects: readonly Subject[];
  readonly plan: SpeedPlan;
  /** The folder keeps the runs, so that a second call goes on. */
  readonly folder: string;
  /** How many seconds another solver may take; 0 asks none. */
  readonly limit: number;
}

export interface SpeedResults {
  readonly versions: ReturnType<typeof versions>;
  readonly machine: string;
  readonly processes: number;
  readonly seed: number;
  /** The rate of all processes together in operations a second, before and after the passes. */
  readonly gemm: readonly number[];
  readonly passes: readonly PassRow[];
  readonly qps: readonly QpRow[];
  readonly growth: readonly GrowthRow[];
}

const GEMM_SECONDS = 1;

async function passesOf(
  bench: SpeedBench,
  workers: Workers,
): Promise<Pick<SpeedResults, "gemm" | "passes">> {
  const { subjects, plan, signal, onProgress } = bench;
  const seconds = Math.min(GEMM_SECONDS, plan.seconds);
  const before = await gemmRate(workers, seconds);
  const passes: PassRow[] = [];
  for (const [i, { network, model, data }] of subjects.entries()) {
    onProgress?.("passes", i, subjects.length);
    const images = slice(data, 0, Math.min(plan.images, data.count));
    const call = { network, data: images, workers, seconds: plan.seconds, signal };
    passes.push(...(await measurePasses(model, call)));
  }
  return { gemm: [before, await gemmRate(workers, seconds)], passes };
}

/** The runs of a subject; the first one has every number of points and every number of iterations. */
function runsOf(subject: Subject, bench: SpeedBench): Promise<GrowthRun[]> {
  const { plan, subjects } = bench;
  const { usual } = plan;
  const at = (points: number, iterations: number) => ({ points, iterations });
  const sizes =
    subject === subjects[0]
      ? [
          ...plan.points.map((points) => at(points, usual.iterations)),
          ...plan.iterations
            .filter((iterations) => iterations !== usual.iterations)
            .map((iterations) => at(usual.points, iterations)),
        ]
      : plan.others.map((points) => at(points, usual.iterations));
  return growthRuns(subject, sizes, bench);
}

export async function benchSpeed(bench: SpeedBench): Promise<SpeedResults> {
  const { subjects, plan, seed, threads, signal, onProgress } = bench;
  const runs: GrowthRun[] = [];
  for (const subject of subjects) {
    const folder = join(bench.folder, "runs");
    runs.push(...(await runsOf(subject, { ...bench, folder })));
  }
  const workers = openWorkers(threads);
  try {
    const passes = await passesOf(bench, workers);
    const qps: QpRow[] = [];
    for (const { subject, used, run, points, iterations } of runs) {
      if (iterations !== plan.usual.iterations || !plan.qpPoints.includes(points)) continue;
      const limit = subject === subjects[0] ? bench.limit : 0;
      const about = {
        ...subject,
        points: used,
        run,
        workers,
        at: plan.qpAt,
        limit,
        signal,
        onProgress,
      };
      qps.push(...(await measureQps(about)));
    }
    return {
      versions: versions(),
      machine: machine(),
      processes: workers.size,
      seed,
      ...passes,
      qps,
      growth: runs.map(growthRow),
    };
  } finally {
    await workers.close();
  }
}
