// What an attack may do: the options, their honest defaults, and the paper's protocol in one word.
import { demand } from "../errors.ts";

export const attackNames = [
  "fgsm",
  "pgd",
  "apgd-ce",
  "apgd-dlr",
  "apgd-t",
  "fab-t",
  "square",
  "auto",
] as const;
export type AttackName = (typeof attackNames)[number];

export const norms = ["linf", "l2"] as const;
export type Norm = (typeof norms)[number];

export const protocols = ["honest", "cleverhans"] as const;
export type Protocol = (typeof protocols)[number];

export const epsSpaces = ["pixel", "model"] as const;
export type EpsSpace = (typeof epsSpaces)[number];

/** An attack, fully stated. */
export interface AttackOptions {
  readonly attack: AttackName;
  readonly norm: Norm;
  /** Radius of the ball. */
  readonly eps: number;
  /** What eps and the step are measured in: pixels, or the model's units, each the std of its channel. */
  readonly epsSpace: EpsSpace;
  /** Length of one step of PGD; FGSM takes one of eps, APGD and FAB choose theirs. */
  readonly stepSize: number;
  /** Steps of a run; of Square its queries. In auto, of each attack but Square, which has 50 queries a step. */
  readonly steps: number;
  /** Runs against one image; of APGD-T and FAB-T for each target. */
  readonly restarts: number;
  /** The range pixels are kept in, or null: the image may leave it. */
  readonly clip: readonly [low: number, high: number] | null;
  /** Whether the loss is taken against the true labels or the network's own on the clean image. */
  readonly labels: "true" | "predicted";
  readonly randomStart: boolean;
  readonly protocol: Protocol;
  readonly seed: number;
}

/** Options as a user gives them: only eps has no default. */
export interface AttackRequest {
  readonly attack?: AttackName | undefined;
  /** Default linf. */
  readonly norm?: Norm | undefined;
  readonly eps: number;
  /** Default pixel. */
  readonly epsSpace?: EpsSpace | undefined;
  /** Default eps / 10. */
  readonly stepSize?: number | undefined;
  /** Default 40 for PGD, 5,000 for Square, 100 for the others. */
  readonly steps?: number | undefined;
  /** Default 1. */
  readonly restarts?: number | undefined;
  /** Default [0, 1]. */
  readonly clip?: readonly [low: number, high: number] | null | undefined;
  /** Default true. */
  readonly labels?: "true" | "predicted" | undefined;
  /** Default true. */
  readonly randomStart?: boolean | undefined;
  /** "cleverhans": predicted labels and no clip, as in the paper's tables, unless stated otherwise. */
  readonly protocol?: Protocol | undefined;
  readonly seed?: number | undefined;
}

/** Every option of an attack, by name. */
export const attackRequestNames: Readonly<Record<keyof AttackRequest, true>> = {
  attack: true,
  norm: true,
  eps: true,
  epsSpace: true,
  stepSize: true,
  steps: true,
  restarts: true,
  clip: true,
  labels: true,
  randomStart: true,
  protocol: true,
  seed: true,
};

/** AutoAttack's standard settings, and PGD's of the paper. */
const defaultSteps: Readonly<Record<AttackName, number>> = {
  fgsm: 1,
  pgd: 40,
  "apgd-ce": 100,
  "apgd-dlr": 100,
  "apgd-t": 100,
  "fab-t": 100,
  square: 5000,
  auto: 100,
};

/**
 * Fills in the defaults: true labels, pixels clipped to [0, 1], a random start.
 *
 * @throws TemperError `bad-option` naming the option, what was given and what is expected
 */
export function attackOptions(request: AttackRequest): AttackOptions {
  const { attack = "pgd", norm = "linf", eps, restarts = 1, seed = 0 } = request;
  demand(attackNames.includes(attack), "attack", attack, attackNames.join(" or "));
  const { steps = defaultSteps[attack] } = request;
  const { randomStart = true, protocol = "honest", epsSpace = "pixel" } = request;
  const paper = protocol === "cleverhans";
  const { clip = paper ? null : ([0, 1] as const), labels = paper ? "predicted" : "true" } =
    request;
  const stepSize = request.stepSize ?? eps / 10;
  const count = (n: number): boolean => Number.isInteger(n) && n >= 1;
  demand(norms.includes(norm), "norm", norm, norms.join(" or "));
  demand(protocols.includes(protocol), "protocol", protocol, protocols.join(" or "));
  demand(Number.isFinite(eps) && eps >= 0, "eps", eps, "a radius, 0 or more");
  demand(epsSpaces.includes(epsSpace), "eps-space", epsSpace, epsSpaces.join(" or "));
  demand(Number.isFinite(stepSize) && stepSize >= 0, "step-size", stepSize, "a length, 0 or more");
  demand(count(steps), "steps", steps, "a whole number, 1 or more");
  demand(count(restarts), "restarts", restarts, "a whole number, 1 or more");
  demand(labels === "true" || labels === "predicted", "labels", labels, "true or predicted");
  if (clip !== null) {
    const holds = Array.isArray(clip) && clip.length === 2 && clip[0] < clip[1];
    demand(holds, "clip", clip, "two numbers low,high with low < high, or null");
  }
  demand(Number.isInteger(seed), "seed", seed, "a whole number");
  return {
    attack,
    norm,
    eps,
    epsSpace,
    stepSize,
    steps,
    restarts,
    clip,
    labels,
    randomStart,
    protocol,
    seed,
  };
}
