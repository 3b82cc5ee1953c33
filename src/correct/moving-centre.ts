// The moving-centre algorithm: aggregate cuts of fresh points at the present theta, one short step after the other.
//
//     theta = theta0;  pool = {theta0}
//     for k = 1 .. K
//         ask the oracle for points at theta; cut their hinges by groups, and the loss on a sample of D
//         theta <- theta + d, d the nearest point that meets these cuts, shortened to the cap (centre-step.ts),
//             which falls linearly to 0 over the run, so that theta settles
//         every so many steps their mean is judged on points that no cut was made of, and by its loss on all
//         of D: add it to pool
//     return the choice (19) from the pool
//
// Beyond the paper. Two remedies of bundle methods: the serious step (the centre moves, and only cuts made there
// are kept, for those of earlier centres no longer hold) and the aggregate cut (one row for a group of points,
// so that the number of rows does not grow with the number of points). Pool, front and choice are the paper's.
// Steps follow fresh points, so theta wanders about what all points ask; the mean of the latest is nearer to it
// than any of them (Polyak & Juditsky, SIAM J. Control and Optimization 30, 1992).
import { throwIfAborted } from "../errors.ts";
import { addScaled, norm, subtract } from "../tensor/vector.ts";
import { anchorTheta, type Candidate, poolOf, type Trial, trialOf } from "./candidates.ts";
import { type CentreStep, centreStep, type StepOptions } from "./centre-step.ts";
import { choose } from "./choice.ts";
import { notFiniteAtStart } from "./finite.ts";
import type { SeparationOracle } from "./separation.ts";
import { type Stage, untimed } from "./stage.ts";
import { scorePoints } from "./violation.ts";

export interface MovingCentreOptions extends Omit<StepOptions, "stepCap" | "longest"> {
  /** K, at least 1. */
  readonly iterations: number;
  /** The mean of so many thetas becomes a candidate; so does that of the last ones, also where the time is up. */
  readonly every: number;
  /** Longest step at the beginning, as a share of ||theta0||. */
  readonly stepCap: number;
  /** The run ends when so many iterations brought no new member of the front. */
  readonly patience: number;
  /** w and tolerance of (19). */
  readonly weight: number;
  readonly tolerance: number;
  /** The share of its time that the run has spent, asked before each iteration and after it: 1 ends the run there. */
  readonly spent?: (() => number) | undefined;
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
  /** The mean of the latest thetas as a candidate, where it became one. */
  readonly candidate: Pick<Trial, "violation" | "corrected" | "loss"> | null;
}

/** Where the algorithm stands after a judged iteration. */
export interface CentreState {
  /** The present theta [p], and the judged means so far. */
  readonly theta: Float32Array;
  readonly anchors: readonly Float32Array[];
  readonly trials: readonly Trial[];
  readonly iterations: readonly CentreRecord[];
}

/** What the algorithm found. */
export interface CentreCorrection {
  readonly end: CentreEnd;
  /** The judged means; the n-th belongs to iteration min(n every, the last one judged). */
  readonly anchors: readonly Float32Array[];
  /** theta0 first, then every judged mean. */
  readonly pool: readonly Candidate[];
  readonly choice: number;
  readonly iterations: readonly CentreRecord[];
}

/** Beyond so many first caps a solution is taken for a contradiction: its direction serves a few rows only. */
const LONGEST_IN_CAPS = 10;

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
  const firstCap = options.stepCap * norm(theta0);
  const anchors: Float32Array[] = [...(state?.anchors ?? [])];
  const trials: Trial[] = [...(state?.trials ?? [])];
  const records: CentreRecord[] = [...(state?.iterations ?? [])];
  let theta = state?.theta ?? theta0;
  const sum = new Float64Array(theta0.length);
  let summed = 0;

  const judge = (theta: Float32Array, iteration: number): Promise<Trial> =>
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
    const start = await judge(theta0, 0);
    if (start.violation === null || start.loss === null) throw notFiniteAtStart(start);
    trials.push(start);
  }
  let spent = options.spent?.() ?? 0;
  for (let k = records.length + 1; k <= iterations && spent < 1; k++) {
    throwIfAborted(signal);
    const found = await stage("points", () => oracle.separate(theta, k));
    throwIfAborted(signal);
    const sampled = await stage("loss-gradient", () => oracle.sampledLoss(theta, k));
    throwIfAborted(signal);
    const centre = theta;
    const stepCap = firstCap * (1 - Math.max((k - 1) / iterations, spent));
    const stepOptions = { ...options, stepCap, longest: LONGEST_IN_CAPS * firstCap };
    const step = await stage("cuts", () => centreStep(centre, found, sampled, stepOptions));
    if (step === undefined) return finish("not-finite");
    theta = anchorTheta(theta, step.d);
    addScaled(sum, 1, theta);
    summed++;

    spent = options.spent?.() ?? 0;
    const judged = k % every === 0 || k === iterations || spent >= 1;
    const mean = judged ? new Float32Array(sum.map((v) => v / summed)) : undefined;
    const trial = mean && (await judge(mean, k));
    const record = recordOf(k, step, found.y.length, sampled, {
      distance: norm(subtract(theta, theta0)),
      trial,
    });
    records.push(record);
    if (mean !== undefined && trial !== undefined) {
      anchors.push(mean);
      trials.push(trial);
      sum.fill(0);
      summed = 0;
    }
    options.onIteration?.(record);
    if (trial === undefined || k === iterations || spent >= 1) continue;
    if (lastGain(trials) + patience <= k) return finish("front-settled");
    await options.onState?.({
      theta,
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
