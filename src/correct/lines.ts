// The losses of the points along the lines, left to the end: most of them need not be finished.
//
// The loss is never negative, so a running sum over images bounds it from below. Once the bound exceeds the
// loss of a candidate with no larger violation, the point is dominated (Definition 4) whatever its loss
// may be; it cannot be on the front, and its evaluation stops. The front and the choice are those of the
// full pool; where a sample of D told what is dominated (loss-sample.ts), at the confidence of the run.
// Last iterations come first: their points dominate most of the earlier ones.
import { finiteOrNull, type Trial } from "./candidates.ts";
import { lowest } from "./dominance.ts";
import type { Loss } from "./oracle.ts";

export interface LinesOptions {
  /** The number of steps along each line: points on it are the trials with 0 < step < alphas. */
  readonly alphas: number;
  /** Whether every evaluation goes on to its end. */
  readonly fullPool: boolean;
  /**
   * The trial's loss; the evaluation may stop as soon as the loss is known to exceed `limit`. `waiting` is how many are
   * evaluated so.
   */
  readonly evaluate: (trial: Trial, limit: number, waiting: number) => Promise<Loss>;
  /** The points that an earlier run got to: they come first, and had the same limits. */
  readonly known?: readonly Trial[] | undefined;
  /** Called after each trial that was evaluated: how many points are done, of how many. */
  readonly onLine?: ((done: number, of: number) => void) | undefined;
  /** Called when the points of an iteration are done, with all so far. */
  readonly onLines?: ((found: readonly Trial[]) => Promise<void>) | undefined;
}

function withLoss({ lossEstimate: _, ...trial }: Trial, found: Loss): Trial {
  return "loss" in found ? { ...trial, loss: finiteOrNull(found.loss) } : { ...trial, ...found };
}

/** The trials, in their order; those along the lines, whose losses were null, with a loss or a bound. */
export async function evaluateLines(
  trials: readonly Trial[],
  { alphas, fullPool, evaluate, known = [], onLine, onLines }: LinesOptions,
): Promise<Trial[]> {
  // An anchor whose loss a sample told waits like a point on its line.
  const waits = ({ step, lossEstimate }: Trial): boolean =>
    lossEstimate !== undefined || (step > 0 && step < alphas);
  const results = new Map(trials.entries());
  const evaluated = trials.filter((trial) => !waits(trial));
  const waiting = [...trials.entries()]
    .filter(([, trial]) => waits(trial))
    .sort(([, a], [, b]) => b.iteration - a.iteration || b.step - a.step);
  const found: Trial[] = [];
  for (const [at, [index, trial]] of waiting.entries()) {
    const { violation } = trial;
    const stops = !fullPool && violation !== null;
    const limit = stops ? lowest("loss", evaluated, violation) : Infinity;
    const result = known[at] ?? withLoss(trial, await evaluate(trial, limit, waiting.length));
    results.set(index, result);
    evaluated.push(result);
    found.push(result);
    if (at < known.length) continue;
    onLine?.(at + 1, waiting.length);
    const next = waiting[at + 1]?.[1];
    if (next !== undefined && next.iteration < trial.iteration) await onLines?.([...found]);
  }
  return [...results.values()];
}
