// Arithmetic, comparisons and choices, value by value, with ONNX's multidirectional broadcasting.
import { broadcastDims, broadcastTo, build, type NDArray } from "./array.ts";
import type { Call } from "./call.ts";
import { binary, bool, comparison, folding, map, unary, zip } from "./entrywise.ts";

export const Neg = unary((x) => -x);
export const Abs = unary(Math.abs);
export const Sign = unary(Math.sign);
export const Exp = unary(Math.exp);
export const Log = unary(Math.log);
export const Sqrt = unary(Math.sqrt);
export const Reciprocal = unary((x) => 1 / x);
export const Identity = unary((x) => x);
export const Not = unary((x) => bool(x === 0));

export const Add = binary((x, y) => x + y);
export const Sub = binary((x, y) => x - y);
export const Mul = binary((x, y) => x * y);
export const Sum = folding((x, y) => x + y);
export const Mean = folding(
  (x, y) => x + y,
  (total, count) => total / count,
);
export const Max = folding(Math.max);
export const Min = folding(Math.min);

/** 2 / sqrt(pi) exp(-x^2) sum over n of 2^n x^(2n + 1) / (2n + 1)!!, all terms of one sign. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
export const Erf = unary(erf);
export const Round = unary((x) => {
  const down = Math.floor(x);
  const isHalf = x - down === 0.5;
  return isHalf ? 2 * Math.round(x / 2) : Math.round(x);
});

export const Greater = comparison((x, y) => x > y);
export const GreaterOrEqual = comparison((x, y) => x >= y);
export const Less = comparison((x, y) => x < y);
export const LessOrEqual = comparison((x, y) => x <= y);
export const Equal = comparison((x, y) => x === y);
export const And = comparison((x, y) => x !== 0 && y !== 0);
export const Or = comparison((x, y) => x !== 0 || y !== 0);

export function Div(call: Call): NDArray[] {
  const [a, b] = [call.input(0), call.input(1)];
  return [zip(a, b, a.integer, (x, y) => (a.integer ? Math.trunc(x / y) + 0 : x / y))];
}

/** The result has the base's type, whatever the exponent's. */
export function Pow(call: Call): NDArray[] {
  const [a, b] = [call.input(0), call.input(1)];
  return [zip(a, b, a.integer, (x, y) => (a.integer ? Math.trunc(x ** y) : x ** y))];
}

/** min(max(x, low), high): where low exceeds high, high wins. */
export function Clip(call: Call): NDArray[] {
  const low = call.optional(1)?.data[0] ?? -Infinity;
  const high = call.optional(2)?.data[0] ?? Infinity;
  return [map(call.input(0), (x) => Math.min(Math.max(x, low), high))];
}

export function Where(call: Call): NDArray[] {
  const [condition, x, y] = [call.input(0), call.input(1), call.input(2)];
  const dims = broadcastDims(condition.dims, x.dims, y.dims);
  const [c, a, b] = [condition, x, y].map((array) => broadcastTo(array, dims).data);
  return [build(dims, x.integer, (_, i) => (c[i] !== 0 ? a[i] : b[i]))];
}

/** The codes of TensorProto.DataType; all float types are float64 here. */
const castTo = new Map<number, { integer: boolean; convert: (x: number) => number }>([
  [1, { integer: false, convert: (x) => x }],
  [2, { integer: true, convert: ranged(0, 255) }],
  [3, { integer: true, convert: ranged(-128, 127) }],
  [6, { integer: true, convert: ranged(-(2 ** 31), 2 ** 31 - 1) }],
  [7, { integer: true, convert: ranged(-(2 ** 63), 2 ** 63) }],
  [9, { integer: true, convert: (x) => bool(x !== 0) }],
  [11, { integer: false, convert: (x) => x }],
]);

/** Truncation towards zero; what the standard leaves undefined, a value out of range, throws. */
function ranged(low: number, high: number): (x: number) => number {
  return (x) => {
    const whole = Math.trunc(x) + 0;
    if (!(whole >= low && whole <= high)) throw new Error(`${x} is outside [${low}, ${high}]`);
    return whole;
  };
}

export function Cast(call: Call): NDArray[] {
  const x = call.input(0);
  const to = castTo.get(call.int("to"));
  if (to === undefined) throw new Error(`cast to type ${call.int("to")} is not known`);
  return [{ dims: x.dims, data: x.data.map((value) => to.convert(value)), integer: to.integer }];
}

/** The first input in the type of the second. */
export function CastLike(call: Call): NDArray[] {
  const [x, like] = [call.input(0), call.input(1)];
  const integer = like.integer ?? false;
  return [{ dims: x.dims, data: integer ? x.data.map(Math.trunc) : x.data, integer }];
}
