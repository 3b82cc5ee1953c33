// The options of the recipes standard and paper: corrections of given points by Algorithm 1.
import { attackTable, type StatedAttack, statedAttack } from "../../attack/options.ts";
import type { BoundMethod } from "../../bounds/differences.ts";
import { type CutChoice, cutChoices } from "../../correct/cuts.ts";
import { demand, TemperError } from "../../errors.ts";
import {
  atLeast,
  flag,
  length,
  oneOf,
  orWord,
  positive,
  positiveFraction,
  quotient,
  wholeNumber,
} from "../../options/kinds.ts";
import { type Request, resolve, type Table } from "../../options/table.ts";
import {
  certifyMethodRow,
  demandRadius,
  type Facts,
  type SharedOptions,
  sharedRows,
} from "../options.ts";

export const solvers = ["dual", "blocks"] as const;
/** What solves the subproblem (13): `dual` finds the nearest point, `blocks` is Algorithm 2 of the paper. */
export type Solver = (typeof solvers)[number];

const pointRecipes = ["standard", "paper"] as const;

/** The options that a table holds; the attack of `reattack` has a table of its own. */
interface PlainPointOptions extends SharedOptions {
  /** `standard` (the default), or `paper`: the same with margin 0, as in the paper's tables. */
  readonly recipe: (typeof pointRecipes)[number];
  /**
   * The cutting-set form: the points are sources, attacked again at every trial point, and what still falls
   * becomes a point. Needs `attack`. Default false.
   */
  readonly reattack: boolean;
  /** With `reattack`: most points of one source. Default 30. */
  readonly pointsPerSource?: number;
  /** With `reattack`: sources are attacked in balls of so many eps, 1 or more. Default 1.2. */
  readonly reach?: number;
  /**
   * Every point must be right in its whole l-infinity ball of this radius, in pixel units, proven by bounds: they are
   * cut in place of the point itself. 0 or more. Default: the points alone are asked for.
   */
  readonly certifyRadius?: number;
  /**
   * With `certifyRadius`: how the balls are bounded. Default `crown-ibp`, by linear bounds from the logits to the
   * image; `ibp` by intervals, which are faster and prove far less of a network that was not made for them.
   */
  readonly certifyMethod?: BoundMethod;
  /** With `certifyRadius`: the range of pixels, by which the balls are cut, or null for none. Default [0, 1]. */
  readonly clip?: readonly [low: number, high: number] | null;
  /** Points looked at along each direction, 1 or more. Default 10. */
  readonly alphas: number;
  /** rho of (18), in pixel units: every cut must hold in the l-infinity ball of this radius. Default 0. */
  readonly radius: number;
  /**
   * C: the price of a unit of violation of an adversarial cut, above 0. Default `inf`, which keeps the cuts hard
   * while they can be met.
   */
  readonly penalty: number | "inf";
  /**
   * `violated`: an anchor brings only cuts that it violates. Default `all`; with `reattack` or `certifyRadius`
   * `violated`.
   */
  readonly cuts: CutChoice;
  /**
   * Cuts against only so many rivals of a point, the strongest at the anchor; `auto`: those within reach of the margin
   * there, 3 or more. What counts is always measured against all. Default `all`; from 20 labels on `auto`.
   */
  readonly rivals: number | "all" | "auto";
  /** Answers (13). Default `dual`; `blocks` is Algorithm 2, whose objective is recorded beside the dual's. */
  readonly solver: Solver;
  /** Of `blocks`: the share of each weight tensor that may move in a step; biases always may. Default 0.2. */
  readonly freeShare?: number;
  /** Of `blocks`: steps an iteration. Default 5. */
  readonly blockSteps?: number;
  /**
   * Cuts the loss on a sample of the data that grows from so many images (`auto`: 1,000, or a 32nd of them) to a
   * quarter, on all in the last iterations, and asks samples which candidates are dominated. Default: all of the data.
   */
  readonly lossSample?: number | "auto";
  /**
   * Keeps the cuts of large convolutions in parts, and makes rows again where they are needed: far fewer bytes, and
   * more time. Default: where the cuts would not fit into the memory that there is (`memory`). Of `dual` alone.
   */
  readonly remake?: boolean;
  /**
   * Evaluates every candidate's loss to the end; the front is the same without. Default false; with scale `pool` true,
   * which needs it.
   */
  readonly fullPool: boolean;
}

