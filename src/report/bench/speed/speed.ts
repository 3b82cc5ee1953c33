// temper bench speed: passes, subproblems and whole runs on one machine, in one call, side by side.
import { join } from "node:path";
import { slice } from "../../../data/dataset.ts";
import { gemmRate } from "../../../engine/gemm.ts";
import { openWorkers, type Workers } from "../../../engine/workers.ts";
import { machine } from "../../../run/machine.ts";
import { versions } from "../../../run/versions.ts";
import type { BenchWork } from "../work.ts";
import { type GrowthRow, type GrowthRun, growthRow, growthRuns, type Subject } from "./growth.ts";
import { measurePasses, type PassRow } from "./passes.ts";
import { measureQps, type QpRow } from "./qp.ts";

/** What is measured. */
export interface SpeedPlan {
  /** Numbers of points and of iterations of the first network's runs; each varies at the other's `usual`. */
  readonly points: readonly number[];
  readonly iterations: readonly number[];
  readonly usual: { readonly points: number; readonly iterations: number };
  /** Numbers of points of the other networks' runs. */
  readonly others: readonly number[];
  /** Whose subproblems are solved again, and after which iterations. */
  readonly qpPoints: readonly number[];
  readonly qpAt: readonly number[];
  /** Images of a pass, and the least seconds it is measured for. */
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

/** Enough to see that everything works. */
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
  /** The first one's growth is measured in full, and its subproblems are given to other solvers too. */
  readonly subjects: readonly Subject[];
  readonly plan: SpeedPlan;
  /** Keeps the runs; a second call goes on. */
  readonly folder: string;
  /** Seconds that another solver may take; 0 asks none. */
  readonly limit: number;
}

export interface SpeedResults {
  readonly versions: ReturnType<typeof versions>;
  readonly machine: string;
  readonly processes: number;
  readonly seed: number;
  /** Of all processes together, before and after the passes, as operations a second. */
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

/** The runs of a subject; of the first one every number of points and every number of iterations. */
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
