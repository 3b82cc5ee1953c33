// The recipe robust: aggregate cuts with a moving centre, of images attacked anew in every iteration.
import { type CentreRecord, type CentreState, movingCentre } from "../correct/moving-centre.ts";
import { scorePoints } from "../correct/violation.ts";
import type { Dataset } from "../data/dataset.ts";
import { loadNetwork, type Network } from "../engine/network.ts";
import { cutMeter } from "./cut-meter.ts";
import type { Split } from "./draws.ts";
import type { Kept, MeasuredFile, Recipe, RecipeContext } from "./recipe.ts";
import type { RobustOptions } from "./robust-options.ts";
import { createSeparation, type Separation } from "./separation.ts";

export interface RobustRun extends RecipeContext, Kept<CentreState> {
  readonly options: RobustOptions;
  readonly data: Dataset;
  /** Points that must be right. */
  readonly points?: Dataset | undefined;
  /** The images attacked in place of D's. */
  readonly sources?: Dataset | undefined;
  readonly split: Split;
  readonly onIteration?: ((record: CentreRecord) => void) | undefined;
}

export function robustRecipe(run: RobustRun): Recipe {
  const { options, data, points, sources, split, workers, clock, signal, onProgress } = run;
  let stage = "";
  const meter = cutMeter(clock, run.work);
  const separationOf = (network: Network): Separation =>
    createSeparation({
      network,
      data,
      own: points,
      images: sources,
      split,
      options,
      workers,
      metered: meter.metered,
      signal,
      onShard: (done, of) => onProgress?.(stage, done, of),
    });
  const separation = separationOf(run.network);
  const own = points?.count ?? 0;

  const measure = async (file: Uint8Array): Promise<MeasuredFile> => {
    const { theta0, judge, loss } = separationOf(await loadNetwork(file, run.network.options));
    const { y, logits } = await judge(theta0);
    const { violation, corrected, wrong } = scorePoints(logits, y, options.margin);
    return {
      measured: { violation, corrected, points: y.length, loss: await loss(theta0) },
      wrong: wrong.filter((point) => point < own),
      logits,
    };
  };
  return {
    find: async () => {
      const { timeLimit } = options;
      const found = await movingCentre(separation, {
        ...options,
        signal,
        spent: () => (timeLimit === null ? 0 : clock.times().seconds / timeLimit),
        state: run.state,
        onState: run.onState,
        onIteration: (record) => {
          clock.lap();
          run.onIteration?.(record);
        },
        stage: (name, work) => {
          stage = name;
          return clock.stage(name, work);
        },
      });
      return { ...found, contradictions: [] };
    },
    before: (found) => {
      const { violation, loss, corrected } = found.pool[0];
      return { violation: violation!, loss: loss!, corrected, points: separation.judged + own };
    },
    measure,
    points: () => points,
    work: meter.work,
    close: async () => {},
  };
}