/** Everything that decides the result of a correction of given points, fully stated. */
export interface PointOptions extends PlainPointOptions {
  /** Of `reattack`: the attack. Only its eps has no default; it is not clipped unless stated otherwise. */
  readonly attack?: StatedAttack;
}

/** Options as they are asked for: whatever has a default may be left out. */
export type PointRequest = Request<Omit<PointOptions, "attack">> & {
  /** Of `reattack`: the attack, of which only eps has no default; its pixels are not clipped unless stated. */
  readonly attack?: Request<StatedAttack> | undefined;
};

const subproblem = "Cuts and subproblem (13)";
const sources = "What goes in";

const withReattack = {
  words: "reattack",
  holds: ({ reattack }: Partial<PlainPointOptions>): boolean => reattack === true,
};
const withBlocks = {
  words: "the solver blocks",
  holds: ({ solver }: Partial<PlainPointOptions>): boolean => solver === "blocks",
};

const withCertifyRadius = {
  words: "certify-radius",
  holds: ({ certifyRadius }: Partial<PlainPointOptions>): boolean => certifyRadius !== undefined,
};

/** With so many labels most rivals of a point are far below the margin, and cuts against them only cost. */
const MANY_LABELS = 20;

/** The cutting-set form attacks its sources some 4,000 times in all. */
const roundsOfReattack = (points: number): number =>
  Math.min(40, Math.max(20, Math.round(4000 / points)));

