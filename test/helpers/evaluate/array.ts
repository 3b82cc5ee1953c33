// The evaluator's array: float64 values, row-major, with the index arithmetic every operator needs.
import type { ElementType } from "../../../src/onnx/graph.ts";

/**
 * Values of any element type as doubles (bool as 0 and 1). `integer` marks the integer and bool
 * types, whose division truncates.
 */
export interface NDArray {
  readonly dims: readonly number[];
  readonly data: Float64Array;
  readonly integer?: boolean;
  /** Of a constant or what was fed: quantisation asks for the range of its zero point. */
  readonly type?: ElementType;
}

/** Number of elements. */
export function size(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Row-major strides. */
export function stridesOf(dims: readonly number[]): number[] {
  return dims.map((_, d) => size(dims.slice(d + 1)));
}

/** sum index_d stride_d */
export function offsetAt(index: readonly number[], strides: readonly number[]): number {
  return index.reduce((sum, i, d) => sum + i * strides[d], 0);
}

/** Calls `visit` for every index of `dims` in row-major order; `index` is reused between calls. */
export function eachIndex(
  dims: readonly number[],
  visit: (index: number[], flat: number) => void,
): void {
  const index = dims.map(() => 0);
  const count = size(dims);
  for (let flat = 0; flat < count; flat++) {
    visit(index, flat);
    for (let d = dims.length - 1; d >= 0; d--) {
      index[d] += 1;
      if (index[d] < dims[d]) break;
      index[d] = 0;
    }
  }
}

function checkDims(dims: readonly number[]): void {
  if (!dims.every((n) => Number.isInteger(n) && n >= 0)) throw new Error(`[${dims}] is no shape`);
}

/** A new array whose value at each index is `value(index, flat)`. */
export function build(
  dims: readonly number[],
  integer: boolean | undefined,
  value: (index: number[], flat: number) => number,
): NDArray {
  checkDims(dims);
  const data = new Float64Array(size(dims));
  eachIndex(dims, (index, flat) => {
    data[flat] = value(index, flat);
  });
  return { dims: [...dims], data, integer: integer ?? false };
}

/** The same values under other dims. */
export function withDims(a: NDArray, dims: readonly number[]): NDArray {
  checkDims(dims);
  if (size(dims) !== a.data.length) {
    throw new Error(`[${a.dims}] has ${a.data.length} elements and cannot become [${dims}]`);
  }
  return { ...a, dims };
}

/** An axis in [0, rank), counted from the back when negative. */
export function axisOf(axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new Error(`axis ${axis} is outside an array of rank ${rank}`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** An index in [0, dim), counted from the back when negative. */
export function indexOf(index: number, dim: number): number {
  if (!Number.isInteger(index) || index < -dim || index >= dim) {
    throw new Error(`index ${index} is outside a dimension of ${dim}`);
  }
  return index < 0 ? index + dim : index;
}

/** The dims of several shapes broadcast together ("multidirectional broadcasting"). */
export function broadcastDims(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((dims) => dims.length));
  return Array.from({ length: rank }, (_, d) => {
    const others = shapes.map((dims) => dims[d - rank + dims.length] ?? 1).filter((n) => n !== 1);
    if (others.some((n) => n !== others[0])) {
      throw new Error(`shapes ${shapes.map((dims) => `[${dims}]`).join(", ")} do not broadcast`);
    }
    return others[0] ?? 1;
  });
}

/** Strides that read an array of `dims` as if it had been copied out to `target`. */
export function broadcastStrides(dims: readonly number[], target: readonly number[]): number[] {
  const own = stridesOf(dims);
  return target.map((_, d) => {
    const at = d - target.length + dims.length;
    return at < 0 || dims[at] === 1 ? 0 : own[at];
  });
}

/** `a` copied out to `target`; throws where that would shrink or change a dimension. */
export function broadcastTo(a: NDArray, target: readonly number[]): NDArray {
  if (String(broadcastDims(a.dims, target)) !== String(target)) {
    throw new Error(`[${a.dims}] does not broadcast to [${target}]`);
  }
  const strides = broadcastStrides(a.dims, target);
  return build(target, a.integer, (index) => a.data[offsetAt(index, strides)]);
}
