// The options that every recipe of `correct` has, and what their defaults depend on.
import { type StatedAttack, seedRow } from "../attack/options.ts";
import { type BoundMethod, boundMethods } from "../bounds/differences.ts";
import { type Scale, scales } from "../correct/choice.ts";
import { type LossName, lossNames, lossWords } from "../engine/losses.ts";
import { TemperError } from "../errors.ts";
import { fraction, length, oneOf, wholeNumber } from "../options/kinds.ts";
import type { Request, Row } from "../options/table.ts";

/** What `correct --recipe` takes. */
export const recipeNames = ["standard", "paper", "robust"] as const;
/** A recipe of `correct`: `standard` (the default) and `paper` correct given points, `robust` a whole network. */
export type RecipeName = (typeof recipeNames)[number];

/** The options that every recipe has, resolved. */
export interface SharedOptions {
  /**
   * K: rounds of cuts at most, 1 or more. Default 20; with `reattack` 20 to 40; robust 200, a large network 500, with
   * `certify` 1000.
   */
  readonly iterations: number;
  /** w of (19), from 0 (the lowest violation) to 1 (the lowest loss). Default 0. */
  readonly weight: number;
  /**
   * What (19) scales loss and violation over: the efficient `front`, or the `pool` of all candidates, whose losses are
   * then evaluated to the end. Default `front`.
   */
  readonly scale: Scale;
  /**
   * Every point must satisfy f_l + margin <= f_y, in units of the logits, 0 or more. Default 0.1; paper 0, which
   * leaves points on f_l = f_y to the chance of rounding; with `reattack` 6; robust 1, a large network 0.5, with
   * `certify` 2.
   */
  readonly margin: number;
  /**
   * delta: what the training loss may rise by, 0 or more. Default 0; robust, of a large network, 0.06, with `certify`
   * 0.05.
   */
  readonly lossSlack: number;
  /** What L(theta; D) is. Default the mean `cross-entropy`; `brier` is the squared distance of softmax and label. */
  readonly loss: LossName;
  /** A violation below this share of theta0's counts as zero when candidates are compared. Default 1e-4. */
  readonly tolerance: number;
  /** The same seed gives the same run, byte for byte, on one machine. Default 0. */
  readonly seed: number;
}

/** What is known of the model and the points when options are resolved. */
export interface Facts {
  /** Floating-point operations of a forward pass, an image. */
  readonly flops: number;
  /** Points, or with `reattack` sources. */
  readonly points: number;
  /** Labels that the model tells apart. */
  readonly labels: number;
}

/** A network with so many floating-point operations an image or more is large. Of the paper's only ResNet8 is. */
const LARGE = 1e7;
export const isLarge = ({ flops }: Facts): boolean => flops >= LARGE;

const tradeOff = "Trade-off";

/** Rows without the defaults that differ between the recipes. */
export const sharedRows = {
  iterations: {
    kind: wholeNumber(),
    group: tradeOff,
    everyday: true,
    help: "rounds of cuts",
  },
  weight: {
    kind: fraction("<w>"),
    group: tradeOff,
    everyday: true,
    help: "0 chooses the lowest violation, 1 the lowest loss",
    default: () => 0,
  },
  scale: {
    kind: oneOf(scales),
    group: tradeOff,
    help: "choose by loss and violation scaled over the front, or over all candidates",
    default: () => "front",
  },
  margin: {
    kind: length("<m>"),
    group: tradeOff,
    everyday: true,
    help: "ask for f_l + m <= f_y at every point and rival l",
  },
  lossSlack: {
    kind: length("<delta>"),
    group: tradeOff,
    everyday: true,
    help: "let the training loss rise by this much",
  },
  loss: {
    kind: oneOf(lossNames),
    group: tradeOff,
    help: `the training loss: ${lossWords}`,
    default: () => "cross-entropy",
  },
  tolerance: {
    kind: fraction("<t>"),
    group: tradeOff,
    help: "a violation below this share of the first counts as zero when choosing",
    default: () => 1e-4,
  },
  seed: seedRow,
} as const satisfies { readonly [K in keyof SharedOptions]: Row<SharedOptions[K], object, Facts> };

/** How balls are bounded, without its default and what it needs, which differ. */
export const certifyMethodRow = {
  kind: oneOf(boundMethods),
  group: "Cuts and subproblem (13)",
  help:
    "with --certify or --certify-radius: bound balls by intervals (ibp), or by linear bounds back to the image " +
    "(crown-ibp): closer, and slower",
} as const satisfies Row<BoundMethod, object, Facts>;

/** @throws TemperError `bad-option` where an attack is needed and no radius is given */
export function demandRadius(attack: Request<StatedAttack> | undefined, why: string): void {
  if (attack?.eps !== undefined) return;
  throw new TemperError("bad-option", `${why} and needs a radius; give --eps, as in --eps 0.1`);
}
