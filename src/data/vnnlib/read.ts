// Reads VNN-LIB 1.0: declarations, and assertions of bounds on inputs and of linear constraints on outputs.
//
// Assertions are a formula of `and`, `or` and comparisons. It is brought to a disjunction of conjunctions as it is
// read, which is what it nearly is in every published file; how large that may become is limited.
import {
  type Expression,
  expressionsIn,
  isList,
  type List,
  numberIn,
  refusalAt,
  shownWord,
  textOf,
  type Variable,
  variableIn,
} from "./expressions.ts";
import type { Constraint, Property, Query } from "./property.ts";

/**
 * Reads a property.
 *
 * @param where its name, for errors
 * @throws TemperError data-unreadable, with the line: not VNN-LIB, a form that is not read (strict comparisons,
 *   `not`, inputs and outputs in one constraint), an input without two bounds, an empty box
 */
export function readVnnlib(bytes: Uint8Array, where: string): Property {
  const file: File = { where, counts: { X: 0, Y: 0 }, held: 0 };
  const asserted: Expression[] = [];
  for (const expression of expressionsIn(textOf(bytes, where), where)) {
    const [head, ...rest] = isList(expression) ? expression.items : [];
    const word = head === undefined || isList(head) ? undefined : head.word;
    if (word === "declare-const" || word === "declare-fun") declare(file, expression as List);
    else if (word === "assert" && rest.length === 1) asserted.push(rest[0]);
    else refuse(file, expression, `${shown(expression)} is not read`);
  }
  const { X: inputs, Y: outputs } = file.counts;
  const end: Expression = { word: "", line: 1 };
  if (inputs === 0 || outputs === 0) refuse(file, end, "no inputs X_0, .. or no outputs Y_0, ..");
  if (asserted.length === 0) refuse(file, end, "nothing is asserted");
  return { inputs, outputs, queries: queriesOf(file, asserted) };
}

interface File {
  readonly where: string;
  /** How many variables are declared. */
  readonly counts: Record<Variable["of"], number>;
  /** How many comparisons the disjunction holds so far, one in several conjunctions counted in each. */
  held: number;
}

/** Comparisons, each counted in every conjunction that has it. */
const MAX_HELD = 2 ** 23;

function refuse({ where }: File, { line }: Expression, what: string): never {
  throw refusalAt(where, line, what);
}

const shown = (expression: Expression): string => {
  if (!isList(expression)) return shownWord(expression.word);
  const [head] = expression.items;
  return head === undefined ? `"()"` : isList(head) ? `"(("` : shownWord(`(${head.word}`);
};

/** `(declare-const X_0 Real)` or `(declare-fun X_0 () Real)`: numbers from 0 on, in their order. */
function declare(file: File, expression: List): void {
  const [head, name, ...type] = expression.items;
  const variable = name === undefined || isList(name) ? undefined : variableIn(name.word);
  const last = type.at(-1);
  const isReal = last !== undefined && !isList(last) && last.word === "Real";
  const isFunction = !isList(head) && head.word === "declare-fun";
  const [given] = type;
  const fits = isFunction
    ? type.length === 2 && isList(given) && given.items.length === 0
    : type.length === 1;
  if (variable === undefined || !isReal || !fits) {
    refuse(file, expression, "expected (declare-const X_0 Real), of X_ and Y_ with their numbers");
  }
  const { of, index } = variable;
  if (index !== file.counts[of]) {
    refuse(file, expression, `${of}_${index} where ${of}_${file.counts[of]} comes next`);
  }
  file.counts[of]++;
}

/** A bound on one input. */
interface Bound {
  readonly input: number;
  readonly lower?: number;
  readonly upper?: number;
  readonly line: number;
}

/** A conjunction. */
interface Case {
  readonly bounds: readonly Bound[];
  readonly constraints: readonly Constraint[];
}

/** What is asserted once holds in every case, and is kept once: a file may have thousands of cases in one box. */
function queriesOf(file: File, asserted: readonly Expression[]): Query[] {
  const read = asserted.map((expression) => casesOf(file, expression));
  const whole = merged(file, read.filter((cases) => cases.length === 1).flat());
  const branching = read.filter((cases) => cases.length !== 1);
  const cases = branching.reduce((so, next) => product(file, so, next), [none]);
  const queries: Query[] = [];
  const inWhole = cases.filter(({ bounds }) => bounds.length === 0);
  const [line] = asserted;
  if (inWhole.length > 0) {
    const unsafe = inWhole.map(({ constraints }) => [...whole.constraints, ...constraints]);
    queries.push({ ...boxOf(file, whole.bounds, line), unsafe });
  }
  for (const { bounds, constraints } of cases) {
    if (bounds.length === 0) continue;
    const box = boxOf(file, [...whole.bounds, ...bounds], line);
    queries.push({ ...box, unsafe: [[...whole.constraints, ...constraints]] });
  }
  return queries;
}

const none: Case = { bounds: [], constraints: [] };

function merged(file: File, cases: readonly Case[]): Case {
  const bounds = cases.flatMap((each) => each.bounds);
  const constraints = cases.flatMap((each) => each.constraints);
  file.held += bounds.length + constraints.length;
  return { bounds, constraints };
}

/** (a or b) and (c or d): every pair. */
function product(file: File, left: readonly Case[], right: readonly Case[]): Case[] {
  const size = (cases: readonly Case[]): number =>
    cases.reduce((sum, { bounds, constraints }) => sum + 1 + bounds.length + constraints.length, 0);
  if (file.held + size(left) * right.length + size(right) * left.length > MAX_HELD) {
    const what = `the disjunctions multiply to more than ${MAX_HELD} comparisons`;
    throw refusalAt(file.where, 1, what, "split the property into several files");
  }
  return left.flatMap((a) => right.map((b) => merged(file, [a, b])));
}

