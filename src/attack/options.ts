// The options of an attack: one table, from which come the defaults, the refusals and the flags.
import { flag, oneOf, quotient, range, wholeNumber } from "../options/kinds.ts";
import { namesIn, partOf, type Request, type Row, resolve, type Table } from "../options/table.ts";
import { type AttackName, attackNames, attackOf } from "./attacks.ts";
import {
  type AttackSettings,
  epsSpaces,
  norms,
  protocols,
  type StatedSettings,
} from "./settings.ts";

/** An attack, fully stated but for the seed of its random numbers. */
export interface StatedAttack extends StatedSettings {
  /** Default `pgd`; `auto` stands for AutoAttack's apgd-ce, apgd-t, fab-t and square, one after the other. */
  readonly attack: AttackName;
}

/** An attack, fully stated. */
export interface AttackOptions extends StatedAttack, AttackSettings {}

/** An attack as it is asked for: only eps has no default. */
export type AttackRequest = Request<Omit<AttackOptions, "eps">> & Pick<AttackOptions, "eps">;

/** What an attack is for; the defaults of `correct`'s own attacks differ. */
export type AttackUse = "judge" | "reattack" | "robust" | "certify";

interface AttackFacts {
  readonly use: AttackUse;
  /** What eps is multiplied by where it is used: the default length of a step follows. */
  readonly reach: number;
}

/** The range that pixels are kept in where none is stated. */
const usualClip = {
  judge: [0, 1],
  reattack: null,
  robust: null,
  certify: [0, 1],
} as const;

const group = "Attack";

type AttackTable = Table<StatedAttack, AttackFacts>;

/**
 * The recipe robust asks PGD for one step of 1.25 eps (Wong, Rice & Kolter, ICLR 2020): fresh images are attacked in
 * every iteration, and what more steps cost leads further in more iterations (docs/notes/beyond.md).
 */
const BRIEF: Partial<Record<AttackUse, Brief>> = {
  robust: { steps: 1, length: 1.25, words: "1.25 eps" },
  certify: { steps: 5, length: 0.5, words: "eps / 2" },
};

/** How many steps, and how long they are in eps. */
interface Brief {
  readonly steps: number;
  readonly length: number;
  readonly words: string;
}

const briefly = ({ attack }: Partial<StatedAttack>, { use }: AttackFacts): Brief | undefined =>
  attack === "pgd" ? BRIEF[use] : undefined;

export const attackTable: AttackTable = {
  attack: {
    kind: oneOf(attackNames),
    group,
    everyday: true,
    help:
      `the attack: ${attackNames.join(", ")} ` +
      "(AutoAttack's apgd-ce, apgd-t, fab-t and square in turn)",
    default: () => "pgd",
  },
  norm: {
    kind: oneOf(norms, "<norm>"),
    group,
    help: "norm of the ball: linf or l2",
    default: () => "linf",
  },
  eps: {
    kind: quotient("<radius>"),
    required: true,
    group,
    everyday: true,
    help: "radius of the attack's ball: 0.03, or 8/255",
  },
  epsSpace: {
    kind: oneOf(epsSpaces, "<space>"),
    group,
    help: "what eps and the step size are measured in: pixel, or model: its normalised units (needs --std)",
    default: () => "pixel",
  },
  stepSize: {
    kind: quotient("<length>"),
    group,
    help: "length of a step of PGD",
    told: (o, facts) =>
      briefly(o, facts)?.words ?? (facts.reach === 1 ? "eps / 10" : "reach eps / 10"),
    default: (o, facts) => {
      const brief = briefly(o, facts);
      return brief ? brief.length * o.eps! : (facts.reach * o.eps!) / 10;
    },
  },
  steps: {
    kind: wholeNumber(),
    group,
    help: "steps of a run, of square its queries; auto gives Square 50 queries a step",
    told: (o, facts) =>
      briefly(o, facts)?.steps.toString() ?? "pgd 40, apgd-*, fab-t and auto 100, square 5000",
    default: (o, facts) => briefly(o, facts)?.steps ?? attackOf(o.attack!).steps,
  },
  restarts: {
    kind: wholeNumber(),
    group,
    help: "runs of an attack (of apgd-t and fab-t for each target); the worst counts, an image each",
    default: () => 1,
  },
  clip: {
    kind: range("<low,high|none>"),
    group,
    help: "range that pixels are kept in",
    default: (_, { use }) => usualClip[use],
  },
  labels: {
    kind: oneOf(["true", "predicted"], "<which>"),
    group,
    help: "attack the true or the predicted labels",
    default: () => "true",
  },
  randomStart: {
    kind: flag,
    group,
    help: "start PGD and APGD at the clean image",
    default: () => true,
  },
  protocol: {
    kind: oneOf(protocols),
    group,
    help: "cleverhans: predicted labels and no clip, as in the paper's tables",
    default: () => "honest",
  },
};

/** The row of every table that has a seed. */
export const seedRow: Row<number, object, unknown> = {
  kind: wholeNumber(0),
  group: "Work",
  help: "the same seed gives the same result to the bit",
  default: () => 0,
};

/** The attack table with a seed. */
const seededTable: Table<AttackOptions, AttackFacts> = { ...attackTable, seed: seedRow };

const judging: AttackFacts = { use: "judge", reach: 1 };

/**
 * An attack with its defaults filled in: true labels, pixels clipped to [0, 1], a random start.
 *
 * @throws TemperError `bad-option` naming the option, what was given and what is expected
 */
export const attackOptions = (request: AttackRequest): AttackOptions =>
  resolve(seededTable, withProtocol(request), { facts: judging, call: "an attack" });

/**
 * An attack of `correct`, which draws its own seeds: not clipped (but for the balls of bounds) and, in the recipe
 * robust, of one long step unless stated otherwise.
 *
 * @throws TemperError as `attackOptions` does
 */
export const statedAttack = (
  request: Request<StatedAttack>,
  facts: { readonly use: AttackUse; readonly reach?: number },
): StatedAttack =>
  resolve(attackTable, withProtocol(request), {
    facts: { reach: 1, ...facts },
    call: "the attack of correct",
  });

/** The options of an attack among those of a larger call. */
export const attackIn = (call: AttackRequest): AttackRequest =>
  partOf(seededTable, call) as AttackRequest;

/** What the protocol stands for, where the request leaves it open. */
function withProtocol<R extends Request<StatedAttack>>(request: R): R {
  if (request.protocol !== "cleverhans") return request;
  const { clip = null, labels = "predicted" } = request;
  return { ...request, clip, labels };
}

/** Every option of an attack, by name. */
export const attackRequestNames = namesIn(seededTable);
