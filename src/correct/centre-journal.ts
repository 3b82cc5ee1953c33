// What the moving centre writes down on its way, and the states from which a run is taken up again.
import { addScaled, distanceBetween, norm } from "../tensor/vector.ts";
import type { Trial } from "./candidates.ts";
import type { CentreStep } from "./centre-step.ts";
import type { CentreRecord } from "./records.ts";
import type { SampledLoss } from "./separation.ts";
import type { CentreState } from "./state.ts";

/** Everything that the moving centre has found so far. */
export interface CentreJournal {
  readonly theta0: Float32Array;
  /** The present theta. */
  theta: Float32Array;
  /** The sizes of the gradients so far, from which the metric is made, [p]; undefined where there is none yet. */
  sizes: Float64Array | undefined;
  /** m: the last step that was made, [p]; undefined before the first, and without momentum. */
  velocity: Float64Array | undefined;
  /** The sum of the thetas since the last judged one, and their number. */
  readonly sum: Float64Array;
  summed: number;
  /** The judged means. */
  readonly anchors: Float32Array[];
  readonly trials: Trial[];
  readonly iterations: CentreRecord[];
}

/** A journal that begins at theta0, or the one of the run that left this state. */
export function openCentreJournal(
  theta0: Float32Array,
  state: CentreState | undefined,
): CentreJournal {
  return {
    theta0,
    theta: state?.theta ?? theta0,
    sizes: state?.sizes,
    velocity: state?.velocity,
    sum: new Float64Array(theta0.length),
    summed: 0,
    anchors: [...(state?.anchors ?? [])],
    trials: [...(state?.trials ?? [])],
    iterations: [...(state?.iterations ?? [])],
  };
}

/** m <- d + mu m: the step to make. */
export function withMomentum(
  journal: CentreJournal,
  d: Float64Array,
  momentum: number,
): Float64Array {
  if (momentum === 0) return d;
  const { velocity } = journal;
  journal.velocity = velocity === undefined ? d : d.map((v, j) => v + momentum * velocity[j]);
  return journal.velocity;
}

/** theta becomes the present one. */
export function moveTo(journal: CentreJournal, theta: Float32Array): void {
  journal.theta = theta;
  addScaled(journal.sum, 1, theta);
  journal.summed++;
}

/** The mean of the thetas since the last judged one. */
export const meanOf = ({ sum, summed }: CentreJournal): Float32Array =>
  new Float32Array(sum.map((v) => v / summed));

/** Writes down that a mean was judged; the next one begins with the next theta. */
export function noteJudged(journal: CentreJournal, mean: Float32Array, trial: Trial): void {
  journal.anchors.push(mean);
  journal.trials.push(trial);
  journal.sum.fill(0);
  journal.summed = 0;
}

/** Writes down an iteration: its step, and the candidate where there is one. */
export function noteCentreIteration(
  { theta0, theta, iterations }: CentreJournal,
  { solution, d, rows, wrong, violated, meanHinge, penalty }: CentreStep,
  { loss, atStart }: SampledLoss,
  { points, trial }: { readonly points: number; readonly trial: Trial | undefined },
): CentreRecord {
  const record = {
    iteration: iterations.length + 1,
    points,
    wrong,
    violated,
    meanHinge,
    sampledLoss: loss,
    sampledLossAtStart: atStart,
    rows,
    status: solution.status,
    steps: solution.iterations,
    active: solution.active.rows.length,
    penalty,
    solution: solution.distance,
    step: norm(d),
    distance: distanceBetween(theta, theta0),
    candidate:
      trial === undefined
        ? null
        : { violation: trial.violation, corrected: trial.corrected, loss: trial.loss },
  };
  iterations.push(record);
  return record;
}

/** The state after a judged iteration: the sum is empty then, so it is not part of it. */
export const centreStateOf = (journal: CentreJournal): CentreState => ({
  theta: journal.theta,
  ...(journal.sizes && { sizes: journal.sizes }),
  ...(journal.velocity && { velocity: journal.velocity }),
  anchors: [...journal.anchors],
  trials: [...journal.trials],
  iterations: [...journal.iterations],
});
