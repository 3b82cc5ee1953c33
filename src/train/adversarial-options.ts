// What an adversarial training is called with, and what that resolves to.
import { type AttackOptions, type AttackRequest, attackOptions } from "../attack/options.ts";
import type { Work } from "../attack/session.ts";
import { checkUnits } from "../attack/units.ts";
import type { Dataset } from "../data/dataset.ts";
import { demand, refuseUnknown, TemperError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import { type Schedule, schedules } from "./schedule.ts";

/**
 * What adversarial training minimises, with x' the attacked image: `pgd` (Madry et al., ICLR 2018) the cross-entropy of
 * x and x', weighted; `trades` (Zhang et al., ICML 2019) the cross-entropy of x plus beta KL(p(x) || p(x')), with x'
 * by PGD on this divergence.
 */
export type AdversarialMethod = "pgd" | "trades";

const methods: readonly AdversarialMethod[] = ["pgd", "trades"];

/** One step of adversarial training. */
export interface AdversarialStep {
  /** The number of the step, from 1. */
  readonly step: number;
  /** The share of the training that is done, in (0, 1]. */
  readonly done: number;
  /** Seconds since the training began, with the start of its processes. */
  readonly seconds: number;
  /** Mean loss of the method over the minibatch, before the step. */
  readonly loss: number;
  /** The learning rate of the step. */
  readonly rate: number;
  /** theta after the step, float32 [p]; it is never written to again. */
  readonly theta: Float32Array;
}

/** What the held-out images said of a network on the way. */
export interface AdversarialLook {
  /** The step after which they were asked. */
  readonly step: number;
  /** The share of the held-out images that are right as they are. */
  readonly clean: number;
  /** The share of them that are right under the attack that judges. */
  readonly attacked: number;
}

/** What `trainAdversarially` is called with; either `steps` or `seconds` must be given. */
export interface AdversarialOptions extends Work {
  /** The training images, in pixel units, with their true labels. */
  readonly data: Dataset;
  /**
   * The attack that every image is trained under. Its own seed is not read. PGD of 1 step of 1.25 eps from a random
   * start is "fast" training (Wong, Rice & Kolter, ICLR 2020). With `trades` it must be `pgd`, against true labels and
   * from a random start; it then climbs the divergence.
   */
  readonly attack: AttackRequest;
  /** What is minimised. Default `pgd`. */
  readonly method?: AdversarialMethod | undefined;
  /**
   * What the attacked images weigh. With `pgd` their share w of the loss (1 - w) CE(x) + w CE(x'), in [0, 1], default
   * 0.5; the clean images cost nothing where it is 1. With `trades` beta, above 0, default 6.
   */
  readonly weight?: number | undefined;
  /** How many steps to train for, 1 or more. */
  readonly steps?: number | undefined;
  /** How many seconds to train for, above 0; the number of steps follows from the machine. */
  readonly seconds?: number | undefined;
  /** Clean images of a step, 1 or more; as many attacked ones stand beside them. Default 128. */
  readonly batch?: number | undefined;
  /** The highest learning rate, above 0, default 1e-3. */
  readonly learningRate?: number | undefined;
  /** How the learning rate goes. Default `falling`. */
  readonly schedule?: Schedule | undefined;
  /**
   * The last share of the training whose thetas are averaged, in [0, 1]: theta is the mean of those after each of its
   * steps (Izmailov et al., UAI 2018). Default 0: theta as the last step leaves it.
   */
  readonly average?: number | undefined;
  /**
   * Images of the data that are not trained on, but judge the network on the way under an attack; the one that is best
   * there is returned (Rice, Wong & Kolter, ICML 2020). Fewer than there are; default 0: the last one is returned.
   * Judging counts in the seconds.
   */
  readonly heldOut?: number | undefined;
  /** How often the held-out images judge, evenly over the training and at its end, 1 or more. Default 10. */
  readonly looks?: number | undefined;
  /** The attack of the judging. Default: PGD of 10 steps of eps / 4 in the ball of the training's attack. */
  readonly judge?: AttackRequest | undefined;
  /** A whole number, default 0. It decides the minibatches, the random starts and which images are held out. */
  readonly seed?: number | undefined;
  /** Called after each step. */
  readonly onStep?: ((step: AdversarialStep) => void) | undefined;
  /** Called after each judging. */
  readonly onLook?: ((look: AdversarialLook) => void) | undefined;
  /** The stage is `training`; it counts steps, or seconds where these are given. */
  readonly onProgress?: Progress | undefined;
}

/** What the attacked images weigh where nothing is stated: their share of the loss, or beta. */
export const defaultWeight: Readonly<Record<AdversarialMethod, number>> = { pgd: 0.5, trades: 6 };

const known: Readonly<Record<keyof AdversarialOptions, true>> = {
  data: true,
  attack: true,
  method: true,
  weight: true,
  steps: true,
  seconds: true,
  batch: true,
  learningRate: true,
  schedule: true,
  average: true,
  heldOut: true,
  looks: true,
  judge: true,
  seed: true,
  onStep: true,
  onLook: true,
  onProgress: true,
  threads: true,
  workers: true,
  signal: true,
};

/** An adversarial training with its defaults filled in. */
export interface AdversarialPlan {
  readonly attack: AttackOptions;
  readonly judge: AttackOptions;
  readonly method: AdversarialMethod;
  readonly weight: number;
  readonly batch: number;
  readonly learningRate: number;
  readonly schedule: Schedule;
  readonly average: number;
  readonly heldOut: number;
  readonly looks: number;
  readonly seed: number;
}

/** PGD that is strong enough to tell networks apart, in the ball of the training's attack. */
function judging({ norm, eps, epsSpace, clip }: AttackOptions): AttackRequest {
  return { attack: "pgd", norm, eps, epsSpace, clip, steps: 10, stepSize: eps / 4 };
}

/**
 * @param std of the model, where it normalises
 * @throws TemperError `bad-option` naming the option, what was given and what is expected
 */
export function adversarialPlan(
  options: AdversarialOptions,
  std: readonly number[] | undefined,
): AdversarialPlan {
  refuseUnknown(options, known, "trainAdversarially");
  const { data, steps, seconds } = options;
  const attack = attackOptions(options.attack);
  const method = options.method ?? "pgd";
  const plan: AdversarialPlan = {
    attack,
    judge: attackOptions(options.judge ?? judging(attack)),
    method,
    weight: options.weight ?? defaultWeight[method],
    batch: options.batch ?? 128,
    learningRate: options.learningRate ?? 1e-3,
    schedule: options.schedule ?? "falling",
    average: options.average ?? 0,
    heldOut: options.heldOut ?? 0,
    looks: options.looks ?? 10,
    seed: options.seed ?? 0,
  };
  checkUnits(attack, std);
  checkUnits(plan.judge, std);
  if ((steps === undefined) === (seconds === undefined)) {
    throw new TemperError("bad-option", "how long to train: give either steps or seconds");
  }
  const { batch, learningRate, schedule, average, heldOut, looks, seed, weight } = plan;
  for (const [word, n] of Object.entries({ batch, steps: steps ?? 1, looks })) {
    demand(Number.isInteger(n) && n >= 1, word, n, "a whole number, 1 or more");
  }
  for (const [word, x] of Object.entries({ learningRate, seconds: seconds ?? 1 })) {
    demand(Number.isFinite(x) && x > 0, word, x, "a number above 0");
  }
  demand(methods.includes(method), "method", method, methods.join(" or "));
  demand(schedules.includes(schedule), "schedule", schedule, schedules.join(" or "));
  demand(average >= 0 && average <= 1, "average", average, "a number from 0 to 1");
  const spare = Number.isInteger(heldOut) && heldOut >= 0 && heldOut < data.count;
  demand(spare, "heldOut", heldOut, `a whole number below the ${data.count} images`);
  demand(Number.isInteger(seed), "seed", seed, "a whole number");
  if (method === "pgd")
    demand(weight >= 0 && weight <= 1, "weight", weight, "a number from 0 to 1");
  else demandTrades(plan);
  return plan;
}

/** The attack of TRADES climbs the divergence, of which there is none to climb at the clean image itself. */
function demandTrades({ attack, weight }: AdversarialPlan): void {
  demand(
    Number.isFinite(weight) && weight > 0,
    "weight",
    weight,
    "a number above 0, beta of trades",
  );
  const fits = attack.attack === "pgd" && attack.labels === "true" && attack.randomStart;
  if (fits && attack.restarts === 1) return;
  throw new TemperError(
    "bad-option",
    "trades trains under PGD on the divergence of the answers: give it the attack pgd, with true labels, a random " +
      "start and one restart",
  );
}
