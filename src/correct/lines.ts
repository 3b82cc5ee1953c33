// The losses of the points along the directions, left to the end: most of them need not be finished.
//
// The loss is never negative, so a running sum over images bounds it from below. Once the bound exceeds the
// loss of a candidate with no larger violation, the point is dominated (Definition 4) whatever its loss
// may be; it cannot be on the front, and its evaluation stops. The front and the choice are those of the
// full pool. Last iterations come first: their points dominate most of the earlier ones.
import { finiteOrNull, type Trial } from "./candidates.ts";

/** L(theta; D), or where its evaluation stopped, a value that it exceeds or equals. */
export type Loss = { readonly loss: number } | { readonly lossAtLeast: number };

/** Lines are the trials with 0 < step < alphas; their losses are still null. */
export interface LinesOptions {
  readonly alphas: number;
  /** Stops nothing. */
  readonly fullPool: boolean;
  /** The trial's loss; may stop as soon as the loss is known to exceed `limit`. */
  readonly evaluate: (trial: Trial, limit: number) => Promise<Loss>;
  /** The lines that an earlier run got to: in the same order, so under the same limits. */
  readonly known?: readonly Trial[] | undefined;
  /** Called after each trial that was evaluated: how many lines are done, of how many. */
  readonly onLine?: ((done: number, of: number) => void) | undefined;
  /** Called when the lines of an iteration are done, with all so far. */
  readonly onLines?: ((found: readonly Trial[]) => Promise<void>) | undefined;
}

/** The lowest known loss among the trials with no larger violation. */
function limitOf(trial: Trial, evaluated: readonly Trial[]): number {
  if (trial.violation === null) return Infinity;
  return evaluated.reduce((lowest, { violation, loss }) => {
    const counts = violation !== null && violation <= trial.violation! && loss !== null;
    return counts ? Math.min(lowest, loss) : lowest;
  }, Infinity);
}

const lineOf = (trial: Trial, found: Loss): Trial =>
  "loss" in found ? { ...trial, loss: finiteOrNull(found.loss) } : { ...trial, ...found };

/** The trials with the losses of their lines, each a loss or a bound. */
export async function evaluateLines(
  trials: readonly Trial[],
  { alphas, fullPool, evaluate, known = [], onLine, onLines }: LinesOptions,
): Promise<Trial[]> {
  const isLine = ({ step }: Trial): boolean => step > 0 && step < alphas;
  const results = new Map(trials.entries());
  const evaluated = trials.filter((trial) => !isLine(trial));
  const lines = [...trials.entries()]
    .filter(([, trial]) => isLine(trial))
    .sort(([, a], [, b]) => b.iteration - a.iteration || b.step - a.step);
  const found: Trial[] = [];
  for (const [at, [index, trial]] of lines.entries()) {
    const limit = fullPool ? Infinity : limitOf(trial, evaluated);
    const result = known[at] ?? lineOf(trial, await evaluate(trial, limit));
    results.set(index, result);
    evaluated.push(result);
    found.push(result);
    if (at < known.length) continue;
    onLine?.(at + 1, lines.length);
    const next = lines[at + 1]?.[1];
    if (next !== undefined && next.iteration < trial.iteration) await onLines?.([...found]);
  }
  return [...results.values()];
}
