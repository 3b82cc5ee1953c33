// The moving-centre algorithm: aggregate cuts of fresh points at the present theta, one short step after the other.
//
//     theta = theta0;  pool = {theta0}
//     for k = 1 .. K
//         ask the oracle for points at theta; cut their hinges by groups, and the loss on a sample of D
//         m <- d + mu m;  theta <- theta + m,  d the nearest point that meets these cuts in the metric of the
//             gradients so far (metric.ts), shortened to the cap (centre-step.ts), which falls linearly to 0 over the
//             run, so that theta settles
//         every so many steps their mean is judged on points that no cut was made of, and by its loss on all
//         of D: add it to pool
//     the points on the way back to theta0 from the mean with the lowest violation are judged too: add them to pool
//     return the choice (19) from the pool
//
// This goes beyond the paper. It takes two remedies from bundle methods: the serious step (the centre moves, and
// only cuts made there are kept, for those of earlier centres no longer hold) and the aggregate cut (one row for
// a group of points, so that the number of rows does not grow with the number of points). Pool, front and choice
// are the paper's. Steps follow fresh points, so theta wanders about what all points ask; the mean of the latest
// thetas is nearer to it than any of them (Polyak & Juditsky, SIAM J. Control and Optimization 30, 1992).
// Momentum is Polyak's heavy ball (USSR Comp. Math. 4, 1964): what fresh points ask in common adds up, the rest does
// not.
// The way back is the paper's line: means lie about the end of the trade-off, and the points of the line between.
import { throwIfAborted } from "../errors.ts";
import { norm } from "../tensor/vector.ts";
import { anchorTheta, candidateTheta, held, poolOf, type Trial, trialOf } from "./candidates.ts";
import {
  type CentreJournal,
  centreStateOf,
  meanOf,
  moveTo,
  noteCentreIteration,
  noteJudged,
  openCentreJournal,
  withMomentum,
} from "./centre-journal.ts";
import { type CentreStep, centreStep, type StepOptions } from "./centre-step.ts";
import { choose } from "./choice.ts";
import { notFiniteAtStart } from "./finite.ts";
import { followed, type Metric, scaleOf } from "./metric.ts";
import type { CentreCorrection, CentreEnd, CentreRecord } from "./records.ts";
import type { SampledLoss, Separated, SeparateOptions, SeparationOracle } from "./separation.ts";
import { type Stage, untimed } from "./stage.ts";
import type { CentreState } from "./state.ts";
import { scorePoints } from "./violation.ts";

/**
 * Runs the moving centre. Asks the oracle one thing at a time, in a fixed order.
 *
 * @throws TemperError `data-mismatch` when theta0's own logits or loss are not finite; `aborted`
 */
export async function movingCentre(
  oracle: SeparationOracle,
  options: MovingCentreOptions,
): Promise<CentreCorrection> {
  const { iterations, every, patience, alphas = 1, momentum = 0 } = options;
  const journal = openCentreJournal(oracle.theta0, options.state);
  const run: CentreRun = { oracle, options, stage: options.stage ?? untimed, journal };
  if (journal.trials.length === 0) await start(run);

  let spent = spentOf(options);
  for (let k = journal.iterations.length + 1; k <= iterations && spent < 1; k++) {
    // Ask for points at theta, and for the loss on a sample of D.
    const through = Math.max(k / iterations, spent);
    const scale = scaleOf(journal.sizes);
    const { points, sampled } = await askAt(run, k, { through, scale });

    // m <- d + mu m, theta <- theta + m, with d at most as long as the cap.
    const share = 1 - Math.max((k - 1) / iterations, spent);
    const step = await stepFrom(run, points, sampled, { share, scale });
    if (step === undefined) return finish(run, "not-finite");
    if (options.metric === "gradients") {
      journal.sizes = followed(journal.sizes, points.meanSquares?.());
    }
    const made = withMomentum(journal, step.d, momentum);
    moveTo(journal, held(oracle, anchorTheta(journal.theta, made)));

    // Judge the mean of the latest thetas, where its turn has come or theta moves no more.
    spent = spentOf(options);
    const isLast = k === iterations || spent >= 1;
    const mean = k % every === 0 || isLast ? held(oracle, meanOf(journal)) : undefined;
    const trial = mean && (await judge(run, mean, { iteration: k, step: alphas }));
    const count = points.y.length;
    const record = noteCentreIteration(journal, { ...step, d: made }, sampled, {
      points: count,
      trial,
    });
    if (mean && trial) noteJudged(journal, mean, trial);
    options.onIteration?.(record);
    if (trial === undefined || isLast) continue;
    if (lastGain(journal.trials) + patience <= k) return finish(run, "front-settled");
    await options.onState?.(centreStateOf(journal));
  }
  return finish(run, journal.iterations.length < iterations ? "time-limit" : "iterations");
}

