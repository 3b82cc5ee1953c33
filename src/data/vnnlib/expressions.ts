// The parentheses that VNN-LIB files are written in: text -> nested lists of words, each with its line.
import { TemperError } from "../../errors.ts";

/** A word, or a list in parentheses. */
export type Expression = Word | List;

export interface Word {
  readonly word: string;
  readonly line: number;
}

export interface List {
  readonly items: readonly Expression[];
  /** Where it begins. */
  readonly line: number;
}

export const isList = (expression: Expression): expression is List => "items" in expression;

/** Properties of images of 224 x 224 pixels take some 15 MB; one that is larger than this is broken or hostile. */
const MAX_BYTES = 2 ** 28;

/** Linear formulas need some six levels. */
const MAX_DEPTH = 64;

/** @throws TemperError data-unreadable: not UTF-8, or too large */
export function textOf(bytes: Uint8Array, where: string): string {
  if (bytes.length > MAX_BYTES) {
    throw new TemperError(
      "data-unreadable",
      `${where}: ${bytes.length} bytes; at most ${MAX_BYTES} are read\ngive a smaller file`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const message = `${where}: is no text in UTF-8\ngive a VNN-LIB file, unpacked or gzipped`;
    throw new TemperError("data-unreadable", message, { cause });
  }
}

/** The refusal of something at a line. */
export const refusalAt = (
  where: string,
  line: number,
  what: string,
  todo = "give VNN-LIB 1.0",
): TemperError => new TemperError("data-unreadable", `${where}, line ${line}: ${what}\n${todo}`);

/** A long word, as an error shows it. */
export const shownWord = (word: string): string =>
  word.length > 40 ? `"${word.slice(0, 40)}..."` : `"${word}"`;

/**
 * The expressions of a text, one after the other; `;` begins a comment.
 *
 * @throws TemperError data-unreadable: parentheses that do not match, or lie too deep
 */
export function expressionsIn(text: string, where: string): Expression[] {
  const whole: Expression[] = [];
  const open: { readonly items: Expression[]; readonly line: number }[] = [];
  let line = 1;
  for (const [token] of text.matchAll(/\n|;[^\n]*|[()]|[^\s();]+/g)) {
    const inside = open.at(-1)?.items ?? whole;
    if (token === "\n") line++;
    else if (token === "(") {
      if (open.length === MAX_DEPTH) {
        throw refusalAt(where, line, `more than ${MAX_DEPTH} levels of parentheses`);
      }
      open.push({ items: [], line });
    } else if (token === ")") {
      const list = open.pop();
      if (list === undefined) throw refusalAt(where, line, `a ")" that closes nothing`);
      (open.at(-1)?.items ?? whole).push(list);
    } else if (!token.startsWith(";")) inside.push({ word: token, line });
  }
  const unclosed = open.pop();
  if (unclosed !== undefined) {
    throw refusalAt(where, unclosed.line, `a "(" that is never closed: the file is cut short`);
  }
  return whole;
}

/** Numbers as Python prints them too: the standard's own have no exponent. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** The finite number that a word is, or undefined. */
export function numberIn(word: string): number | undefined {
  if (!NUMBER.test(word)) return undefined;
  const value = Number(word);
  return Number.isFinite(value) ? value : undefined;
}

/** A number in digits alone: what reads it gives the same float64. */
export function digitsOf(value: number): string {
  const [digits, exponent] = value.toExponential().split("e").map(String) as [string, string];
  const [, sign, mantissa] = /^(-?)(.*)$/.exec(digits)!;
  const figures = mantissa.replace(".", "");
  const point = Number(exponent) + 1;
  const padded = figures.padStart(figures.length + Math.max(0, 1 - point), "0");
  const at = Math.max(1, point);
  return `${sign}${padded.slice(0, at).padEnd(at, "0")}.${padded.slice(at) || "0"}`;
}

/** The variables of VNN-LIB: X are the network's inputs, Y its outputs, each numbered in row-major order. */
export interface Variable {
  readonly of: "X" | "Y";
  readonly index: number;
}

/** The variable that a word names, or undefined. */
export function variableIn(word: string): Variable | undefined {
  const found = /^([XY])_(0|[1-9]\d{0,8})$/.exec(word);
  return found === null ? undefined : { of: found[1] as "X" | "Y", index: Number(found[2]) };
}
