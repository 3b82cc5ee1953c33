// The losses of the points along the lines, left to the end: most of them need not be finished.
//
// The loss is never negative, so a running sum over images bounds it from below. Once the bound exceeds the
// loss of a candidate with no larger violation, the point is dominated (Definition 4) whatever its loss
// may be; it cannot be on the front, and its evaluation stops. The front and the choice are those of the
// full pool; where a sample of D told what is dominated (loss-sample.ts), at the confidence of the run.
// Last iterations come first: their points dominate most of the earlier ones. Where a sample can be asked, those that
// it puts on the front come before all others, which then are left by samples.
import { finiteOrNull, type Trial } from "./candidates.ts";
import { efficientFront, lowest } from "./dominance.ts";
import type { SampledLoss } from "./loss-sample.ts";
import type { Loss } from "./oracle.ts";

/** What is known where a trial is evaluated. */
export interface LineTrial {
  /** The trial is dominated where its loss exceeds this. */
  readonly limit: number;
  /** How many are evaluated so. */
  readonly waiting: number;
  /** What a sample told of it. */
  readonly told?: SampledLoss | undefined;
}

export interface LinesOptions {
  /** The number of steps along each line: points on it are the trials with 0 < step < alphas. */
  readonly alphas: number;
  /** Whether every evaluation goes on to its end. */
  readonly fullPool: boolean;
  /** The trial's loss; the evaluation may stop as soon as the loss is known to exceed the limit. */
  readonly evaluate: (trial: Trial, at: LineTrial) => Promise<Loss>;
  /** What a sample tells of a trial before any is evaluated. */
  readonly look?: ((trial: Trial) => Promise<SampledLoss>) | undefined;
  /** Called after each such look: how many are done, of how many. */
  readonly onLook?: ((done: number, of: number) => void) | undefined;
  /** The points that an earlier run got to: they come first, and had the same limits. */
  readonly known?: readonly Trial[] | undefined;
  /** Called with those, when the trials have been looked at. */
  readonly onKnown?: ((known: readonly Trial[]) => Promise<void>) | undefined;
  /** Called after each trial that was evaluated: how many points are done, of how many. */
  readonly onLine?: ((done: number, of: number) => void) | undefined;
  /** Called when the points of an iteration are done, with all so far: some of them, where samples told the order. */
  readonly onLines?: ((found: readonly Trial[]) => Promise<void>) | undefined;
}

/** The trials, in their order; those along the lines, whose losses were null, with a loss or a bound. */
export async function evaluateLines(
  trials: readonly Trial[],
  options: LinesOptions,
): Promise<Trial[]> {
  const { alphas, fullPool, evaluate, known = [], onKnown, onLine, onLines } = options;
  // An anchor whose loss a sample told waits like a point on its line.
  const waits = ({ step, lossEstimate }: Trial): boolean =>
    lossEstimate !== undefined || (step > 0 && step < alphas);
  const results = new Map(trials.entries());
  const evaluated = trials.filter((trial) => !waits(trial));
  const latestFirst = [...trials.entries()]
    .filter(([, trial]) => waits(trial))
    .sort(([, a], [, b]) => b.iteration - a.iteration || b.step - a.step)
    .map(([index, trial]): Waiting => ({ index, trial }));
  const waiting = await likelyFirst(latestFirst, evaluated, options);
  await onKnown?.(known);
  const found: Trial[] = [];
  for (const [at, { index, trial, told }] of waiting.entries()) {
    const { violation } = trial;
    const stops = !fullPool && violation !== null;
    const limit = stops ? lowest("loss", evaluated, violation) : Infinity;
    const call = { limit, waiting: waiting.length, told };
    const result = known[at] ?? withLoss(trial, await evaluate(trial, call));
    results.set(index, result);
    evaluated.push(result);
    found.push(result);
    if (at < known.length) continue;
    onLine?.(at + 1, waiting.length);
    const next = waiting[at + 1]?.trial;
    if (next !== undefined && next.iteration !== trial.iteration) await onLines?.([...found]);
  }
  return [...results.values()];
}

/** A trial that waits for its loss, by its place among all. */
interface Waiting {
  readonly index: number;
  readonly trial: Trial;
  readonly told?: SampledLoss;
}

/** Those first that would be on the front, were losses what a sample tells; else in the order that they have. */
async function likelyFirst(
  waiting: readonly Waiting[],
  evaluated: readonly Trial[],
  { look, onLook, fullPool }: LinesOptions,
): Promise<readonly Waiting[]> {
  if (look === undefined || fullPool) return waiting;
  const looked: (Waiting & { readonly told: SampledLoss })[] = [];
  for (const one of waiting) {
    looked.push({ ...one, told: await look(one.trial) });
    onLook?.(looked.length, waiting.length);
  }
  const seen = looked.map(({ trial, told }) => ({ ...trial, loss: finiteOrNull(told.loss) }));
  const likely = efficientFront([...seen, ...evaluated]);
  return [...looked.filter((_, i) => likely[i]), ...looked.filter((_, i) => !likely[i])];
}

function withLoss({ lossEstimate: _, ...trial }: Trial, found: Loss): Trial {
  return "loss" in found ? { ...trial, loss: finiteOrNull(found.loss) } : { ...trial, ...found };
}