/** What the moving centre is asked to do. */
export interface MovingCentreOptions extends Omit<StepOptions, "stepCap" | "longest" | "scale"> {
  /** K, at least 1. */
  readonly iterations: number;
  /** The mean of so many thetas becomes a candidate; so does that of the last ones, also where the time is up. */
  readonly every: number;
  /** Longest step at the beginning, as a share of ||theta0||. */
  readonly stepCap: number;
  /** mu: the share of each step that is made again with the next one, in [0, 1). Default 0. */
  readonly momentum?: number | undefined;
  /** What the length of a step is measured in. Default the identity. */
  readonly metric?: Metric | undefined;
  /** J: the steps of the way back, of which the last is the mean itself. Default 1: no way back. */
  readonly alphas?: number | undefined;
  /** The run ends when so many iterations brought no new member of the front. */
  readonly patience: number;
  /** w of (19). */
  readonly weight: number;
  /** The choice (19) takes a violation below this share of theta0's for zero. */
  readonly tolerance: number;
  /** The share of its time that the run has spent, asked before each iteration and after it: 1 ends the run there. */
  readonly spent?: (() => number) | undefined;
  /** Called with each iteration's record when the iteration is done. */
  readonly onIteration?: ((record: CentreRecord) => void) | undefined;
  /** Called after each point on the way back: how many are judged, of how many. */
  readonly onLine?: ((done: number, of: number) => void) | undefined;
  /** Where an earlier run stood: it is taken up again there, with the result of an uninterrupted one. */
  readonly state?: CentreState | undefined;
  /** Called after each judged iteration that has a next one, which begins when this has returned. */
  readonly onState?: ((state: CentreState) => Promise<void>) | undefined;
  /** Runs each piece of work and may time it; default: just runs it. */
  readonly stage?: Stage | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the functions below share. */
interface CentreRun {
  readonly oracle: SeparationOracle;
  readonly options: MovingCentreOptions;
  readonly stage: Stage;
  readonly journal: CentreJournal;
}

const spentOf = ({ spent }: MovingCentreOptions): number => spent?.() ?? 0;

/** pool = {theta0} */
async function start(run: CentreRun): Promise<void> {
  const trial = await judge(run, run.oracle.theta0, { iteration: 0, step: 0 });
  if (trial.violation === null || trial.loss === null) throw notFiniteAtStart(trial);
  run.journal.trials.push(trial);
}

/** Asks for the points and the sampled loss of iteration k. */
async function askAt(
  { oracle, options: { signal }, stage, journal: { theta } }: CentreRun,
  k: number,
  how: SeparateOptions,
): Promise<{ readonly points: Separated; readonly sampled: SampledLoss }> {
  throwIfAborted(signal);
  const points = await stage("points", () => oracle.separate(theta, k, how));
  throwIfAborted(signal);
  const sampled = await stage("loss-gradient", () => oracle.sampledLoss(theta, k));
  throwIfAborted(signal);
  return { points, sampled };
}

/** Beyond so many first caps a solution is taken for a contradiction: its direction serves a few rows only. */
const LONGEST_IN_CAPS = 10;

/** The step from the present theta, whose cap is this share of the first one. */
function stepFrom(
  { oracle, options, stage, journal }: CentreRun,
  points: Separated,
  sampled: SampledLoss,
  { share, scale }: { readonly share: number; readonly scale: Float32Array | undefined },
): Promise<CentreStep | undefined> {
  const firstCap = options.stepCap * norm(oracle.theta0);
  const longest = LONGEST_IN_CAPS * firstCap;
  const how = { ...options, stepCap: firstCap * share, longest, scale };
  return stage("cuts", () => centreStep(journal.theta, points, sampled, how));
}

/** Evaluates a candidate on points that no cut was made of, and on all of D. */
function judge(
  { oracle, options, stage }: CentreRun,
  theta: Float32Array,
  at: Pick<Trial, "iteration" | "step">,
): Promise<Trial> {
  return stage("candidates", async () => {
    const { y, logits } = await oracle.judge(theta);
    const score = scorePoints(logits, y, options.margin);
    const loss = await oracle.loss(theta);
    const alpha = at.step / (options.alphas ?? 1);
    return trialOf(oracle.theta0, alpha, { theta, ...at, score, loss });
  });
}

/** Judges the points between theta0 and the mean that has the lowest violation, from the mean on. */
async function wayBack(run: CentreRun): Promise<Trial[]> {
  const { oracle, options, journal } = run;
  const { theta0, round } = oracle;
  const { alphas = 1, every, onLine, signal } = options;
  const pool = poolOf(journal.trials);
  const { iteration } = pool[choose(pool, { weight: 0, tolerance: 0 })];
  if (iteration === 0) return [];
  const found: Trial[] = [];
  for (let step = alphas - 1; step >= 1; step--) {
    throwIfAborted(signal);
    const at = { iteration, step };
    const theta = candidateTheta(at, theta0, journal.anchors, { alphas, every, round });
    found.push(await judge(run, theta, at));
    onLine?.(found.length, alphas - 1);
  }
  return found;
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

async function finish(run: CentreRun, end: CentreEnd): Promise<CentreCorrection> {
  const { options, journal } = run;
  const { anchors, trials, iterations } = journal;
  const pool = poolOf([...trials, ...(await wayBack(run))]);
  return { end, anchors, pool, choice: choose(pool, options), iterations };
}
