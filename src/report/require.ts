// What a run must have reached to be taken: "corrected=all, clean>=-0.5", read and judged.
import { insteadOf, TemperError } from "../errors.ts";
import type { CleanChange } from "../run/clean.ts";
import type { RunRecord } from "../run/record.ts";
import type { RunDocument } from "./document.ts";
import { evaluatedOf } from "./evaluated.ts";

/** A run that is finished, by what is known of it without its pictures. */
export type FinishedRun = Pick<RunDocument, "name" | "timings" | "evaluation"> & {
  readonly record: RunRecord<"points"> | RunRecord<"robust">;
};

/** One requirement. */
export interface Requirement {
  /** As it was written. */
  readonly text: string;
  readonly word: Word;
  readonly limit: number | "all";
}

/** A requirement and what the run has reached of it. */
export interface Judged {
  /** The name of the run. */
  readonly run: string;
  /** The requirement, as it was written. */
  readonly text: string;
  readonly met: boolean;
  /** The number that was compared. */
  readonly value: number;
  /** That number in words. */
  readonly said: string;
}

/** What can be required. */
interface Rule {
  readonly sign: ">=" | "<=";
  /** What the number is, as help and refusals say it. */
  readonly means: string;
  /** The number of a run, and in words; undefined where it was not measured. */
  of(run: FinishedRun): { readonly value: number; readonly said: string } | undefined;
  /** What to do where it was not measured. */
  readonly missing?: string;
  /** Whether a limit may end in %. */
  readonly percent?: boolean;
}

type Word = keyof typeof rules;

const rules = {
  corrected: {
    sign: ">=",
    means:
      "points right, a number or all (corrected=all); robust: judging images, attacked or proven",
    of: ({ record: { after } }) => ({
      value: after.corrected,
      said: `${after.corrected} of ${after.points}`,
    }),
  },
  clean: {
    sign: ">=",
    means: "change of the clean accuracy on DATA in percentage points, as -0.5",
    of: ({ record }) => change(record.clean),
  },
  validation: {
    sign: ">=",
    means: "the same on the held-out data",
    of: ({ record }) => change(record.clean.validation),
    missing: "the run has no held-out data; correct with --validate DATA",
  },
  flips: {
    sign: "<=",
    means: "images of DATA that were right and are now wrong",
    of: ({ record: { clean } }) => ({
      value: clean.negativeFlips,
      said: `${clean.negativeFlips} of ${clean.count}`,
    }),
  },
  loss: {
    sign: "<=",
    means: "training loss",
    of: ({ record: { after } }) => ({ value: after.loss, said: after.loss.toPrecision(4) }),
  },
  attacked: {
    sign: ">=",
    means: "accuracy in % under the worst attack of --evaluation",
    of: attacked,
    missing:
      "no attack on its corrected.onnx was measured; give --evaluation e.json, made by\n" +
      "temper evaluate RUN/corrected.onnx --data DATA --attack auto --eps EPS --json > e.json",
    percent: true,
  },
} as const satisfies Readonly<Record<string, Rule>>;

const ruleOf = (word: Word): Rule => rules[word];

/** What can be required, a line each, for help. */
export const requirable: readonly string[] = Object.entries(rules).map(
  ([word, { sign, means }]) => `${`${word}${sign}N`.padEnd(15)}${means}`,
);

/**
 * Reads requirements separated by commas: a word, a sign, a number.
 *
 * @throws TemperError `bad-option` naming the part that is not understood
 */
export function parseRequirements(text: string): readonly Requirement[] {
  return text.split(",").map((part) => {
    const written = part.trim();
    const refuse = (what: string): TemperError =>
      new TemperError("bad-option", `--require "${written}": ${what}`);
    const [, word, sign, limit] = /^([^<>=]*?)\s*(?:(>=|<=|=|<|>)\s*(.*))?$/.exec(written)!;
    if (!Object.hasOwn(rules, word)) {
      throw refuse(`no such word\n${insteadOf(word, Object.keys(rules))}`);
    }
    const name = word as Word;
    const rule = ruleOf(name);
    const expected = `expected ${name}${rule.sign}NUMBER: ${rule.means}`;
    if (sign === undefined || limit === undefined) {
      throw refuse(`${expected}\nput it in quotes, for a shell takes > and < for itself`);
    }
    if (name === "corrected" && sign === "=" && limit === "all") {
      return { text: written, word: name, limit };
    }
    const digits = rule.percent ? limit.replace(/\s*%$/, "") : limit;
    const number = digits.trim() === "" ? Number.NaN : Number(digits);
    if (sign !== rule.sign || !Number.isFinite(number)) throw refuse(expected);
    return { text: written, word: name, limit: number };
  });
}

/**
 * Compares a run with each requirement.
 *
 * @throws TemperError `bad-option` where a number was not measured of this run
 */
export function judge(run: FinishedRun, requirements: readonly Requirement[]): readonly Judged[] {
  return requirements.map(({ text, word, limit }) => {
    const rule = ruleOf(word);
    const found = rule.of(run);
    if (found === undefined) {
      throw new TemperError("bad-option", `--require "${text}" of ${run.name}: ${rule.missing}`);
    }
    const { value } = found;
    const bound = limit === "all" ? run.record.after.points : limit;
    return {
      run: run.name,
      text,
      met: rule.sign === ">=" ? value >= bound : value <= bound,
      ...found,
    };
  });
}

/** From images counted, so that a change of exactly half a point is exactly that. */
function change(clean: CleanChange | undefined) {
  if (clean === undefined) return undefined;
  const { count, before, after } = clean;
  const value = (100 * (Math.round(after * count) - Math.round(before * count))) / count;
  return { value, said: `${value > 0 ? "+" : ""}${Number(value.toPrecision(3))} points` };
}

function attacked(run: FinishedRun) {
  const { after } = evaluatedOf(run);
  if (after === undefined || after.attacks.length === 0) return undefined;
  const { n } = after.clean;
  const worst = after.attacks.reduce((a, c) => (c.accuracy < a.accuracy ? c : a));
  const value = (100 * Math.round(worst.accuracy * n)) / n;
  return { value, said: `${value.toFixed(2)} % under ${worst.name}, ${worst.norm} ${worst.eps}` };
}