export const pointTable: Table<PlainPointOptions, Facts> = {
  recipe: {
    kind: oneOf(pointRecipes),
    group: "Recipe",
    everyday: true,
    help:
      "standard: a must-fix list of points. paper: the same with margin 0, as in the paper's tables. " +
      "robust: against an attack in general, no points needed",
    default: () => "standard",
  },
  reattack: {
    kind: flag,
    group: sources,
    help:
      "few inputs, robustly: attack the sources of the points again at every trial point, and add what " +
      "still falls (with --eps; --random takes the first n images, broken or not)",
    default: () => false,
  },
  pointsPerSource: {
    kind: wholeNumber(),
    group: sources,
    help: "with --reattack: most points of one source",
    needs: withReattack,
    default: () => 30,
  },
  reach: {
    kind: atLeast(1, "<factor>"),
    group: sources,
    help: "with --reattack: attack in balls so many times as large as --eps",
    needs: withReattack,
    default: () => 1.2,
  },
  certifyRadius: {
    kind: quotient("<radius>"),
    group: subproblem,
    everyday: true,
    help:
      "ask that each point is right in its whole l-infinity ball of this radius in pixels (cut by --clip), " +
      "and prove it: cuts of bounds in place of the point, as 0.02 or 8/255",
  },
  certifyMethod: {
    ...certifyMethodRow,
    needs: withCertifyRadius,
    default: () => "crown-ibp",
  },
  clip: {
    kind: attackTable.clip.kind,
    group: subproblem,
    help: attackTable.clip.help,
    needs: withCertifyRadius,
    default: () => [0, 1],
  },
  ...sharedRows,
  iterations: {
    ...sharedRows.iterations,
    default: ({ reattack }, { points }) => (reattack ? roundsOfReattack(points) : 20),
  },
  margin: {
    ...sharedRows.margin,
    default: ({ reattack, recipe }) => (reattack ? 6 : recipe === "paper" ? 0 : 0.1),
  },
  lossSlack: { ...sharedRows.lossSlack, default: () => 0 },
  alphas: {
    kind: wholeNumber(),
    group: subproblem,
    help: "points looked at along each direction",
    default: () => 10,
  },
  radius: {
    kind: length("<rho>"),
    group: subproblem,
    help: "robust cuts (18): ask every cut in the ball of this radius in pixels",
    default: () => 0,
  },
  penalty: {
    kind: orWord(positive("<c>"), "inf"),
    group: subproblem,
    help: "elastic cuts: the price of a unit of violation; inf is hard until cuts contradict each other",
    default: () => "inf",
  },
  cuts: {
    kind: oneOf(cutChoices, "<which>"),
    group: subproblem,
    help: "all: cut every rival of every point in each iteration. violated: only those not yet met",
    default: ({ reattack, certifyRadius }) =>
      reattack || certifyRadius !== undefined ? "violated" : "all",
  },
  rivals: {
    kind: orWord(wholeNumber(), "all", "auto"),
    group: subproblem,
    help: "cut only against the n strongest rivals of a point, or all, or auto: those near the margin",
    default: (_, { labels }) => (labels < MANY_LABELS ? "all" : "auto"),
  },
  solver: {
    kind: oneOf(solvers),
    group: subproblem,
    help: "dual: the nearest point itself. blocks: Algorithm 2, part of the weights at a time",
    default: () => "dual",
  },
  freeShare: {
    kind: positiveFraction("<s>"),
    group: subproblem,
    help: "blocks: the share of each layer's weights that may move in a step; biases always may",
    needs: withBlocks,
    default: () => 0.2,
  },
  blockSteps: {
    kind: wholeNumber(),
    group: subproblem,
    help: "blocks: steps an iteration",
    needs: withBlocks,
    default: () => 5,
  },
  lossSample: {
    kind: orWord(wholeNumber(2), "auto"),
    group: subproblem,
    help:
      "cut the loss on a sample of DATA that grows from n images, and leave candidates that it tells " +
      "to be dominated: for large data. Losses on the front are of all of DATA",
  },
  remake: {
    kind: flag,
    group: subproblem,
    help: "keep the cuts of large convolutions in parts; by default where they would not fit into --memory",
    needs: {
      words: "the solver dual",
      holds: ({ solver }: Partial<PlainPointOptions>): boolean => solver === "dual",
    },
  },
  fullPool: {
    kind: flag,
    group: subproblem,
    help: "evaluate the loss of every candidate to the end, which --scale pool needs; the front is the same without",
    default: ({ scale }) => scale === "pool",
  },
};

/**
 * Fills in the defaults and checks what is stated.
 *
 * @throws TemperError `bad-option`
 */
export function pointOptions({ attack, ...request }: PointRequest, facts: Facts): PointOptions {
  const options = resolve(pointTable, request, { facts, call: "correct" });
  if (options.scale === "pool") {
    const known = options.fullPool && options.lossSample === undefined;
    demand(known, "scale", "pool", "every loss to its end: give --full-pool, and no --loss-sample");
  }
  if (options.certifyRadius !== undefined) refuseBesideCertify(options);
  if (!options.reattack) {
    if (attack === undefined) return options;
    throw new TemperError("bad-option", "attack is given without reattack, which alone uses it");
  }
  demandRadius(attack, "reattack attacks the points anew");
  return { ...options, attack: statedAttack(attack!, { use: "reattack", reach: options.reach! }) };
}

/** What asks for balls in another way, or of the cuts what bounds do not have. */
function refuseBesideCertify({ reattack, radius, remake }: PlainPointOptions): void {
  const refuse = (word: string, why: string): never => {
    throw new TemperError("bad-option", `${word} and certify-radius: ${why}`);
  };
  if (reattack) {
    refuse("reattack", "an attack is no proof of a ball; give --certify-radius without --reattack");
  }
  if (radius > 0) {
    refuse("radius", "cuts of bounds hold in the whole ball already; give --certify-radius alone");
  }
  if (remake === true) {
    refuse(
      "remake",
      "a bound uses each weight many times, and its cuts have no parts; leave --remake out",
    );
  }
}
