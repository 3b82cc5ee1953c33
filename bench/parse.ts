// Words of the command line -> values, with a refusal that says what was given and what is expected.
import { InvalidArgumentError } from "commander";

export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
  readonly integer?: boolean;
}

function describe({ min, max, integer }: NumberRange): string {
  const kind = integer === true ? "a whole number" : "a number";
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  return min !== undefined ? `${kind}, ${min} or more` : kind;
}

/** A parser of one number in a range. */
export function number(range: NumberRange = {}): (given: string) => number {
  return (given) => {
    const value = given.trim() === "" ? Number.NaN : Number(given);
    const { min = -Infinity, max = Infinity, integer = false } = range;
    if (
      !Number.isFinite(value) ||
      value < min ||
      value > max ||
      (integer && !Number.isInteger(value))
    ) {
      throw new InvalidArgumentError(`Expected ${describe(range)}.`);
    }
    return value;
  };
}

/** A whole number, `min` or more. */
export const count = (min = 1): ((given: string) => number) => number({ min, integer: true });

/** Adds a parsed value to the list of those given before: for options that may be repeated. */
export function several<T>(parse: (given: string) => T): (given: string, before?: T[]) => T[] {
  return (given, before = []) => [...before, parse(given)];
}

/** Comma-separated numbers. */
export const numbers = (given: string): number[] => given.split(",").map(number());

/** One of a few words. */
export function oneOf<T extends string>(words: readonly T[]): (given: string) => T {
  return (given) => {
    const word = words.find((w) => w === given);
    if (word === undefined) throw new InvalidArgumentError(`Expected ${words.join(" or ")}.`);
    return word;
  };
}
