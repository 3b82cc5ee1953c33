// Operators that take or put values at indices.
import { axisOf, build, eachIndex, indexOf, type NDArray, offsetAt, stridesOf } from "./array.ts";
import type { Call } from "./call.ts";

/** The indices' dims take the place of the axis. */
export function Gather(call: Call): NDArray[] {
  const [x, indices] = [call.input(0), call.input(1)];
  const axis = axisOf(call.int("axis", 0), x.dims.length);
  const strides = stridesOf(x.dims);
  const indexStrides = stridesOf(indices.dims);
  const rank = indices.dims.length;
  return [
    build(x.dims.toSpliced(axis, 1, ...indices.dims), x.integer, (index) => {
      const at = indices.data[offsetAt(index.slice(axis, axis + rank), indexStrides)];
      return x.data[offsetAt(index.toSpliced(axis, rank, indexOf(at, x.dims[axis])), strides)];
    }),
  ];
}

/** The first place of the largest entry along an axis. */
export function ArgMax(call: Call): NDArray[] {
  const x = call.input(0);
  const axis = axisOf(call.int("axis", 0), x.dims.length);
  const keep = call.int("keepdims", 1) !== 0;
  const strides = stridesOf(x.dims);
  const most = build(x.dims.with(axis, 1), true, (index) => {
    const at = (i: number): number => x.data[offsetAt(index.with(axis, i), strides)];
    return [...Array(x.dims[axis]).keys()].reduce((a, i) => (at(i) > at(a) ? i : a), 0);
  });
  return [keep ? most : { ...most, dims: x.dims.toSpliced(axis, 1) }];
}

/** out[i][j] = x[indices[i][j]][j] for axis 0; the result has the indices' dims. */
export function GatherElements(call: Call): NDArray[] {
  const [x, indices] = [call.input(0), call.input(1)];
  const axis = axisOf(call.int("axis", 0), x.dims.length);
  const strides = stridesOf(x.dims);
  return [
    build(indices.dims, x.integer, (index, flat) => {
      const at = indexOf(indices.data[flat], x.dims[axis]);
      return x.data[offsetAt(index.with(axis, at), strides)];
    }),
  ];
}

/** out[indices[i][j]][j] = updates[i][j] for axis 0, or += with reduction add. */
export function ScatterElements(call: Call): NDArray[] {
  const [x, indices, updates] = [call.input(0), call.input(1), call.input(2)];
  const axis = axisOf(call.int("axis", 0), x.dims.length);
  const reduction = call.string("reduction", "none");
  if (reduction !== "none" && reduction !== "add") throw new Error(`reduction ${reduction}`);
  if (String(indices.dims) !== String(updates.dims)) throw new Error("indices and updates differ");
  const strides = stridesOf(x.dims);
  const data = x.data.slice();
  eachIndex(indices.dims, (index, flat) => {
    const at = offsetAt(index.with(axis, indexOf(indices.data[flat], x.dims[axis])), strides);
    data[at] = reduction === "add" ? data[at] + updates.data[flat] : updates.data[flat];
  });
  return [{ ...x, data }];
}
