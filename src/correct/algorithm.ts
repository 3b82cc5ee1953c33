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
import type { ActiveSet, SolveStatus } from "../qp/nearest-point.ts";
import { norm } from "../tensor/vector.ts";
import { type BlocksOptions, type BlocksRecord, blockDescent } from "./blocks.ts";
import {
  anchorTheta,
  type Candidate,
  finiteOrNull,
  memberTheta,
  poolOf,
  type Trial,
  trialOf,
} from "./candidates.ts";
import { choose } from "./choice.ts";
import { type CutChoice, createCuts } from "./cuts.ts";
import { type Contradiction, createElastic } from "./elastic.ts";
import { notFiniteAtStart } from "./finite.ts";
import { evaluateLines, type Loss } from "./lines.ts";
import type { Asked, Oracle } from "./oracle.ts";
import { type Stage, untimed } from "./stage.ts";
import type { AlgorithmState, AnchorState, FinishingState } from "./state.ts";
import { createSubproblem, type SubproblemSolution } from "./subproblem.ts";
import { type Score, scorePoints } from "./violation.ts";

export interface AlgorithmOptions {
  /** K, at least 1. */
  readonly iterations: number;
  /** Steps along each direction, at least 1. */
  readonly alphas: number;
  /** Every point must satisfy f_l + margin <= f_y. */
  readonly margin: number;
  /** rho of (18), in pixel units; default 0, the cuts (7). */
  readonly radius?: number | undefined;
  /** delta, what the loss may rise by; default 0. */
  readonly lossSlack?: number | undefined;
  /** Which cuts an anchor brings, and the most rivals of a point; default all. */
  readonly cuts?: CutChoice | undefined;
  readonly rivals?: number | undefined;
  /**
   * C of the elastic form: what a unit of violation of an adversarial cut costs. Default Infinity: the cuts
   * are hard until they contradict each other, and from then on cost 1,000 times the largest multiplier.
   */
  readonly penalty?: number | undefined;
  /** Takes Algorithm 2's answer to (13) in place of the dual's, which is then only reported. */
  readonly blocks?: Omit<BlocksOptions, "tensors"> | undefined;
  /** w of (19). */
  readonly weight: number;
  /** Share of theta0's violation that counts as zero in the choice (19). */
  readonly tolerance: number;
  /** Called when the cuts of an iteration contradict each other. */
  readonly onContradiction?: ((found: Contradiction) => void) | undefined;
  /** Called with each iteration's record when the iteration is done. */
  readonly onIteration?: ((record: IterationRecord) => void) | undefined;
  /** Called as the losses of the points along the lines are found, after the last iteration. */
  readonly onLine?: ((done: number, of: number) => void) | undefined;
  /** Evaluates the loss of every candidate to the end; the front and the choice are the same without. */
  readonly fullPool?: boolean | undefined;
  /** Where an earlier run stood: it is taken up again there, with the result of an uninterrupted one. */
  readonly state?: AlgorithmState | undefined;
  /**
   * Called after each iteration that has a next one, which begins when this has returned; and when the lines
   * of an iteration have their losses.
   */
  readonly onState?: ((state: AlgorithmState) => Promise<void>) | undefined;
  /** Times the stages; default: just runs them. */
  readonly stage?: Stage | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Why the loop ended. */
export type RunEnd =
  /** All K iterations were made. */
  | "iterations"
  /** theta_k is an earlier anchor: its cuts are there already, so every further iteration would be the same. */
  | "repeated-anchor"
  /** Even in the elastic form (13) leads farther from theta0 than its own length, or to nothing. */
  | "contradiction"
  /** The last anchor's logits, loss or gradients are not finite, so there are no cuts at it. */
  | "not-finite"
  /** theta0 violates nothing, margin included: there is no point to correct. */
  | "corrected-already";

/** One iteration in plain numbers, null where one is not finite. */
export interface IterationRecord {
  readonly iteration: number;
  /** Rows of (13). */
  readonly rows: number;
  readonly status: SolveStatus;
  /** Linear systems solved. */
  readonly steps: number;
  /** Rows with a positive multiplier. */
  readonly active: number;
  /** As `Residuals` of the solver. */
  readonly residuals: {
    readonly primal: number | null;
    readonly dual: number | null;
    readonly complementarity: number | null;
  };
  /** ||d||_2 of the solution, before rounding. */
  readonly distance: number | null;
  /** Where Algorithm 2 answered; then d and the residuals are its own, and all else of the dual. */
  readonly blocks?: BlocksRecord;
  /** theta_k itself; null when the cuts contradict each other. */
  readonly anchor: AnchorRecord | null;
  /** What asking the sources at theta_k brought, in the cutting-set form. */
  readonly asked?: Asked;
}

export interface AnchorRecord extends Pick<Trial, "violation" | "corrected" | "loss"> {
  /** Present when theta_k is an earlier anchor: its iteration, 0 for theta0. */
  readonly repeats?: number;
}

/** An answer to (13), by Algorithm 2 where it was asked. */
type Solved = SubproblemSolution & { readonly blocks?: BlocksRecord };

/** What Algorithm 1 found. */
export interface Correction {
  readonly end: RunEnd;
  /** The cuts that excluded each other, by iteration; the last one may have ended the run. */
  readonly contradictions: readonly Contradiction[];
  /** theta_1, theta_2, ..., each [p]: `memberTheta` rebuilds every candidate from them and theta0. */
  readonly anchors: readonly Float32Array[];
  /** Every candidate, theta0 first, then by iteration and step. */
  readonly pool: readonly Candidate[];
  /** Index in the pool of the choice (19). */
  readonly choice: number;
  readonly iterations: readonly IterationRecord[];
}

/**
 * A d longer than ||theta0|| counts as a contradiction, unless theta0 is so short, as biases alone are, that one
 * row may need as much: so many times the farthest row's own distance is allowed.
 */
const FAR = 10;

/**
 * Runs Algorithm 1. Asks the oracle one thing at a time, in a fixed order, and for each theta all at once
 * (always the same array), so that an oracle may prepare itself for a theta.
 *
 * @throws TemperError `data-mismatch` when theta0's own logits, loss or gradients are not finite; `aborted`
 */
export async function algorithm1(oracle: Oracle, options: AlgorithmOptions): Promise<Correction> {
  const { iterations, alphas, margin, signal, state, stage = untimed } = options;
  const { radius = 0, lossSlack = 0 } = options;
  const { theta0, tensors } = oracle;
  const longest = (farthest: number): number => Math.max(norm(theta0), FAR * farthest);
  const cuts = createCuts(oracle, { ...options, radius, lossSlack });
  const subproblem = createSubproblem(cuts.rows, { longest, start: state?.active });
  const evaluated: AnchorState[] = [...(state?.anchors ?? [])];
  const anchors = evaluated.slice(1).map(({ theta }) => theta);
  const finishing = state?.finishing;
  if (finishing?.last !== undefined) anchors.push(finishing.last);
  const trials: Trial[] = [...(state?.trials ?? [])];
  const records: IterationRecord[] = [...(state?.iterations ?? [])];
  const contradictions: Contradiction[] = [...(state?.contradictions ?? [])];
  const elastic = createElastic(cuts, subproblem, {
    penalty: contradictions.at(-1)?.penalty ?? options.penalty ?? Infinity,
    largestMultiplier: state?.largestMultiplier ?? 0,
  });

  const scoreAt = (theta: Float32Array): Promise<Score> => {
    throwIfAborted(signal);
    return stage("candidates", async () =>
      scorePoints(await oracle.logits(theta), oracle.y(), margin),
    );
  };
  const lossAt = (theta: Float32Array) => stage("candidates", () => oracle.loss(theta));
  const lossGradientAt = (theta: Float32Array) =>
    stage("loss-gradient", () => oracle.lossGradient(theta));
  const addToPool = (
    theta: Float32Array,
    iteration: number,
    step: number,
    score: Score,
    loss: number | null,
  ): Trial => {
    const trial = trialOf({ theta0, theta, iteration, step, alphas, score, loss });
    trials.push(trial);
    return trial;
  };
  const lossOnLine = ({ iteration, step }: Trial, limit: number): Promise<Loss> => {
    throwIfAborted(signal);
    const theta = memberTheta(theta0, anchors[iteration - 1], step, alphas);
    return stage("candidates", () => oracle.boundedLoss(theta, limit));
  };
  /** Points that the present ones do not stand for, where the oracle has sources to ask. */
  const askAt = async (theta: Float32Array): Promise<Asked | undefined> => {
    const { ask } = oracle;
    return ask && stage("points", () => ask(theta, margin));
  };
  /** Earlier candidates have not seen the points that later ones found. */
  const scoredAgain = async (): Promise<Trial[]> => {
    if (oracle.ask === undefined) return trials;
    const again: Trial[] = [];
    for (const trial of trials) {
      const { iteration, step } = trial;
      const anchor = iteration === 0 ? theta0 : anchors[iteration - 1];
      const score = await scoreAt(memberTheta(theta0, anchor, step, alphas));
      again.push({
        ...trial,
        violation: finiteOrNull(score.violation),
        corrected: score.corrected,
      });
    }
    return again;
  };
  const byBlocks = async (nearest: SubproblemSolution, k: number): Promise<Solved> => {
    if (options.blocks === undefined) return nearest;
    const squares = subproblem.squares();
    const problem = { rows: cuts.rows, rhs: cuts.rhs(), upper: elastic.upper(), squares, longest };
    const found = await stage("blocks", () =>
      blockDescent(problem, k, { tensors, ...options.blocks! }),
    );
    const dual = nearest.distance ** 2;
    return { ...nearest, ...found, blocks: { ...found.blocks, dual } };
  };
  const record = (solution: Solved, anchor: AnchorRecord | null, asked?: Asked): void => {
    const row = {
      ...recordOf(records.length + 1, cuts.list.length, solution, anchor),
      ...(asked === undefined ? {} : { asked }),
    };
    records.push(row);
    options.onIteration?.(row);
  };
  const snapshot = (active: ActiveSet): AlgorithmState => ({
    anchors: [...evaluated],
    trials: [...trials],
    iterations: [...records],
    active,
    largestMultiplier: elastic.largestMultiplier(),
    contradictions: [...contradictions],
  });
  /** No (13) is left to solve: what only cuts and a warm start need is left out. */
  const withLines = (finishing: FinishingState): AlgorithmState => {
    const bare = evaluated.map((anchor) => ({ ...anchor, gradient: new Float64Array() }));
    const none = { rows: new Int32Array(), multipliers: new Float64Array() };
    return { ...snapshot(none), anchors: bare, finishing };
  };
  const finish = async (end: RunEnd): Promise<Correction> => {
    const { fullPool = false, onState } = options;
    const last = anchors.length < evaluated.length ? undefined : anchors.at(-1);
    const lines = await evaluateLines(await scoredAgain(), {
      alphas,
      fullPool,
      evaluate: lossOnLine,
      known: finishing?.lines,
      onLine: options.onLine,
      onLines: onState && ((lines) => onState(withLines({ end, last, lines }))),
    });
    const pool = poolOf(lines);
    const choice = choose(pool, options);
    return { end, contradictions, anchors, pool, choice, iterations: records };
  };

  // anchors = {theta0};  pool = {theta0}
  await askAt(theta0);
  if (evaluated.length === 0) {
    const before = await scoreAt(theta0);
    const done = before.violation === 0;
    const start = done ? { loss: await lossAt(theta0) } : await lossGradientAt(theta0);
    if (!Number.isFinite(before.violation + start.loss))
      throw notFiniteAtStart({ ...before, loss: start.loss });
    addToPool(theta0, 0, 0, before, start.loss);
    if (!("gradient" in start)) return finish("corrected-already");
    evaluated.push({ theta: theta0, ...start });
  }
  for (const [j, next] of anchors.entries()) {
    const earlier = evaluated[j];
    if (finishing === undefined) await stage("cuts", () => cuts.add(earlier.theta, earlier));
    await askAt(next);
  }
  if (finishing !== undefined) return finish(finishing.end);

  for (let k = evaluated.length; ; k++) {
    // Add the cuts (7) and (8) of the newest anchor.
    throwIfAborted(signal);
    const newest = evaluated[k - 1];
    if (!(await stage("cuts", () => cuts.add(newest.theta, newest)))) {
      if (k === 1) throw notFiniteAtStart(trials[0]);
      return finish("not-finite");
    }

    // Solve (13) -> theta_k; where its cuts exclude each other, in the elastic form from here on.
    const { solution: nearest, contradiction } = await stage("qp", () => elastic.solve());
    if (contradiction !== undefined) {
      contradictions.push({ iteration: k, ...contradiction });
      options.onContradiction?.(contradictions.at(-1)!);
      if (contradiction.penalty === null) {
        record(nearest, null);
        return finish("contradiction");
      }
    }
    const solution = await byBlocks(nearest, k);
    const thetaK = anchorTheta(theta0, solution.d);
    const repeats = [theta0, ...anchors].findIndex((earlier) => isSame(earlier, thetaK));
    if (repeats >= 0) {
      record(solution, anchorOf(trials[repeats * alphas], repeats)); // the full step of that iteration
      return finish("repeated-anchor");
    }

    // Add the points theta0 + alpha (theta_k - theta0), alpha < 1, to the pool; their losses come at the end.
    for (let step = 1; step < alphas; step++) {
      const theta = memberTheta(theta0, thetaK, step, alphas);
      addToPool(theta, k, step, await scoreAt(theta), null);
    }

    // The full step is the next anchor, so its loss comes with the gradient; after the last one it comes alone.
    anchors.push(thetaK);
    const asked = await askAt(thetaK);
    const score = await scoreAt(thetaK);
    const last = k === iterations;
    const at = last ? { loss: await lossAt(thetaK) } : await lossGradientAt(thetaK);
    record(solution, anchorOf(addToPool(thetaK, k, alphas, score, at.loss)), asked);
    if (!("gradient" in at)) return finish("iterations");
    evaluated.push({ theta: thetaK, ...at });
    await options.onState?.(snapshot(nearest.active));
  }
}

function recordOf(
  iteration: number,
  rows: number,
  { status, steps, active, residuals, distance, blocks }: Solved,
  anchor: AnchorRecord | null,
): IterationRecord {
  return {
    iteration,
    rows,
    status,
    steps,
    active: active.rows.length,
    residuals: {
      primal: finiteOrNull(residuals.primal),
      dual: finiteOrNull(residuals.dual),
      complementarity: finiteOrNull(residuals.complementarity),
    },
    distance: finiteOrNull(distance),
    ...(blocks && { blocks }),
    anchor,
  };
}

const anchorOf = ({ violation, corrected, loss }: Trial, repeats?: number): AnchorRecord => ({
  violation,
  corrected,
  loss,
  ...(repeats === undefined ? {} : { repeats }),
});

const isSame = (a: Float32Array, b: Float32Array): boolean => a.every((v, i) => v === b[i]);
