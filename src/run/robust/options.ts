// The options of the recipe robust: a whole network made robust by aggregate cuts with a moving centre.
import { type StatedAttack, statedAttack } from "../../attack/options.ts";
import type { BoundMethod } from "../../bounds/differences.ts";
import { type Metric, metrics } from "../../correct/metric.ts";
import { demand } from "../../errors.ts";
import {
  flag,
  length,
  oneOf,
  partialFraction,
  positiveFraction,
  wholeNumber,
} from "../../options/kinds.ts";
import { type Request, type Row, resolve, type Table } from "../../options/table.ts";
import {
  certifyMethodRow,
  demandRadius,
  type Facts,
  isLarge,
  type SharedOptions,
  sharedRows,
} from "../options.ts";

export const keeps = ["clean", "balanced", "robust"] as const;
/** Which accuracy a robust correction favours: on clean images, on attacked ones, or both alike. */
export type Keep = (typeof keeps)[number];

/** The options that a table holds; the attack has a table of its own. */
interface PlainRobustOptions extends SharedOptions {
  /** The recipe; it has no default. */
  readonly recipe: "robust";
  /**
   * Cuts the bound of each image's whole ball in place of an attacked image, and judges by what is proven. Needs the
   * norm `linf` and true labels. Default: the attack.
   */
  readonly certify?: boolean;
  /**
   * With `certify`: how the balls are bounded. Default `ibp`, by intervals; `crown-ibp` by linear bounds from the
   * logits to the image, which are closer where the network was not made for intervals, and cost several times as much.
   */
  readonly certifyMethod?: BoundMethod;
  /** With `certify`: the share of the images that are bounded, above 0; the others are attacked. Default 1. */
  readonly certifyShare?: number;
  /** With `certify`: the share of the run over which the balls grow from 0 to eps, above 0. Default 0.25. */
  readonly ramp?: number;
  /** Which accuracy the steps favour; no matter with `certify`. Default `balanced`; of a large network `clean`. */
  readonly keep: Keep;
  /**
   * S: images attacked an iteration, or bounded, 1 or more. Default 1500; of a large network 150, with `certify` 500.
   */
  readonly sources: number;
  /** The number of images that are attacked again and again. Default: fresh ones in every iteration. */
  readonly random?: number;
  /**
   * K of the aggregate cuts: most groups an iteration, 1 or more. Default 100; of a large network 15, with
   * `certify` 40.
   */
  readonly groups: number;
  /**
   * s: the share of its mean hinge that a group is asked to lose in an iteration, above 0, at most 1. Default by
   * `keep`: clean 0.1, balanced 0.3, robust 0.5; with `certify` 0.4.
   */
  readonly share: number;
  /**
   * s_L: the same for the loss where it lies above its limit. Default by `keep`: clean 1, balanced 0.3, robust 0.1;
   * with `certify` 1.
   */
  readonly lossShare: number;
  /**
   * Images on which the loss of an iteration is taken, 1 or more. Default 3000; of a large network 250, with `certify`
   * 1000.
   */
  readonly lossSample: number;
  /**
   * Longest first step, as a share of ||theta0||, above 0, at most 1; the cap falls linearly to 0 over the run.
   * Default 0.08; of a large network 0.005, with `certify` 0.12.
   */
  readonly stepCap: number;
  /** mu: the share of each step that is made again with the next one, in [0, 1). Default 0.8. */
  readonly momentum: number;
  /**
   * What the length of a step is measured in: weights by the size of their gradients so far, or all alike. Default
   * `gradients`; of a large network `identity`.
   */
  readonly metric: Metric;
  /** Images that candidates are judged on, attacked or bounded anew; no cut is made of them. Default 1000. */
  readonly judged: number;
  /**
   * Every so many iterations the mean of the latest thetas becomes a candidate. Default 10; of a large network 100,
   * with `certify` 40.
   */
  readonly every: number;
  /**
   * J: of the mean with the lowest violation, J - 1 points on the way back to theta0 are judged too. 1 or more; default
   * 10, of a large network 5.
   */
  readonly alphas: number;
  /**
   * The run ends when so many iterations brought no new member of the front. Default 100; of a large network 500, with
   * `certify` 1000.
   */
  readonly patience: number;
  /** Seconds after which no iteration is begun; two runs then differ. Default: no limit. */
  readonly timeLimit?: number;
}

/** Everything that decides the result of a robust correction, fully stated. */
export interface RobustOptions extends PlainRobustOptions {
  /** The attack that finds the points and judges; its seeds are drawn by the run. */
  readonly attack: StatedAttack;
}

/** Options as they are asked for: only the recipe and the attack's eps have no default. */
export type RobustRequest = Request<Omit<RobustOptions, "attack" | "recipe">> & {
  /** The recipe; it has no default. */
  readonly recipe: "robust";
  /** PGD of one step of 1.25 eps, against the true labels, not clipped, unless stated otherwise. */
  readonly attack: Request<StatedAttack>;
};

/** (s, s_L) for each word. */
const SHARES: Readonly<Record<Keep, readonly [share: number, lossShare: number]>> = {
  clean: [0.1, 1],
  balanced: [0.3, 0.3],
  robust: [0.5, 0.1],
};

