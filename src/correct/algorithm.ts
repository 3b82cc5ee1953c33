// Algorithm 1: correct the points by cutting planes, and keep every trial point to choose from.
//
//     (6)  min ||theta - theta0||^2   s.t.  g_il(theta) + margin <= 0 for every point i and rival l,
//                                           L(theta; D) <= L(theta0; D)
//
//     anchors = {theta0};  pool = {theta0}
//     for k = 1 .. K
//         add the cuts (7), (8) of the newest anchor; solve (13) -> theta_k
//         for alpha in {1/n, 2/n, ..., 1}: add theta0 + alpha (theta_k - theta0) to pool, with its violation
//         anchors += theta_k, with its loss and the loss's gradient
//     evaluate the losses of the other candidates, as far as they can matter (lines.ts)
//     return the choice (19) from the pool
//
// Zhao & Kronqvist, "A constrained optimization approach to improve robustness of neural networks",
// arXiv 2409.13770.
// Differs from the paper: the margin; cuts that contradict each other become elastic; theta_k is rounded to
// float32, and the rounded point is the anchor; losses that cannot matter are not finished; the loop ends
// early where it cannot go on (`RunEnd`).
import { throwIfAborted } from "../errors.ts";
import { norm } from "../tensor/vector.ts";
import { type BlocksOptions, blockDescent, type Solved } from "./blocks.ts";
import {
  anchorTheta,
  candidateTheta,
  type Evaluation,
  finiteOrNull,
  held,
  memberTheta,
  poolOf,
  type Trial,
  trialOf,
} from "./candidates.ts";
import { choose } from "./choice.ts";
import { type CutChoice, type Cuts, createCuts, type RivalChoice } from "./cuts.ts";
import { type Contradiction, createElastic, type ElasticSubproblem } from "./elastic.ts";
import { notFiniteAtStart } from "./finite.ts";
import { type IdleCuts, watchIdle } from "./idle.ts";
import {
  finishingStateOf,
  forgetGradients,
  type Journal,
  noteIteration,
  openJournal,
  type Reached,
  stateOf,
} from "./journal.ts";
import { evaluateLines } from "./lines.ts";
import { CONFIDENCE } from "./loss-sample.ts";
import type { Asked, Oracle } from "./oracle.ts";
import type { Correction, IterationRecord, RunEnd } from "./records.ts";
import { lossesAgain, lossGradientAt, lossOf } from "./sampled.ts";
import { type Stage, untimed } from "./stage.ts";
import type { AlgorithmState, AnchorState } from "./state.ts";
import { createSubproblem, type Subproblem, type SubproblemSolution } from "./subproblem.ts";
import { type Score, scorePoints } from "./violation.ts";

/**
 * Runs Algorithm 1. Asks the oracle one thing at a time, in a fixed order, and for each theta all at once
 * (always the same array), so that an oracle may prepare itself for a theta.
 *
 * @throws TemperError `data-mismatch` when theta0's own logits, loss or gradients are not finite; `aborted`
 */
export async function algorithm1(oracle: Oracle, options: AlgorithmOptions): Promise<Correction> {
  const journal = openJournal(options.state);
  const end = await iterate(oracle, options, journal);
  // No cuts are made any more. The rows have gone with the call above, and the gradients go here: of a large network
  // they are most of what the run has held, and the losses of the lines may take as long as all before them.
  forgetGradients(journal);
  return finish({ oracle, options, stage: options.stage ?? untimed, journal }, end);
}

/** The loop: fills the journal until no iteration is left, or none can follow. */
async function iterate(
  oracle: Oracle,
  options: AlgorithmOptions,
  journal: Journal,
): Promise<RunEnd> {
  const { iterations, state, signal, onState } = options;
  const run = prepare(oracle, options, journal);
  const { evaluated, anchors, trials } = journal;

  const ended = state === undefined ? await start(run) : await takeUp(run, state);
  if (ended !== undefined) return ended;

  for (let k = evaluated.length; k <= iterations; k++) {
    // Add the cuts (7) and (8) of the newest anchor.
    throwIfAborted(signal);
    if (!(await addCuts(run, evaluated[k - 1]))) {
      if (k === 1) throw notFiniteAtStart(trials[0]);
      return "not-finite";
    }

    // Solve (13) -> theta_k, rounded to float32.
    const solution = await solve(run, k);
    if (solution === undefined) return "contradiction";
    const thetaK = held(oracle, anchorTheta(oracle.theta0, solution.d));
    const repeats = [oracle.theta0, ...anchors].findIndex((earlier) => isSame(earlier, thetaK));
    if (repeats >= 0) {
      // The full step of that iteration is the candidate.
      note(run, solution, { trial: trials[repeats * options.alphas], repeats });
      return "repeated-anchor";
    }

    // Add the points theta0 + alpha (theta_k - theta0) to the pool. The full step is the next anchor.
    await addLine(run, thetaK, k);
    const reached = await addAnchor(run, thetaK, k);
    const dropped = k === iterations ? 0 : (run.idle?.after(k, solution.active) ?? 0);
    note(run, solution, { ...reached, dropped });
    if (k === iterations) break;
    const largestMultiplier = run.elastic.largestMultiplier();
    const { active } = solution;
    await onState?.(stateOf(journal, { active, largestMultiplier, idle: run.idle?.state() }));
  }
  return "iterations";
}

