// The recipes standard and paper: Algorithm 1 on given points.
import { algorithm1, type IterationRecord } from "../correct/algorithm.ts";
import type { Contradiction } from "../correct/elastic.ts";
import type { CutSet, Oracle } from "../correct/oracle.ts";
import type { AlgorithmState } from "../correct/state.ts";
import type { Dataset } from "../data/dataset.ts";
import { createOracle } from "../engine/oracle.ts";
import { measureFile } from "./measure.ts";
import type { CorrectOptions } from "./options.ts";
import type { Kept, Recipe, RecipeContext } from "./recipe.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** The work behind the Gram matrix, counted. */
interface GramWork {
  entries: number;
  set?: CutSet;
}

/**
 * The oracle with its Gram entries counted, and their time told apart from the solver's that asks for them; and
 * the time of the one loss that is asked for alone.
 */
function timedOracle(oracle: Oracle, clock: Stopwatch, work: GramWork): Oracle {
  return {
    ...oracle,
    loss: (theta) => clock.stage("loss", () => oracle.loss(theta)),
    cutSet: () => {
      const set = oracle.cutSet();
      work.set = set;
      return {
        ...set,
        get count() {
          return set.count;
        },
        gram: (rows, columns) => {
          work.entries += rows.length * columns.length;
          return clock.measure("gram", () => set.gram(rows, columns));
        },
      };
    },
  };
}

export interface PointRun extends RecipeContext, Kept<AlgorithmState> {
  readonly options: CorrectOptions;
  readonly data: Dataset;
  readonly points: Dataset;
  readonly onIteration?: ((record: IterationRecord) => void) | undefined;
  readonly onContradiction?: ((found: Contradiction) => void) | undefined;
}

export function pointRecipe(run: PointRun): Recipe {
  const { network, points, data, options, pool, clock, signal, onProgress } = run;
  let stage = "";
  const oracle = createOracle({
    network,
    points,
    data,
    loss: options.loss,
    pool,
    signal,
    onShard: (done, of) => onProgress?.(stage, done, of),
  });
  const work: GramWork = { entries: run.gramEntries };
  return {
    find: async () => {
      const found = await algorithm1(timedOracle(oracle, clock, work), {
        ...options,
        penalty: options.penalty === "inf" ? Infinity : options.penalty,
        signal,
        state: run.state,
        onState: run.onState,
        onIteration: (record) => {
          clock.lap();
          run.onIteration?.(record);
        },
        onContradiction: run.onContradiction,
        stage: (name, run) => {
          stage = name;
          return clock.stage(name, run);
        },
      });
      await oracle.close();
      return found;
    },
    before: (found) => {
      const { violation, loss, corrected } = found.pool[0];
      return { violation: violation!, loss: loss!, corrected, points: points.count };
    },
    measure: (file) => {
      const { margin, loss } = options;
      return measureFile(file, {
        options: network.options,
        points,
        data,
        margin,
        loss,
        pool,
        signal,
      });
    },
    work: () => ({ gramEntries: work.entries, bytesOfCuts: work.set?.bytes() ?? 0 }),
    close: () => oracle.close(),
  };
}
