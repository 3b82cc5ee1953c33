// What the operators that work value by value share: one value, two that broadcast, and many.
import { broadcastDims, broadcastStrides, build, type NDArray, offsetAt } from "./array.ts";
import type { Call, Operator } from "./call.ts";

export const bool = (condition: boolean): number => (condition ? 1 : 0);

export function map(x: NDArray, f: (x: number) => number): NDArray {
  return { ...x, data: x.data.map((value) => f(value)) };
}

export function unary(f: (x: number) => number): Operator {
  return (call) => [map(call.input(0), f)];
}

export function zip(
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

export function binary(f: (x: number, y: number) => number): Operator {
  return (call) => [zip(call.input(0), call.input(1), call.input(0).integer, f)];
}

export function comparison(f: (x: number, y: number) => boolean): Operator {
  return (call) => [zip(call.input(0), call.input(1), true, (x, y) => bool(f(x, y)))];
}

/** Any number of inputs, broadcast together, taken two at a time. */
export function folding(
  f: (x: number, y: number) => number,
  last: (total: number, count: number) => number = (total) => total,
): Operator {
  return (call: Call) => {
    const inputs = call.all();
    const total = inputs.reduce((a, b) => zip(a, b, a.integer, f));
    return [map(total, (value) => last(value, inputs.length))];
  };
}