/** A default for most networks, measured on CNNLight and CNN, and one for large ones, measured on ResNet8. */
const bySize =
  <V>(usual: V, large: V) =>
  (_: object, facts: Facts): V =>
    isLarge(facts) ? large : usual;

/** A default that differs where the hinge is bounded. */
const byHinge =
  <V>(attacked: (_: object, facts: Facts) => V, certified: V) =>
  (options: Partial<PlainRobustOptions>, facts: Facts): V =>
    options.certify === true ? certified : attacked(options, facts);

const withCertify = {
  words: "certify",
  holds: ({ certify }: Partial<PlainRobustOptions>): boolean => certify === true,
};

const group = "Recipe robust";

const counted = (
  help: string,
  usual: number,
  large = usual,
  certified?: number,
): Row<number, PlainRobustOptions, Facts> => {
  const attacked = bySize(usual, large);
  const given = certified === undefined ? attacked : byHinge(attacked, certified);
  return { kind: wholeNumber(), group, help, default: given };
};

export const robustTable: Table<PlainRobustOptions, Facts> = {
  recipe: {
    kind: oneOf(["robust"]),
    group: "Recipe",
    help: "robust: against an attack in general, no points needed",
    default: () => "robust",
  },
  certify: {
    kind: flag,
    group,
    help:
      "prove instead of attack: cut the bound of each image's whole ball, and judge by what is proven " +
      "(norm linf, true labels)",
  },
  certifyMethod: {
    ...certifyMethodRow,
    needs: withCertify,
    default: () => "ibp",
  },
  certifyShare: {
    kind: positiveFraction("<share>"),
    group,
    help: "with --certify: bound this share of the images, and attack the others",
    needs: withCertify,
    default: () => 1,
  },
  ramp: {
    kind: positiveFraction("<share>"),
    group,
    help: "with --certify: the share of the run over which the balls grow to --eps",
    needs: withCertify,
    default: () => 0.25,
  },
  ...sharedRows,
  iterations: { ...sharedRows.iterations, default: byHinge(bySize(280, 500), 1000) },
  margin: { ...sharedRows.margin, default: byHinge(bySize(1, 0.5), 2) },
  lossSlack: { ...sharedRows.lossSlack, default: byHinge(bySize(0, 0.06), 0.05) },
  keep: {
    kind: oneOf(keeps, "<which>"),
    group,
    help: "clean, balanced or robust: which accuracy the steps favour",
    default: bySize<Keep>("balanced", "clean"),
  },
  sources: counted("images attacked an iteration, or bounded", 1500, 150, 500),
  random: {
    kind: wholeNumber(),
    group,
    help: "attack n images again and again",
  },
  groups: counted("most aggregate cuts an iteration", 100, 15, 40),
  share: {
    kind: positiveFraction("<s>"),
    group,
    help: "the share of its hinge that a group is to lose in an iteration",
    default: ({ keep, certify }) => (certify === true ? 0.4 : SHARES[keep!][0]),
  },
  lossShare: {
    kind: positiveFraction("<s>"),
    group,
    help: "the same for the loss where it is above its limit",
    default: ({ keep, certify }) => (certify === true ? 1 : SHARES[keep!][1]),
  },
  lossSample: counted("images of DATA the loss is cut on in an iteration", 3000, 250, 1000),
  stepCap: {
    kind: positiveFraction("<share>"),
    group,
    help: "longest first step, as a share of ||theta0||; the cap falls to 0 over the run",
    default: byHinge(bySize(0.08, 0.005), 0.12),
  },
  momentum: {
    kind: partialFraction("<mu>"),
    group,
    help: "the share of each step that is made again with the next one",
    default: () => 0.8,
  },
  metric: {
    kind: oneOf(metrics),
    group,
    help: "measure a step by the sizes of the gradients, or as it is",
    default: bySize<Metric>("gradients", "identity"),
  },
  judged: counted("images that judge the candidates, a fifth of DATA at most", 1000),
  every: counted("every so many iterations a candidate is judged", 10, 100, 40),
  alphas: counted("at the end judge J - 1 points between the model and its correction", 10, 5),
  patience: counted("end when so many iterations brought nothing to the front", 100, 500, 1000),
  timeLimit: {
    kind: length("<seconds>"),
    group,
    help: "begin no iteration after so long; the steps shrink with the time, so two runs differ",
  },
};

/**
 * Fills in the defaults and checks what is stated.
 *
 * @throws TemperError `bad-option`
 */
export function robustOptions({ attack, ...request }: RobustRequest, facts: Facts): RobustOptions {
  demandRadius(attack, "the recipe robust attacks the data");
  const { certify, ...options } = resolve(robustTable, request, { facts, call: "correct" });
  if (certify !== true) return { ...options, attack: statedAttack(attack, { use: "robust" }) };
  const stated = statedAttack(attack, { use: "certify" });
  const holds = stated.norm === "linf" && stated.labels === "true";
  const given = `with norm ${stated.norm} and labels ${stated.labels}`;
  demand(
    holds,
    "certify",
    given,
    "norm linf and labels true: what is bounded is a box and its label",
  );
  return { certify, ...options, attack: stated };
}
