// The options of a correction: the standard recipe's defaults, the paper's, and what is refused.

import { type AttackRequest, attackOptions, attackRequestNames } from "../attack/options.ts";
import { type CutChoice, cutChoices } from "../correct/cuts.ts";
import { type LossName, lossNames } from "../engine/losses.ts";
import { demand, refuseUnknown } from "../errors.ts";
import type { ReattackOptions } from "./reattack.ts";

export const recipes = ["standard", "paper"] as const;
export type Recipe = (typeof recipes)[number];

export const solvers = ["dual", "blocks"] as const;
export type Solver = (typeof solvers)[number];

/** Everything that decides the result of a correction of given points, fully stated. */
export interface CorrectOptions {
  readonly recipe: Recipe;
  /** K: rounds of cuts. */
  readonly iterations: number;
  /** Steps along each direction. */
  readonly alphas: number;
  /** w of (19): 0 looks at the violation alone, 1 at the loss alone. */
  readonly weight: number;
  /** Every point must satisfy f_l + margin <= f_y. */
  readonly margin: number;
  /** rho of (18), in pixel units: every cut must hold in the l-infinity ball of this radius around its point. */
  readonly radius: number;
  /** delta: what the training loss may rise by. */
  readonly lossSlack: number;
  /** C: what a unit of violation of an adversarial cut costs; "inf" keeps the cuts hard while they can be met. */
  readonly penalty: number | "inf";
  /** violated: an anchor brings only cuts that it violates. Default all; of the cutting-set form violated. */
  readonly cuts: CutChoice;
  /** Cuts against only so many rivals of a point, the strongest at the anchor. */
  readonly rivals: number | "all";
  /** What L(theta; D) is: the mean cross-entropy, or the mean squared distance of the softmax from the label. */
  readonly loss: LossName;
  /** Answers (13): the dual, or Algorithm 2, whose objective is then recorded beside the dual's. */
  readonly solver: Solver;
  /** Of blocks: the share of each weight tensor that is free in a block, and the number of blocks. */
  readonly freeShare?: number | undefined;
  readonly blockSteps?: number | undefined;
  /** A violation below this share of theta0's counts as zero when candidates are compared. */
  readonly tolerance: number;
  /** Evaluates every candidate's loss to the end; the front and the choice are the same without. */
  readonly fullPool: boolean;
  /** The cutting-set form: the points are made of sources, which are attacked again at every trial point. */
  readonly reattack: ReattackOptions | null;
  readonly seed: number;
}

/** The cutting-set form as a user asks for it: only eps has no default. */
export interface ReattackRequest {
  /** Not clipped and against the true labels, unless stated otherwise. */
  readonly attack: AttackRequest;
  /** Most points of one source, default 30. */
  readonly pointsPerSource?: number | undefined;
  /** The sources are attacked in balls of so many eps, default 1.2: what is right there holds in eps elsewhere too. */
  readonly reach?: number | undefined;
}

export type CorrectRequest = {
  readonly [K in Exclude<keyof CorrectOptions, "reattack">]?: CorrectOptions[K] | undefined;
} & { readonly reattack?: ReattackRequest | null | undefined };

function reattackOptions(
  request: ReattackRequest | null | undefined,
  seed: number,
): ReattackOptions | null {
  if (request === null || request === undefined) return null;
  const { pointsPerSource = 30, reach = 1.2 } = request;
  const whole = Number.isInteger(pointsPerSource) && pointsPerSource >= 1;
  demand(whole, "points-per-source", pointsPerSource, "a whole number, 1 or more");
  demand(reach >= 1 && Number.isFinite(reach), "reach", reach, "a number, 1 or more");
  refuseUnknown(request.attack, attackRequestNames, "the attack of correct");
  const { clip = null } = request.attack;
  const eps = reach * attackOptions(request.attack).eps;
  const attack = attackOptions({ ...request.attack, eps, clip, seed });
  return { attack, pointsPerSource, reach };
}

/**
 * Fills in the defaults. `standard`: 20 iterations, 10 alphas, weight 0, margin 0.1, tolerance 1e-4.
 * `paper`: the same with margin 0, which leaves points on f_l = f_y to the chance of rounding. The cutting-set
 * form: margin 6, for the sake of points near those that are cut, and as many iterations as attack its sources 4,000
 * times in all, 20 to 40.
 *
 * @param sources how many there are, in the cutting-set form
 *
 * @throws TemperError `bad-option`
 */
export function correctOptions(request: CorrectRequest, sources = 1): CorrectOptions {
  const { recipe = "standard", alphas = 10, weight = 0 } = request;
  const { tolerance = 1e-4, seed = 0 } = request;
  const reattack = reattackOptions(request.reattack, seed);
  const usual = reattack === null ? 20 : Math.min(40, Math.max(20, Math.round(4000 / sources)));
  const { iterations = usual } = request;
  const { margin = reattack !== null ? 6 : recipe === "paper" ? 0 : 0.1 } = request;
  const { radius = 0, lossSlack = 0, penalty = "inf", loss = "cross-entropy" } = request;
  const { cuts = reattack === null ? "all" : "violated", rivals = "all" } = request;
  const { fullPool = false, solver = "dual", freeShare = 0.2, blockSteps = 5 } = request;
  const counted = (n: number): boolean => Number.isInteger(n) && n >= 1;
  const share = (v: number): boolean => v >= 0 && v <= 1;
  const length = (v: number): boolean => Number.isFinite(v) && v >= 0;
  demand(recipes.includes(recipe), "recipe", recipe, recipes.join(" or "));
  demand(counted(iterations), "iterations", iterations, "a whole number, 1 or more");
  demand(counted(alphas), "alphas", alphas, "a whole number, 1 or more");
  demand(share(weight), "weight", weight, "a number from 0 to 1");
  demand(length(margin), "margin", margin, "a number, 0 or more");
  demand(length(radius), "radius", radius, "a length in pixel units, 0 or more");
  demand(length(lossSlack), "loss-slack", lossSlack, "a number, 0 or more");
  demand(
    penalty === "inf" || (length(penalty) && penalty > 0),
    "penalty",
    penalty,
    "a number above 0, or inf",
  );
  demand(cutChoices.includes(cuts), "cuts", cuts, cutChoices.join(" or "));
  demand(
    rivals === "all" || counted(rivals),
    "rivals",
    rivals,
    "a whole number, 1 or more, or all",
  );
  demand(lossNames.includes(loss), "loss", loss, lossNames.join(" or "));
  demand(solvers.includes(solver), "solver", solver, solvers.join(" or "));
  demand(
    solver === "blocks" || (request.freeShare ?? request.blockSteps) === undefined,
    request.freeShare === undefined ? "block-steps" : "free-share",
    request.freeShare ?? request.blockSteps,
    "nothing with the solver dual; solver blocks has it",
  );
  demand(share(freeShare) && freeShare > 0, "free-share", freeShare, "a share above 0, up to 1");
  demand(counted(blockSteps), "block-steps", blockSteps, "a whole number, 1 or more");
  demand(share(tolerance), "tolerance", tolerance, "a number from 0 to 1");
  demand(Number.isInteger(seed) && seed >= 0, "seed", seed, "a whole number, 0 or more");
  return {
    recipe,
    iterations,
    alphas,
    weight,
    margin,
    radius,
    lossSlack,
    penalty,
    cuts,
    rivals,
    loss,
    solver,
    ...(solver === "blocks" ? { freeShare, blockSteps } : {}),
    tolerance,
    fullPool,
    reattack,
    seed,
  };
}
