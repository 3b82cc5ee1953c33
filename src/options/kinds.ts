// The kinds of values that options have: what is expected, whether a value is one, and how a text is read as one.

/** One kind of value. */
export interface Kind<V> {
  /** What stands for the value in help, such as `<n>`; a flag has none. */
  readonly placeholder?: string | undefined;
  /** What is expected, as an error says it. */
  readonly expected: string;
  holds(value: unknown): boolean;
  /** The value that a text stands for, or something that does not hold. */
  read(text: string): V | undefined;
}

const isNumber = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value);

const readNumber = (text: string): number => (text.trim() === "" ? Number.NaN : Number(text));

/** A number for which `holds`. */
const numberThat = (
  placeholder: string,
  expected: string,
  holds: (value: number) => boolean,
): Kind<number> => ({
  placeholder,
  expected,
  holds: (value) => isNumber(value) && holds(value),
  read: readNumber,
});

/** A whole number, `min` or more. */
export const wholeNumber = (min = 1): Kind<number> =>
  numberThat(
    "<n>",
    `a whole number, ${min} or more`,
    (value) => Number.isInteger(value) && value >= min,
  );

/** A finite number, `min` or more. */
export const atLeast = (min: number, placeholder: string): Kind<number> =>
  numberThat(placeholder, `a number, ${min} or more`, (value) => value >= min);

/** A finite number, 0 or more. */
export const length = (placeholder: string): Kind<number> => atLeast(0, placeholder);

/** A length, in a text also as a quotient: `8/255`. */
export const quotient = (placeholder: string): Kind<number> => ({
  ...length(placeholder),
  expected: "a number, 0 or more, or a quotient as 8/255",
  read: (given) => {
    const [over, under, ...rest] = given.split("/").map(readNumber);
    return rest.length > 0 ? Number.NaN : over / (under ?? 1);
  },
});

/** Numbers of more letters than this are told as quotients, where they are. */
const SHORT = 8;
const LARGEST_DIVISOR = 1000;

/** A number as the quotient that it was given as, by 255 before all others; undefined of others, and short ones. */
export function asQuotient(value: number): string | undefined {
  if (String(value).length <= SHORT) return undefined;
  for (let i = 0; i <= LARGEST_DIVISOR; i++) {
    const under = i === 0 ? 255 : i;
    const over = Math.round(value * under);
    if (over / under === value) return `${over}/${under}`;
  }
  return undefined;
}

/** A number above 0. */
export const positive = (placeholder: string): Kind<number> =>
  numberThat(placeholder, "a number above 0", (value) => value > 0);

/** A share of a whole. */
export const fraction = (placeholder: string): Kind<number> =>
  numberThat(placeholder, "a number from 0 to 1", (value) => value >= 0 && value <= 1);

/** A share of a whole that is not nothing. */
export const positiveFraction = (placeholder: string): Kind<number> =>
  numberThat(placeholder, "a number above 0, at most 1", (value) => value > 0 && value <= 1);

/** A share of a whole that leaves something of it. */
export const partialFraction = (placeholder: string): Kind<number> =>
  numberThat(placeholder, "a number from 0 to below 1", (value) => value >= 0 && value < 1);

/** One of a closed list of words. */
export const oneOf = <W extends string>(words: readonly W[], placeholder = "<name>"): Kind<W> => ({
  placeholder,
  expected: words.join(" or "),
  holds: (value) => words.includes(value as W),
  read: (text) => words.find((word) => word === text),
});

/** A value of another kind, or one of some words in its place. */
export const orWord = <V, W extends string>(
  kind: Kind<V>,
  ...words: readonly W[]
): Kind<V | W> => ({
  placeholder: kind.placeholder,
  expected: `${kind.expected}, or ${words.join(" or ")}`,
  holds: (value) => words.includes(value as W) || kind.holds(value),
  read: (text) => words.find((word) => word === text) ?? kind.read(text),
});

/** A number of bytes, in a text with its unit: `4GB`, `500MB`. */
export const bytes: Kind<number> = {
  placeholder: "<size>",
  expected: "a number of bytes above 0, as 4GB or 500MB",
  holds: (value) => isNumber(value) && value > 0,
  read: (given) => {
    const [, number, unit = "B"] = /^([\d.]+)(B|KB|MB|GB|TB)?$/i.exec(given.trim()) ?? [];
    const power = ["B", "KB", "MB", "GB", "TB"].indexOf(unit.toUpperCase());
    return number === undefined ? Number.NaN : Number(number) * 1024 ** power;
  },
};

/** A switch. */
export const flag: Kind<boolean> = {
  expected: "true or false",
  holds: (value) => typeof value === "boolean",
  read: (text) => (text === "true" ? true : text === "false" ? false : undefined),
};

/** Any text that is not empty. */
export const text = (placeholder: string): Kind<string> => ({
  placeholder,
  expected: "a text",
  holds: (value) => typeof value === "string" && value !== "",
  read: (given) => given,
});

/** Numbers, separated by commas in a text. */
export const numberList = (placeholder: string): Kind<readonly number[]> => ({
  placeholder,
  expected: "numbers separated by commas",
  holds: (value) => Array.isArray(value) && value.length > 0 && value.every(isNumber),
  read: (given) => given.split(",").map(readNumber),
});

/** Two numbers, the lower first; null, in a text `none`, is no range. */
export const range = (placeholder: string): Kind<readonly [number, number] | null> => ({
  placeholder,
  expected: "low,high with low < high (as 0,1), or none",
  holds: (value) =>
    value === null ||
    (Array.isArray(value) && value.length === 2 && value.every(isNumber) && value[0] < value[1]),
  read: (given) => {
    if (given === "none") return null;
    return given.split(",").map(readNumber) as unknown as readonly [number, number];
  },
});
