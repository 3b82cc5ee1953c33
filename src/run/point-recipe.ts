// The recipes standard and paper: Algorithm 1 on given points.
import { algorithm1, type IterationRecord } from "../correct/algorithm.ts";
import type { Contradiction } from "../correct/elastic.ts";
import type { Oracle } from "../correct/oracle.ts";
import type { AlgorithmState } from "../correct/state.ts";
import type { Dataset } from "../data/dataset.ts";
import { createOracle } from "../engine/oracle.ts";
import { cutMeter } from "./cut-meter.ts";
import { measureFile } from "./measure.ts";
import type { CorrectOptions } from "./options.ts";
import type { Kept, Recipe, RecipeContext } from "./recipe.ts";

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
  const meter = cutMeter(clock, run.work);
  const timed: Oracle = {
    ...oracle,
    loss: (theta) => clock.stage("loss", () => oracle.loss(theta)), // the one loss that is asked for alone
    cutSet: () => meter.metered(oracle.cutSet()),
  };
  return {
    find: async () => {
      const found = await algorithm1(timed, {
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
    work: meter.work,
    close: () => oracle.close(),
  };
}
