// Reductions over axes, and the normalised exponentials built from them.
import { axisOf, build, eachIndex, type NDArray, offsetAt, size, stridesOf } from "./array.ts";
import type { Call, Operator } from "./call.ts";

function reduction(f: (values: Float64Array) => number): Operator {
  return (call) => {
    const x = call.input(0);
    const rank = x.dims.length;
    const given = Array.from(call.optional(1)?.data ?? [], (axis) => axisOf(axis, rank));
    const keep = call.int("keepdims", 1) !== 0;
    const noop = call.int("noop_with_empty_axes", 0) !== 0;
    if (given.length === 0 && noop) return [x];
    const axes = new Set(given.length === 0 ? x.dims.keys() : given);
    const strides = stridesOf(x.dims);
    const outer = x.dims.map((n, d) => (axes.has(d) ? 1 : n));
    const inner = x.dims.map((n, d) => (axes.has(d) ? n : 1));
    const inside: number[] = [];
    eachIndex(inner, (index) => inside.push(offsetAt(index, strides)));
    const y = build(outer, x.integer, (index) => {
      const at = offsetAt(index, strides);
      return f(Float64Array.from(inside, (offset) => x.data[at + offset]));
    });
    return [keep ? y : { ...y, dims: x.dims.filter((_, d) => !axes.has(d)) }];
  };
}

const sum = (values: Float64Array): number => values.reduce((a, b) => a + b, 0);

export const ReduceSum = reduction(sum);
export const ReduceMean = reduction((values) => sum(values) / values.length);
export const ReduceSumSquare = reduction((values) => sum(values.map((v) => v * v)));
export const ReduceL1 = reduction((values) => sum(values.map(Math.abs)));
export const ReduceL2 = reduction((values) => Math.sqrt(sum(values.map((v) => v * v))));
export const ReduceLogSumExp = reduction((values) => Math.log(sum(values.map(Math.exp))));
export const ReduceMin = reduction((values) => values.reduce((a, b) => Math.min(a, b), Infinity));
export const ReduceMax = reduction((values) => values.reduce((a, b) => Math.max(a, b), -Infinity));

/** Applies `f` to each line of x along one axis. */
function alongAxis(call: Call, f: (line: Float64Array) => Float64Array): NDArray[] {
  const x = call.input(0);
  const axis = axisOf(call.int("axis", -1), x.dims.length);
  const n = x.dims[axis];
  const step = size(x.dims.slice(axis + 1));
  const data = new Float64Array(x.data.length);
  for (let outer = 0; outer < size(x.dims.slice(0, axis)); outer++) {
    for (let inner = 0; inner < step; inner++) {
      const at = (i: number): number => (outer * n + i) * step + inner;
      const line = f(Float64Array.from({ length: n }, (_, i) => x.data[at(i)]));
      for (let i = 0; i < n; i++) data[at(i)] = line[i];
    }
  }
  return [{ dims: x.dims, data }];
}

function logSoftmax(line: Float64Array): Float64Array {
  const max = Math.max(...line);
  const logSum = Math.log(line.reduce((total, v) => total + Math.exp(v - max), 0));
  return line.map((v) => v - max - logSum);
}

/** x over its 1-norm or 2-norm along the axis; where that is 0, 0. */
export function LpNormalization(call: Call): NDArray[] {
  const p = call.int("p", 2);
  return alongAxis(call, (line) => {
    const norm = line.reduce((total, v) => total + Math.abs(v) ** p, 0) ** (1 / p);
    return line.map((v) => (norm === 0 ? 0 : v / norm));
  });
}

export function LogSoftmax(call: Call): NDArray[] {
  return alongAxis(call, logSoftmax);
}

export function Softmax(call: Call): NDArray[] {
  return alongAxis(call, (line) => logSoftmax(line).map(Math.exp));
}
