// The moving-centre algorithm: aggregate cuts of fresh points at the present theta, one short step after the other.
//
//     theta = theta0;  pool = {theta0}
//     for k = 1 .. K
//         ask the oracle for points at theta; cut their hinges by groups, and the loss on a sample of D
//         theta <- theta + d, d the nearest point that meets these cuts, shortened to the cap (centre-step.ts)
//         every k-th theta is judged on points that no cut was made of, and by its loss on all of D: add to pool
//     return the choice (19) from the pool
//
// Beyond the paper. Two remedies of bundle methods: the serious step (the centre moves, and only cuts made there
// are kept, for those of earlier centres no longer hold) and the aggregate cut (one row for a group of points,
// so that the number of rows does not grow with the number of points). Pool, front and choice are the paper's.
import { throwIfAborted } from "../errors.ts";
import { norm, subtract } from "../tensor/vector.ts";
import { type CentreStep, centreStep, type StepOptions } from "./centre-step.ts";
import { choose } from "./choice.ts";
import { notFiniteAtStart } from "./finite.ts";
import { anchorTheta, type Candidate, poolOf, type Trial, trialOf } from "./pool.ts";
import type { SeparationOracle } from "./separation.ts";
import { type Stage, untimed } from "./stage.ts";
import { scorePoints } from "./violation.ts";

