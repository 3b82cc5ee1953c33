// The options of a verification: one table, from which come the defaults, the refusals and the flags.
import { type AttackName, attackNames } from "../attack/attacks.ts";
import { attackTable, seedRow } from "../attack/options.ts";
import type { EpsSpace } from "../attack/settings.ts";
import { flag, oneOf, orWord, positive } from "../options/kinds.ts";
import { namesIn, type Request, resolve, type Table } from "../options/table.ts";

/**
 * How a proof is searched for: `ibp` by intervals; `crown` by linear bounds back to the image, those of every
 * activation too; `auto` by one after the other, with optimised slopes where it is still open.
 */
export type VerifyMethod = "ibp" | "crown" | "auto";
const verifyMethods: readonly VerifyMethod[] = ["ibp", "crown", "auto"];

/** What is to be proven, and how it is searched for. */
export interface VerifyOptions {
  /** Radius of the ball in the largest norm, 0 or more, in the units of `epsSpace`. It has no default. */
  readonly eps: number;
  /** What eps is measured in. Default `pixel`; `model` needs a model that was opened with a std. */
  readonly epsSpace: EpsSpace;
  /** The range that pixels are kept in, low below high, or null for none. Default [0, 1]. */
  readonly clip: readonly [low: number, high: number] | null;
  /** Default `auto`. */
  readonly method: VerifyMethod;
  /** The attack on images that fast bounds leave open, or `none`. Default `pgd`. */
  readonly attack: AttackName | "none";
  /** Whether the largest proven eps of each image is searched for, to a hundredth of eps. Default false. */
  readonly radius: boolean;
  /** Seconds after which no further image is looked at; what is open then stays open. Default none. */
  readonly timeLimit?: number | undefined;
  /** A whole number, default 0; the attack's random numbers are drawn from it. */
  readonly seed: number;
}

/** A verification as it is asked for: only eps has no default. */
export type VerifyRequest = Request<Omit<VerifyOptions, "eps">> & Pick<VerifyOptions, "eps">;

const group = "Proof";
const judging = { use: "judge", reach: 1 } as const;

export const verifyTable: Table<VerifyOptions, undefined> = {
  eps: {
    kind: attackTable.eps.kind,
    group,
    everyday: true,
    required: true,
    help: "radius of the ball in the largest norm: 0.03, or 8/255",
  },
  epsSpace: {
    kind: attackTable.epsSpace.kind,
    group,
    help: "what eps is measured in: pixel, or model: its normalised units (needs --std)",
    default: () => "pixel",
  },
  clip: {
    kind: attackTable.clip.kind,
    group,
    help: "range that pixels are kept in; an image outside it is refused",
    default: () => attackTable.clip.default!({}, judging) ?? null,
  },
  method: {
    kind: oneOf(verifyMethods),
    group,
    everyday: true,
    help:
      "how a proof is searched for: ibp (intervals), crown (linear bounds of every activation), " +
      "auto (one after the other, with optimised slopes where it is still open)",
    default: () => "auto",
  },
  attack: {
    kind: orWord(oneOf(attackNames), "none"),
    group,
    everyday: true,
    help: `the attack on what fast bounds leave open: ${attackNames.join(", ")}, or none`,
    default: () => "pgd",
  },
  radius: {
    kind: flag,
    group,
    everyday: true,
    help: "search for the largest proven eps of each image, to a hundredth of eps",
    default: () => false,
  },
  timeLimit: {
    kind: positive("<seconds>"),
    group,
    everyday: true,
    help: "look at no further image after so many seconds: the rest stays open",
  },
  seed: seedRow,
};

/** @throws TemperError `bad-option` naming the option, what was given and what is expected */
export const verifyOptions = (request: VerifyRequest): VerifyOptions =>
  resolve(verifyTable, request, { facts: undefined, call: "verify" });

/** Every option of a verification, by name. */
export const verifyRequestNames = namesIn(verifyTable);
