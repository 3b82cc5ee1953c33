// Operators that work value by value, with ONNX's multidirectional broadcasting.
import {
  broadcastDims,
  broadcastStrides,
  broadcastTo,
  build,
  type NDArray,
  offsetAt,
} from "./array.ts";
import type { Call, Operator } from "./call.ts";

const bool = (condition: boolean): number => (condition ? 1 : 0);

function map(x: NDArray, f: (x: number) => number): NDArray {
  return { ...x, data: x.data.map((value) => f(value)) };
}

function unary(f: (x: number) => number): Operator {
  return (call) => [map(call.input(0), f)];
}

function zip(
  a: NDArray,
  b: NDArray,
  integer: boolean | undefined,
  f: (x: number, y: number) => number,
) {
  const dims = broadcastDims(a.dims, b.dims);
  const aStrides = broadcastStrides(a.dims, dims);
  const bStrides = broadcastStrides(b.dims, dims);
  return build(dims, integer, (index) =>
    f(a.data[offsetAt(index, aStrides)], b.data[offsetAt(index, bStrides)]),
  );
}

function binary(f: (x: number, y: number) => number): Operator {
  return (call) => [zip(call.input(0), call.input(1), call.input(0).integer, f)];
}

function comparison(f: (x: number, y: number) => boolean): Operator {
  return (call) => [zip(call.input(0), call.input(1), true, (x, y) => bool(f(x, y)))];
}

export const Neg = unary((x) => -x);
export const Relu = unary((x) => Math.max(x, 0));
export const Sigmoid = unary((x) => 1 / (1 + Math.exp(-x)));
export const Tanh = unary(Math.tanh);
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

export const Greater = comparison((x, y) => x > y);
export const GreaterOrEqual = comparison((x, y) => x >= y);
export const Less = comparison((x, y) => x < y);
export const LessOrEqual = comparison((x, y) => x <= y);
export const Equal = comparison((x, y) => x === y);
export const And = comparison((x, y) => x !== 0 && y !== 0);

export function Div(call: Call): NDArray[] {
  const [a, b] = [call.input(0), call.input(1)];
  return [zip(a, b, a.integer, (x, y) => (a.integer ? Math.trunc(x / y) + 0 : x / y))];
}

/** The result has the base's type, whatever the exponent's. */
export function Pow(call: Call): NDArray[] {
  const [a, b] = [call.input(0), call.input(1)];
  return [zip(a, b, a.integer, (x, y) => (a.integer ? Math.trunc(x ** y) : x ** y))];
}

export function LeakyRelu(call: Call): NDArray[] {
  const alpha = call.float("alpha", 0.01);
  return [map(call.input(0), (x) => (x < 0 ? alpha * x : x))];
}

/** The slope broadcasts to x, never x to the slope. */
export function PRelu(call: Call): NDArray[] {
  const x = call.input(0);
  return [zip(x, broadcastTo(call.input(1), x.dims), false, (v, slope) => (v < 0 ? slope * v : v))];
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
