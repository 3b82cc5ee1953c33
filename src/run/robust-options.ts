// The options of the robust recipe: a whole network made robust by aggregate cuts, and its defaults.
import {
  type AttackOptions,
  type AttackRequest,
  attackOptions,
  attackRequestNames,
} from "../attack/options.ts";
import { type LossName, lossNames } from "../engine/losses.ts";
import { demand, refuseUnknown, TemperError } from "../errors.ts";

export const keeps = ["clean", "balanced", "robust"] as const;
export type Keep = (typeof keeps)[number];

/** Everything that decides the result of a robust correction, fully stated. */
export interface RobustOptions {
  readonly recipe: "robust";
  /** K: most iterations. */
  readonly iterations: number;
  /** Every so many iterations the mean of the latest thetas becomes a candidate. */
  readonly every: number;
  /** The run ends when so many iterations brought no new member of the front. */
  readonly patience: number;
  /** Seconds after which no iteration is begun; null: none. */
  readonly timeLimit: number | null;
  /** S: images attacked an iteration. */
  readonly sources: number;
  /** The number of images that are attacked again and again; null: fresh ones in every iteration. */
  readonly random: number | null;
  /** K of the aggregate cuts: most groups an iteration. */
  readonly groups: number;
  /** Which accuracy the shares favour. */
  readonly keep: Keep;
  /** s: the share of its mean hinge that a group is asked to lose in an iteration. */
  readonly share: number;
  /** s_L: the same for the loss where it lies above its limit. */
  readonly lossShare: number;
  /** Images on which the loss of an iteration is taken. */
  readonly lossSample: number;
  /** Longest first step, as a share of ||theta0||; the cap falls linearly to 0 over the run. */
  readonly stepCap: number;
  /** Every attacked image must satisfy f_l + margin <= f_y. */
  readonly margin: number;
  /** delta: what the training loss may rise by. */
  readonly lossSlack: number;
  /** What L(theta; D) is. */
  readonly loss: LossName;
  /** Images that candidates are judged on, attacked anew for each; no cut is made of them. */
  readonly judged: number;
  /** w of (19). */
  readonly weight: number;
  /** A violation below this share of theta0's counts as zero when candidates are compared. */
  readonly tolerance: number;
  /** The steps along a direction: candidates lie at its end. */
  readonly alphas: 1;
  readonly seed: number;
  /** The attack that finds the points and judges. */
  readonly attack: AttackOptions;
}

export type RobustRequest = {
  readonly [K in Exclude<keyof RobustOptions, "recipe" | "alphas" | "attack">]?:
    | RobustOptions[K]
    | undefined;
} & {
  readonly recipe: "robust";
  /** eps has no default; else PGD, of 5 steps of eps / 2, against the true labels, not clipped. */
  readonly attack: AttackRequest;
};

/** (s, s_L) for each word. */
const SHARES: Readonly<Record<Keep, readonly [share: number, lossShare: number]>> = {
  clean: [0.1, 1],
  balanced: [0.3, 0.3],
  robust: [0.5, 0.1],
};

/** The defaults that depend on what a pass costs; measured on CNNLight and CNN, and on ResNet8. */
const DEFAULTS = {
  light: {
    iterations: 280,
    every: 10,
    sources: 1500,
    groups: 100,
    keep: "balanced",
    lossSample: 3000,
    stepCap: 0.04,
    margin: 1,
    lossSlack: 0,
  },
  heavy: {
    iterations: 120,
    every: 20,
    sources: 500,
    groups: 50,
    keep: "clean",
    lossSample: 1000,
    stepCap: 0.005,
    margin: 0.5,
    lossSlack: 0.03,
  },
} as const;

/** A network is heavy from so many floating-point operations an image on: of the paper's, only ResNet8 is. */
const HEAVY = 1e7;

/**
 * Fills in the defaults, for a network whose forward pass takes so many floating-point operations an image.
 *
 * @throws TemperError `bad-option`
 */
export function robustOptions(request: RobustRequest, flops = 0): RobustOptions {
  const usual = DEFAULTS[flops < HEAVY ? "light" : "heavy"];
  const { iterations = usual.iterations, every = usual.every, groups = usual.groups } = request;
  const { sources = usual.sources, lossSample = usual.lossSample, keep = usual.keep } = request;
  const { stepCap = usual.stepCap, margin = usual.margin, lossSlack = usual.lossSlack } = request;
  const { patience = 100, timeLimit = null, random = null } = request;
  demand(keeps.includes(keep), "keep", keep, keeps.join(" or "));
  const { share = SHARES[keep][0], lossShare = SHARES[keep][1] } = request;
  const { loss = "cross-entropy", judged = 1000, weight = 0, tolerance = 1e-4, seed = 0 } = request;
  if (request.attack === undefined) {
    throw new TemperError(
      "bad-option",
      "the robust recipe attacks the data and needs a radius; give --eps, as in --eps 0.1",
    );
  }
  refuseUnknown(request.attack, attackRequestNames, "the attack of correct");
  const { attack: name = "pgd", eps } = request.attack;
  const ofPgd = <T>(value: T): T | undefined => (name === "pgd" ? value : undefined);
  const attack = attackOptions({
    ...request.attack,
    steps: request.attack.steps ?? ofPgd(5),
    stepSize: request.attack.stepSize ?? ofPgd(eps / 2),
    clip: request.attack.clip === undefined ? null : request.attack.clip,
    seed,
  });

  const counted = (n: number): boolean => Number.isInteger(n) && n >= 1;
  const inUnit = (v: number): boolean => v >= 0 && v <= 1;
  const length = (v: number): boolean => Number.isFinite(v) && v >= 0;
  for (const [word, n] of Object.entries({
    iterations,
    every,
    patience,
    sources,
    groups,
    "loss-sample": lossSample,
    judged,
    random: random ?? 1,
  })) {
    demand(counted(n), word, n, "a whole number, 1 or more");
  }
  for (const [word, v] of Object.entries({ share, "loss-share": lossShare, "step-cap": stepCap })) {
    demand(v > 0 && v <= 1, word, v, "a number above 0, at most 1");
  }
  demand(timeLimit === null || length(timeLimit), "time-limit", timeLimit, "seconds, 0 or more");
  demand(length(margin), "margin", margin, "a number, 0 or more");
  demand(length(lossSlack), "loss-slack", lossSlack, "a number, 0 or more");
  demand(lossNames.includes(loss), "loss", loss, lossNames.join(" or "));
  demand(inUnit(weight), "weight", weight, "a number from 0 to 1");
  demand(inUnit(tolerance), "tolerance", tolerance, "a number from 0 to 1");
  demand(Number.isInteger(seed) && seed >= 0, "seed", seed, "a whole number, 0 or more");
  return {
    recipe: "robust",
    iterations,
    every,
    patience,
    timeLimit,
    sources,
    random,
    groups,
    keep,
    share,
    lossShare,
    lossSample,
    stepCap,
    margin,
    lossSlack,
    loss,
    judged,
    weight,
    tolerance,
    alphas: 1,
    seed,
    attack,
  };
}
