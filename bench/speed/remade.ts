// The cuts of a finished run, made again at its anchors, with the work on rows told apart from the solver's.

import { createCuts } from "../../src/correct/cuts.ts";
import { createSubproblem, type Subproblem } from "../../src/correct/subproblem.ts";
import { networkOf } from "../../src/engine/model.ts";
import { createOracle } from "../../src/engine/oracle.ts";
import type { Workers } from "../../src/engine/workers.ts";
import type { CutRows, Dataset, Model, PointRun } from "../../src/index.ts";
import { cutMeter } from "../../src/run/cut-meter.ts";
import { createStopwatch } from "../../src/run/stopwatch.ts";

export interface RunProblem {
  /** A run of the paper's recipe, and the model, points and data that it was made with. */
  readonly run: PointRun;
  readonly model: Model;
  readonly points: Dataset;
  readonly data: Dataset;
  readonly workers: Workers;
  readonly signal?: AbortSignal | undefined;
}

/** The result of some work and its time, with the time on rows (Gram entries, products) told apart. */
export interface Timed<R> {
  readonly result: R;
  readonly seconds: number;
  readonly rowSeconds: number;
}

/** An answer to (13). */
export interface Solved {
  readonly status: string;
  /** The multipliers of all rows, [m]. */
  readonly lambda: Float64Array;
}

export interface RemadeCuts {
  readonly rows: CutRows;
  rhs(): Float64Array;
  /** Adds the cuts of iteration k = 1, 2, ... */
  add(k: number): Promise<void>;
  timed<R>(work: () => R | Promise<R>): Promise<Timed<R>>;
  /** Makes a solver that has seen nothing yet; it may be kept while cuts are added. */
  subproblem(): Subproblem;
  solve(subproblem: Subproblem): Promise<Timed<Solved>>;
  close(): Promise<void>;
}

export function remakeCuts({ run, model, points, data, workers, signal }: RunProblem): RemadeCuts {
  const oracle = createOracle({ network: networkOf(model), points, data, workers, signal });
  const clock = createStopwatch();
  const meter = cutMeter(clock);
  const { rows, rhs, add } = createCuts(
    { ...oracle, cutSet: () => meter.metered(oracle.cutSet()) },
    { margin: 0, radius: 0, lossSlack: 0 },
  );
  const rowTime = (): number => {
    const { gram = 0, products = 0 } = clock.times().stages;
    return gram + products;
  };
  const timed: RemadeCuts["timed"] = async (work) => {
    const [before, from] = [rowTime(), performance.now()];
    const result = await work();
    const all = (performance.now() - from) / 1000;
    const rowSeconds = rowTime() - before;
    return { result, rowSeconds, seconds: all - rowSeconds };
  };
  const { alphas } = run.record.options;
  return {
    rows,
    rhs,
    add: async (k) => {
      const isAnchor = ({ iteration, step }: { iteration: number; step: number }): boolean =>
        iteration === k - 1 && (step === alphas || k === 1);
      const theta = run.theta(run.pool.find(isAnchor)!);
      await add(theta, await oracle.lossGradient(theta));
    },
    timed,
    subproblem: () => createSubproblem(rows, { longest: () => Infinity }),
    solve: (subproblem) =>
      timed(() => {
        const { status, active } = subproblem.solve(rhs());
        const lambda = new Float64Array(rows.count());
        for (const [k, row] of active.rows.entries()) lambda[row] = active.multipliers[k];
        return { status, lambda };
      }),
    close: () => oracle.close(),
  };
}