/** What Algorithm 1 is asked to do. */
export interface AlgorithmOptions {
  /** K, at least 1. */
  readonly iterations: number;
  /** n: the number of steps along each line, at least 1. */
  readonly alphas: number;
  /** Every point must satisfy f_l + margin <= f_y. */
  readonly margin: number;
  /** rho of (18), in pixel units; default 0, the cuts (7). */
  readonly radius?: number | undefined;
  /** delta, what the loss may rise by; default 0. */
  readonly lossSlack?: number | undefined;
  /** Which cuts an anchor brings; default "all". */
  readonly cuts?: CutChoice | undefined;
  /** How many rivals of a point an anchor is cut against at most, or "auto": those in reach; default Infinity. */
  readonly rivals?: RivalChoice | undefined;
  /** Bytes that the cuts may take: beyond them, those idle longest are given up. Default: there is no limit. */
  readonly room?: number | undefined;
  /**
   * C of the elastic form: what a unit of violation of an adversarial cut costs. Default Infinity: the cuts
   * are hard until they contradict each other, and from then on cost 1,000 times the largest multiplier.
   */
  readonly penalty?: number | undefined;
  /** Takes Algorithm 2's answer to (13) in place of the dual's, which is then only reported. */
  readonly blocks?: Omit<BlocksOptions, "tensors"> | undefined;
  /** w of (19). */
  readonly weight: number;
  /** The choice (19) takes a violation below this share of theta0's for zero. */
  readonly tolerance: number;
  /** Where given, the points are balls of this radius, whose bounds the oracle gives for logits: see choice.ts. */
  readonly certifyRadius?: number | undefined;
  /** Called when the cuts of an iteration contradict each other. */
  readonly onContradiction?: ((found: Contradiction) => void) | undefined;
  /** Called with each iteration's record when the iteration is done. */
  readonly onIteration?: ((record: IterationRecord) => void) | undefined;
  /** Called as the losses of the points along the lines are found, after the last iteration. */
  readonly onLine?: ((done: number, of: number) => void) | undefined;
  /**
   * Cuts the loss on a sample of D that grows from so many images to all of D in the last iterations, and asks samples
   * of it which candidates are dominated; default: all of D throughout. Needs an oracle that samples.
   */
  readonly lossSample?: number | "auto" | undefined;
  /** Whether every candidate's loss is evaluated to the end; the front and the choice do not depend on it. */
  readonly fullPool?: boolean | undefined;
  /** Where an earlier run stood: it is taken up again there, with the result of an uninterrupted one. */
  readonly state?: AlgorithmState | undefined;
  /**
   * Called after each iteration that has a next one, which begins when this has returned; and when the lines
   * of an iteration have their losses.
   */
  readonly onState?: ((state: AlgorithmState) => Promise<void>) | undefined;
  /** Runs each piece of work and may time it; default: just runs it. */
  readonly stage?: Stage | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What the functions below share: the run's tools, and what it has found. */
interface AlgorithmRun {
  readonly oracle: Oracle;
  readonly options: AlgorithmOptions;
  readonly stage: Stage;
  readonly journal: Journal;
}

/** The tools of the loop, beside them. */
interface CuttingRun extends AlgorithmRun {
  readonly cuts: Cuts;
  readonly subproblem: Subproblem;
  readonly elastic: ElasticSubproblem;
  readonly idle: IdleCuts | undefined;
  /** A d longer than this, given the distance of the farthest row, counts as a contradiction. */
  readonly longest: (farthest: number) => number;
}

/**
 * A d longer than ||theta0|| counts as a contradiction, unless theta0 is so short, as biases alone are, that one
 * row may need as much: so many times the farthest row's own distance is allowed.
 */
const FAR = 10;

/** The tools of a run that begins, or of one that is taken up again. */
function prepare(oracle: Oracle, options: AlgorithmOptions, journal: Journal): CuttingRun {
  const { radius = 0, lossSlack = 0, penalty = Infinity, state, stage = untimed, room } = options;
  const longest = (farthest: number): number => Math.max(norm(oracle.theta0), FAR * farthest);
  const cuts = createCuts(oracle, { ...options, radius, lossSlack });
  const subproblem = createSubproblem(cuts.rows, { longest, start: state?.active });
  const elastic = createElastic(cuts, subproblem, {
    penalty: journal.contradictions.at(-1)?.penalty ?? penalty,
    largestMultiplier: state?.largestMultiplier ?? 0,
  });
  const isLimited = room !== undefined || state?.idle !== undefined;
  const idle = isLimited ? watchIdle(cuts, room ?? Infinity, state?.idle) : undefined;
  return { oracle, options, stage, journal, cuts, subproblem, elastic, idle, longest };
}

/** anchors = {theta0};  pool = {theta0} */
async function start(run: AlgorithmRun): Promise<RunEnd | undefined> {
  const { trial } = await addAnchor(run, run.oracle.theta0, 0);
  if (trial.violation === null || trial.loss === null) throw notFiniteAtStart(trial);
  return trial.violation === 0 ? "corrected-already" : undefined;
}

/** Goes on from a state: asks the sources, and makes the cuts, as the earlier run did and in the same order. */
async function takeUp(run: CuttingRun, { finishing }: AlgorithmState): Promise<RunEnd | undefined> {
  const { evaluated, anchors } = run.journal;
  await askAt(run, run.oracle.theta0);
  for (const [j, next] of anchors.entries()) {
    if (finishing === undefined) {
      await addCuts(run, evaluated[j]);
      run.idle?.again();
    }
    await askAt(run, next);
  }
  return finishing?.end;
}

const addCuts = ({ stage, cuts }: CuttingRun, anchor: AnchorState): Promise<boolean> =>
  stage("cuts", () => cuts.add(anchor.theta, anchor));

/** The answer to (13), in the elastic form from a contradiction on; undefined where that has no answer either. */
async function solve(run: CuttingRun, k: number): Promise<Solved | undefined> {
  const { options, stage, journal, elastic } = run;
  const { solution, contradiction } = await stage("qp", () => elastic.solve());
  if (contradiction !== undefined) {
    const found = { iteration: k, ...contradiction };
    journal.contradictions.push(found);
    options.onContradiction?.(found);
    if (found.penalty === null) {
      note(run, solution, {});
      return undefined;
    }
  }
  if (options.blocks !== undefined) return solveByBlocks(run, solution, k);
  const { remade } = run.cuts.rows;
  if (remade === undefined) return solution;
  return { ...solution, d: await stage("qp", () => remade.expand(solution.d)) };
}

/** Algorithm 2's answer to the (13) that the dual has solved; what Algorithm 2 does not say is the dual's. */
async function solveByBlocks(
  { oracle, options, stage, cuts, subproblem, elastic, longest }: CuttingRun,
  nearest: SubproblemSolution,
  k: number,
): Promise<Solved> {
  const problem = {
    rows: cuts.rows,
    rhs: cuts.rhs(),
    upper: elastic.upper(),
    squares: subproblem.squares(),
    longest,
  };
  const blocks = { tensors: oracle.tensors, ...options.blocks! };
  const found = await stage("blocks", () => blockDescent(problem, k, blocks));
  return { ...nearest, ...found, blocks: { ...found.blocks, dual: nearest.distance ** 2 } };
}

/** Adds the points with alpha < 1 to the pool; their losses come at the end. */
async function addLine(run: AlgorithmRun, thetaK: Float32Array, k: number): Promise<void> {
  const { oracle, options } = run;
  for (let step = 1; step < options.alphas; step++) {
    const theta = held(oracle, memberTheta(oracle.theta0, thetaK, step, options.alphas));
    addTrial(run, { theta, iteration: k, step, score: await scoreAt(run, theta), loss: null });
  }
}

/**
 * Makes theta_k, or theta0 where k is 0, a candidate and an anchor. Its loss comes with the gradient, and alone where
 * no cuts will be made: at theta_K, and at a theta0 that violates nothing.
 */
async function addAnchor(
  run: AlgorithmRun,
  theta: Float32Array,
  k: number,
): Promise<{ readonly trial: Trial; readonly asked: Asked | undefined }> {
  const { oracle, options, stage, journal } = run;
  const asked = await askAt(run, theta);
  const score = await scoreAt(run, theta);
  const isLast = k === options.iterations || (k === 0 && score.violation === 0);
  const at: Pick<AnchorState, "loss"> & Partial<AnchorState> & Pick<Trial, "lossEstimate"> = isLast
    ? { loss: await stage("candidates", () => oracle.loss(theta)) }
    : await stage("loss-gradient", () => lossGradientAt(oracle, theta, { ...options, anchor: k }));
  const { loss, gradient, lossEstimate } = at;
  const step = k === 0 ? 0 : options.alphas;
  const known = lossEstimate === undefined ? loss : null;
  const trial = addTrial(run, { theta, iteration: k, step, score, loss: known, lossEstimate });
  if (k > 0) journal.anchors.push(theta);
  if (gradient !== undefined) journal.evaluated.push({ theta, loss, gradient });
  return { trial, asked };
}

/** Adds to the pool. */
function addTrial(
  { oracle: { theta0 }, options: { alphas }, journal }: AlgorithmRun,
  at: Evaluation,
): Trial {
  const trial = trialOf(theta0, at.step / alphas, at);
  journal.trials.push(trial);
  return trial;
}

/** Adds points that the present ones do not stand for, where the oracle has sources to ask. */
async function askAt(
  { oracle: { ask }, options, stage }: AlgorithmRun,
  theta: Float32Array,
): Promise<Asked | undefined> {
  return ask && stage("points", () => ask(theta, options.margin));
}

function scoreAt({ oracle, options, stage }: AlgorithmRun, theta: Float32Array): Promise<Score> {
  throwIfAborted(options.signal);
  return stage("candidates", async () =>
    scorePoints(await oracle.logits(theta), oracle.y(), options.margin),
  );
}

/** Writes down an iteration, and tells of it. */
function note(run: CuttingRun, solution: Solved, reached: Reached): void {
  const record = noteIteration(run.journal, run.cuts.list.length, solution, reached);
  run.options.onIteration?.(record);
}

/** Finds the losses of the points along the lines, as far as they can matter, and chooses. */
async function finish(run: AlgorithmRun, end: RunEnd): Promise<Correction> {
  const { oracle, options, stage, journal } = run;
  const { alphas, fullPool = false, signal, state, onLine, onState } = options;
  if (state?.finishing !== undefined && !fullPool) {
    const of = (trial: Trial): Float32Array => thetaOf(run, trial);
    await stage("candidates", () => lossesAgain(oracle, state.finishing!, of));
  }
  const lines = await evaluateLines(await scoredAgain(run), {
    alphas,
    fullPool,
    evaluate: (trial, limit, waiting) => {
      throwIfAborted(signal);
      const call = { ...options, limit, waiting };
      return stage("candidates", () => lossOf(oracle, thetaOf(run, trial), call));
    },
    known: state?.finishing?.lines,
    onLine,
    onLines: onState && ((found) => onState(finishingStateOf(journal, end, found))),
  });
  const pool = poolOf(lines);
  const { contradictions, anchors, iterations } = journal;
  const found = { end, contradictions, anchors, pool, choice: choose(pool, options), iterations };
  if (options.lossSample === undefined) return found;
  const candidates = pool.filter(({ lossEstimate }) => lossEstimate !== undefined).length;
  return { ...found, screened: { candidates, confidence: CONFIDENCE } };
}

/** The trials. Where the oracle adds points they are scored anew: the earlier ones have not seen the later points. */
async function scoredAgain(run: AlgorithmRun): Promise<readonly Trial[]> {
  const { oracle, journal } = run;
  if (oracle.ask === undefined) return journal.trials;
  const again: Trial[] = [];
  for (const trial of journal.trials) {
    const { violation, corrected } = await scoreAt(run, thetaOf(run, trial));
    again.push({ ...trial, violation: finiteOrNull(violation), corrected });
  }
  return again;
}

const thetaOf = ({ oracle, options, journal }: AlgorithmRun, trial: Trial): Float32Array =>
  candidateTheta(trial, oracle.theta0, journal.anchors, {
    alphas: options.alphas,
    every: 1,
    round: oracle.round,
  });

const isSame = (a: Float32Array, b: Float32Array): boolean => a.every((v, i) => v === b[i]);