/** A formula as a disjunction. */
function casesOf(file: File, formula: Expression): Case[] {
  if (!isList(formula)) return refuse(file, formula, `${shown(formula)} is no formula`);
  const [head, ...rest] = formula.items;
  const word = head === undefined || isList(head) ? "" : head.word;
  if (word === "or" && rest.length > 0) return rest.flatMap((each) => casesOf(file, each));
  if (word === "and" && rest.length > 0) {
    const parts = rest.map((each) => casesOf(file, each));
    const single = merged(file, parts.filter((cases) => cases.length === 1).flat());
    const branching = parts.filter((cases) => cases.length !== 1);
    return branching.reduce((so, next) => product(file, so, next), [single]);
  }
  if ((word === "<=" || word === ">=") && rest.length === 2) {
    const [low, high] = word === "<=" ? rest : rest.toReversed();
    return [comparison(file, formula, low, high)];
  }
  return refuse(file, formula, `${shown(formula)} is not read; expected and, or, <= or >= of two`);
}

/** A sum of variables with their weights, and a number. */
interface Linear {
  readonly weights: ReadonlyMap<string, number>;
  readonly constant: number;
}

/** low <= high, as a bound or as a constraint. */
function comparison(file: File, at: Expression, low: Expression, high: Expression): Case {
  const difference = plus(linear(file, low), scaled(linear(file, high), -1));
  const terms = [...difference.weights].filter(([, weight]) => weight !== 0);
  const bound = 0 - difference.constant; // never -0
  const numbers = [bound, ...terms.flatMap(([, weight]) => [weight, bound / weight])];
  if (!numbers.every(Number.isFinite)) refuse(file, at, "a number is too large");
  const variables = terms.map(([name, weight]) => ({ ...variableIn(name)!, weight }));
  const inputs = variables.filter(({ of }) => of === "X");
  if (variables.length === 0) return 0 <= bound ? none : refuse(file, at, "never holds");
  if (inputs.length === 0) {
    const outputs = variables.map(({ index, weight }) => ({ output: index, weight }));
    return { bounds: [], constraints: [{ terms: outputs, bound }] };
  }
  if (variables.length > 1) {
    refuse(file, at, "several variables with an input among them; inputs lie in boxes");
  }
  const [{ index: input, weight }] = inputs;
  const value = bound / weight + 0;
  const limit = weight > 0 ? { upper: value } : { lower: value };
  return { bounds: [{ input, ...limit, line: at.line }], constraints: [] };
}

function linear(file: File, term: Expression): Linear {
  if (!isList(term)) {
    const value = numberIn(term.word);
    if (value !== undefined) return { weights: new Map(), constant: value };
    const variable = variableIn(term.word);
    if (variable === undefined) refuse(file, term, `${shown(term)} is no number and no variable`);
    if (variable.index >= file.counts[variable.of]) {
      refuse(file, term, `${term.word} is not declared`);
    }
    return { weights: new Map([[term.word, 1]]), constant: 0 };
  }
  const [head, ...rest] = term.items;
  const word = head === undefined || isList(head) ? "" : head.word;
  const parts = rest.map((each) => linear(file, each));
  const [first, ...others] = parts;
  if (word === "+" && first !== undefined) return parts.reduce(plus);
  if (word === "-" && first !== undefined) {
    if (others.length === 0) return scaled(first, -1);
    return others.reduce((so, each) => plus(so, scaled(each, -1)), first);
  }
  if (word === "*" && parts.length === 2) {
    const [number, other] = first.weights.size === 0 ? parts : parts.toReversed();
    if (number.weights.size === 0) return scaled(other, number.constant);
  }
  return refuse(file, term, `${shown(term)} is no linear term`);
}

function plus(a: Linear, b: Linear): Linear {
  const weights = new Map(a.weights);
  for (const [name, weight] of b.weights) weights.set(name, (weights.get(name) ?? 0) + weight);
  return { weights, constant: a.constant + b.constant };
}

const scaled = ({ weights, constant }: Linear, factor: number): Linear => ({
  weights: new Map([...weights].map(([name, weight]) => [name, factor * weight])),
  constant: factor * constant,
});

/** The box of some bounds: the closest ones count. */
function boxOf(
  file: File,
  bounds: readonly Bound[],
  at: Expression,
): Pick<Query, "lower" | "upper"> {
  const { X: inputs } = file.counts;
  const lower = new Float64Array(inputs).fill(-Infinity);
  const upper = new Float64Array(inputs).fill(Infinity);
  for (const { input, lower: low = -Infinity, upper: high = Infinity, line } of bounds) {
    lower[input] = Math.max(lower[input], low);
    upper[input] = Math.min(upper[input], high);
    if (lower[input] > upper[input]) {
      const what = `X_${input} is at least ${lower[input]} and at most ${upper[input]}: the box is empty`;
      throw refusalAt(file.where, line, what, "everything holds of an empty box; mend the bounds");
    }
  }
  const open = lower.findIndex((low, i) => low === -Infinity || upper[i] === Infinity);
  if (open >= 0) {
    const side = lower[open] === -Infinity ? "lower" : "upper";
    const what = `X_${open} has no ${side} bound in one of the cases`;
    throw refusalAt(file.where, at.line, what, "give every input two bounds");
  }
  return { lower, upper };
}
