// Counterexamples as VNN-COMP has them: `sat`, and a list of pairs ((X_0 0.5) ... (Y_0 1.25) ...).
import { TemperError } from "../../errors.ts";
import {
  digitsOf,
  expressionsIn,
  isList,
  numberIn,
  refusalAt,
  textOf,
  variableIn,
} from "./expressions.ts";

/** An input of the network and the outputs that it was seen to have, as numbers in row-major order. */
export interface Counterexample {
  readonly x: Float64Array;
  readonly y: Float64Array;
}

/** The text of a counterexample: it reads back as the same numbers. */
export function writeCounterexample({
  x,
  y,
}: {
  readonly x: Float32Array | Float64Array;
  readonly y: Float32Array | Float64Array;
}): string {
  const pairs = (of: string, values: Float32Array | Float64Array): string[] =>
    Array.from(values, (value, i) => `(${of}_${i} ${digitsOf(value)})`);
  return `sat\n(${[...pairs("X", x), ...pairs("Y", y)].join("\n ")})\n`;
}

/** What a verifier says in place of a counterexample. */
const OTHERWISE = ["unsat", "unknown", "timeout", "error"];

/**
 * Reads a counterexample; outputs may be missing.
 *
 * @param where its name, for errors
 * @throws TemperError data-unreadable: no counterexample, a number missing, given twice or not finite
 */
export function readCounterexample(bytes: Uint8Array, where: string): Counterexample {
  const read = expressionsIn(textOf(bytes, where), where);
  const [first] = read;
  if (first !== undefined && !isList(first) && OTHERWISE.includes(first.word)) {
    const message = `${where}: the verifier answered ${first.word}, without a counterexample`;
    throw new TemperError("data-unreadable", `${message}\nleave the file out`);
  }
  const [values, ...more] = read.filter((each) => isList(each) || each.word !== "sat");
  if (values === undefined || !isList(values) || more.length > 0) {
    const at = (more[0] ?? values ?? { line: 1 }).line;
    throw refusalAt(where, at, "expected sat and one list of values", "give ((X_0 0.5) ...)");
  }
  const found = { X: new Map<number, number>(), Y: new Map<number, number>() };
  for (const pair of values.items) {
    const [name, value] = isList(pair) && pair.items.length === 2 ? pair.items : [];
    const variable = name && !isList(name) ? variableIn(name.word) : undefined;
    const number = value && !isList(value) ? numberIn(value.word) : undefined;
    if (variable === undefined || number === undefined) {
      throw refusalAt(where, pair.line, "expected a variable and its number", "give (X_0 0.5)");
    }
    const { of, index } = variable;
    if (found[of].has(index)) {
      throw refusalAt(where, pair.line, `${of}_${index} is given twice`, "give it once");
    }
    found[of].set(index, number);
  }
  if (found.X.size === 0) throw refusalAt(where, values.line, "no inputs", "give X_0, X_1, ...");
  return { x: inOrder(found.X, "X", where), y: inOrder(found.Y, "Y", where) };
}

function inOrder(values: ReadonlyMap<number, number>, of: string, where: string): Float64Array {
  return Float64Array.from({ length: values.size }, (_, i) => {
    const value = values.get(i);
    if (value !== undefined) return value;
    const message = `${where}: ${values.size} numbers ${of}_, but none of them is ${of}_${i}`;
    throw new TemperError("data-unreadable", `${message}\ngive all of them`);
  });
}