export interface MovingCentreOptions extends Omit<StepOptions, "stepCap"> {
  /** K, at least 1. */
  readonly iterations: number;
  /** Every so many iterations theta becomes a candidate; so does the last, also where the time is up. */
  readonly every: number;
  /** Longest step, as a share of ||theta0||. */
  readonly stepCap: number;
  /** The run ends when so many iterations brought no new member of the front. */
  readonly patience: number;
  /** w and tolerance of (19). */
  readonly weight: number;
  readonly tolerance: number;
  /** Asked before the first iteration and after each: true ends the run there. */
  readonly timeIsUp?: (() => boolean) | undefined;
  readonly onIteration?: ((record: CentreRecord) => void) | undefined;
  /** Where an earlier run stood: it is taken up again there, with the result of an uninterrupted one. */
  readonly state?: CentreState | undefined;
  /** Called after each judged iteration that has a next one, which begins when this has returned. */
  readonly onState?: ((state: CentreState) => Promise<void>) | undefined;
  readonly stage?: Stage | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Why the loop ended. */
export type CentreEnd =
  | "iterations"
  /** The front has not moved for `patience` iterations. */
  | "front-settled"
  | "time-limit"
  /** The present theta's logits, loss or gradients are not finite, so there are no cuts at it. */
  | "not-finite";

/** One iteration in plain numbers; what is asked is theta before the step. */
export interface CentreRecord {
  readonly iteration: number;
  /** Points asked, those that are wrong, those with a positive hinge, and the mean of max(0, h_i). */
  readonly points: number;
  readonly wrong: number;
  readonly violated: number;
  readonly meanHinge: number;
  /** L on the sample, and theta0's on the same. */
  readonly sampledLoss: number;
  readonly sampledLossAtStart: number;
  readonly rows: number;
  readonly status: CentreStep["solution"]["status"];
  readonly steps: number;
  readonly active: number;
  /** C where the rows were elastic. */
  readonly penalty: number | null;
  /** ||d|| of the nearest point, and of the step after the cap. */
  readonly solution: number;
  readonly step: number;
  /** ||theta - theta0|| after the step. */
  readonly distance: number;
  /** Theta after the step as a candidate, where it became one. */
  readonly candidate: Pick<Trial, "violation" | "corrected" | "loss"> | null;
}

/** Where the algorithm stands after a judged iteration. */
export interface CentreState {
  /** The judged thetas so far, each [p]; the last is the present one. */
  readonly anchors: readonly Float32Array[];
  readonly trials: readonly Trial[];
  readonly iterations: readonly CentreRecord[];
}

/** What the algorithm found. */
export interface CentreCorrection {
  readonly end: CentreEnd;
  /** The judged thetas; the n-th belongs to iteration min(n every, the last one judged). */
  readonly anchors: readonly Float32Array[];
  /** theta0 first, then every judged theta. */
  readonly pool: readonly Candidate[];
  readonly choice: number;
  readonly iterations: readonly CentreRecord[];
}

/**
 * Runs the algorithm.
 *
 * @throws TemperError `data-mismatch` when theta0's own logits or loss are not finite; `aborted`
 */
export async function movingCentre(
  oracle: SeparationOracle,
  options: MovingCentreOptions,
): Promise<CentreCorrection> {
  const { iterations, every, margin, patience, state, signal, stage = untimed } = options;
  const { theta0 } = oracle;
  const stepOptions = { ...options, stepCap: options.stepCap * norm(theta0) };
  const anchors: Float32Array[] = [...(state?.anchors ?? [])];
  const trials: Trial[] = [...(state?.trials ?? [])];
  const records: CentreRecord[] = [...(state?.iterations ?? [])];
  let theta = anchors.at(-1) ?? theta0;

  const judge = (iteration: number): Promise<Trial> =>
    stage("candidates", async () => {
      const { y, logits } = await oracle.judge(theta);
      const score = scorePoints(logits, y, margin);
      const loss = await oracle.loss(theta);
      const step = iteration === 0 ? 0 : 1;
      return trialOf({ theta0, theta, iteration, step, alphas: 1, score, loss });
    });
  const finish = (end: CentreEnd): CentreCorrection => {
    const pool = poolOf(trials);
    return { end, anchors, pool, choice: choose(pool, options), iterations: records };
  };

  if (trials.length === 0) {
    const start = await judge(0);
    if (start.violation === null || start.loss === null) throw notFiniteAtStart(start);
    trials.push(start);
  }
  let timeIsUp = options.timeIsUp?.() ?? false;
  for (let k = records.length + 1; k <= iterations && !timeIsUp; k++) {
    throwIfAborted(signal);
    const found = await stage("points", () => oracle.separate(theta, k));
    throwIfAborted(signal);
    const sampled = await stage("loss-gradient", () => oracle.sampledLoss(theta, k));
    throwIfAborted(signal);
    const centre = theta;
    const step = await stage("cuts", () => centreStep(centre, found, sampled, stepOptions));
    if (step === undefined) return finish("not-finite");
    theta = anchorTheta(theta, step.d);

    timeIsUp = options.timeIsUp?.() ?? false;
    const judged = k % every === 0 || k === iterations || timeIsUp;
    const trial = judged ? await judge(k) : undefined;
    const record = recordOf(k, step, found.y.length, sampled, {
      distance: norm(subtract(theta, theta0)),
      trial,
    });
    records.push(record);
    if (trial !== undefined) {
      anchors.push(theta);
      trials.push(trial);
    }
    options.onIteration?.(record);
    if (trial === undefined || k === iterations || timeIsUp) continue;
    if (lastGain(trials) + patience <= k) return finish("front-settled");
    await options.onState?.({
      anchors: [...anchors],
      trials: [...trials],
      iterations: [...records],
    });
  }
  return finish(records.length < iterations ? "time-limit" : "iterations");
}

/** The last iteration that brought the front a new member; one that equals an earlier candidate is none. */
function lastGain(trials: readonly Trial[]): number {
  const isNew = ({ violation, loss }: Trial, i: number): boolean =>
    trials.findIndex((earlier) => earlier.violation === violation && earlier.loss === loss) === i;
  return poolOf(trials).reduce(
    (last, trial, i) => (trial.front && isNew(trial, i) ? trial.iteration : last),
    0,
  );
}

function recordOf(
  iteration: number,
  { solution, d, rows, wrong, violated, meanHinge, penalty }: CentreStep,
  points: number,
  { loss, atStart }: { readonly loss: number; readonly atStart: number },
  { distance, trial }: { readonly distance: number; readonly trial: Trial | undefined },
): CentreRecord {
  return {
    iteration,
    points,
    wrong,
    violated,
    meanHinge,
    sampledLoss: loss,
    sampledLossAtStart: atStart,
    rows,
    status: solution.status,
    steps: solution.steps,
    active: solution.active.rows.length,
    penalty,
    solution: solution.distance,
    step: norm(d),
    distance,
    candidate:
      trial === undefined
        ? null
        : { violation: trial.violation, corrected: trial.corrected, loss: trial.loss },
  };
}
