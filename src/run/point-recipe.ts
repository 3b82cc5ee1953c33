// The recipes standard and paper: Algorithm 1 on given points.
import { type AlgorithmOptions, algorithm1, type IterationRecord } from "../correct/algorithm.ts";
import type { Contradiction } from "../correct/elastic.ts";
import type { Oracle } from "../correct/oracle.ts";
import type { AlgorithmState } from "../correct/state.ts";
import type { Dataset } from "../data/dataset.ts";
import { createOracle } from "../engine/oracle.ts";
import { cutMeter } from "./cut-meter.ts";
import { measureFile } from "./measure.ts";
import type { CorrectOptions } from "./options.ts";
import { proofOf } from "./proof.ts";
import { cleanOf, createReattack, emptied } from "./reattack.ts";
import type { Kept, Recipe, RecipeContext } from "./recipe.ts";

export interface PointRun extends RecipeContext, Kept<AlgorithmState> {
  readonly options: CorrectOptions;
  readonly data: Dataset;
  readonly points: Dataset;
  readonly onIteration?: ((record: IterationRecord) => void) | undefined;
  readonly onContradiction?: ((found: Contradiction) => void) | undefined;
}

/** What Algorithm 2 needs, where it is asked for. */
function blocksOf({
  solver,
  freeShare,
  blockSteps,
  seed,
}: CorrectOptions): AlgorithmOptions["blocks"] {
  return solver === "blocks" ? { freeShare: freeShare!, blockSteps: blockSteps!, seed } : undefined;
}

export function pointRecipe(run: PointRun): Recipe {
  const { network, data, options, workers, clock, signal, onProgress } = run;
  const sources = options.reattack === null ? undefined : cleanOf(run.points);
  let stage = "";
  let onLines = false; // where images of one candidate say less than how many candidates are left
  const oracle = createOracle({
    network,
    points: sources === undefined ? run.points : emptied(sources),
    data,
    loss: options.loss,
    workers,
    signal,
    onShard: (done, of) => onLines || onProgress?.(stage, done, of),
  });
  const reattack =
    sources && createReattack(oracle, sources, options.reattack!, { workers, signal });
  const points = (): Dataset => reattack?.points() ?? run.points;
  const meter = cutMeter(clock, run.work);
  const timed: Oracle = {
    ...oracle,
    ask: reattack?.ask,
    loss: (theta) => clock.stage("loss", () => oracle.loss(theta)), // the one loss that is asked for alone
    cutSet: () => meter.metered(oracle.cutSet()),
  };
  return {
    find: async () => {
      const found = await algorithm1(timed, {
        ...options,
        blocks: blocksOf(options),
        rivals: options.rivals === "all" ? Infinity : options.rivals,
        penalty: options.penalty === "inf" ? Infinity : options.penalty,
        signal,
        state: run.state,
        onState: run.onState,
        onIteration: (record) => {
          clock.lap();
          run.onIteration?.(record);
        },
        onContradiction: run.onContradiction,
        onLine: (done, of) => {
          onLines = true;
          onProgress?.("line points", done, of);
        },
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
      return { violation: violation!, loss: loss!, corrected, points: oracle.y().length };
    },
    proof: ({ pool: candidates, choice, iterations }, { logits }) =>
      proofOf(
        candidates[choice],
        iterations.filter((record) => "anchor" in record),
        { network, options, logits, y: points().labels },
      ),
    measure: (file) => {
      const { margin, loss } = options;
      return measureFile(file, {
        options: network.options,
        points: points(),
        data,
        margin,
        loss,
        workers,
        signal,
      });
    },
    points,
    work: meter.work,
    close: () => oracle.close(),
  };
}
