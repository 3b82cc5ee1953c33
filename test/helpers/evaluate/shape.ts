// Operators that rearrange values without computing: shapes, slices, copies, padding.
import {
  axisOf,
  broadcastDims,
  broadcastTo,
  build,
  type NDArray,
  offsetAt,
  size,
  stridesOf,
  withDims,
} from "./array.ts";
import type { Call } from "./call.ts";

/** The values of a one-dimensional integer input. */
function list(a: NDArray): number[] {
  if (a.dims.length > 1) throw new Error(`a list is needed, not an array of [${a.dims}]`);
  return [...a.data];
}

export function Concat(call: Call): NDArray[] {
  const arrays = call.all();
  const first = arrays[0];
  const axis = axisOf(call.int("axis"), first.dims.length);
  for (const { dims } of arrays) {
    if (
      dims.length !== first.dims.length ||
      dims.some((n, d) => d !== axis && n !== first.dims[d])
    ) {
      throw new Error(`[${first.dims}] and [${dims}] do not join along axis ${axis}`);
    }
  }
  // The parts of one row, where a row is everything at and behind the axis.
  const widths = arrays.map((a) => size(a.dims.slice(axis)));
  const rows = size(first.dims.slice(0, axis));
  const length = arrays.reduce((sum, a) => sum + a.dims[axis], 0);
  const dims = first.dims.with(axis, length);
  const data = new Float64Array(size(dims));
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const [i, a] of arrays.entries()) {
      data.set(a.data.subarray(row * widths[i], (row + 1) * widths[i]), at);
      at += widths[i];
    }
  }
  return [{ ...first, dims, data }];
}

/** numpy's basic slicing: bounds are clamped to the axis, a negative step walks backwards. */
export function Slice(call: Call): NDArray[] {
  const x = call.input(0);
  const [starts, ends] = [list(call.input(1)), list(call.input(2))];
  const [axesGiven, stepsGiven] = [call.optional(3), call.optional(4)];
  const axes = axesGiven === undefined ? starts.map((_, i) => i) : list(axesGiven);
  const steps = stepsGiven === undefined ? starts.map(() => 1) : list(stepsGiven);
  const from = x.dims.map(() => 0);
  const by = x.dims.map(() => 1);
  const dims = [...x.dims];
  for (const [i, given] of axes.entries()) {
    const axis = axisOf(given, x.dims.length);
    const n = x.dims[axis];
    const step = steps[i];
    if (step === 0) throw new Error("a step of 0");
    const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
    const clamp = (bound: number): number =>
      Math.min(Math.max(bound < 0 ? bound + n : bound, low), high);
    from[axis] = clamp(starts[i]);
    by[axis] = step;
    dims[axis] = Math.max(0, Math.ceil((clamp(ends[i]) - from[axis]) / step));
  }
  const strides = stridesOf(x.dims);
  const take = (index: readonly number[]): number =>
    x.data[
      offsetAt(
        index.map((j, d) => from[d] + j * by[d]),
        strides,
      )
    ];
  return [build(dims, x.integer, take)];
}

export function Transpose(call: Call): NDArray[] {
  const x = call.input(0);
  const reversed = [...x.dims.keys()].reverse();
  const perm = call.ints("perm", reversed);
  if (String([...perm].sort((a, b) => a - b)) !== String([...x.dims.keys()])) {
    throw new Error(`perm [${perm}] does not fit [${x.dims}]`);
  }
  const own = stridesOf(x.dims);
  const strides = perm.map((axis) => own[axis]);
  const dims = perm.map((axis) => x.dims[axis]);
  return [build(dims, x.integer, (index) => x.data[offsetAt(index, strides)])];
}

/** Without axes, every dimension of 1 goes. */
export function Squeeze(call: Call): NDArray[] {
  const [x, axesGiven] = [call.input(0), call.optional(1)];
  const axes = axesGiven && new Set(list(axesGiven).map((axis) => axisOf(axis, x.dims.length)));
  const dims = x.dims.filter((n, d) => !(axes?.has(d) ?? n === 1));
  return [withDims(x, dims)];
}

/** The axes count in the output. */
export function Unsqueeze(call: Call): NDArray[] {
  const [x, given] = [call.input(0), list(call.input(1))];
  const rank = x.dims.length + given.length;
  const axes = new Set(given.map((axis) => axisOf(axis, rank)));
  if (axes.size !== given.length) throw new Error(`axes [${given}] repeat`);
  const rest = [...x.dims];
  return [
    withDims(
      x,
      Array.from({ length: rank }, (_, d) => (axes.has(d) ? 1 : (rest.shift() as number))),
    ),
  ];
}

/** An axis equal to the rank is allowed. */
export function Flatten(call: Call): NDArray[] {
  const x = call.input(0);
  const given = call.int("axis", 1);
  const axis = given === x.dims.length ? given : axisOf(given, x.dims.length);
  return [withDims(x, [size(x.dims.slice(0, axis)), size(x.dims.slice(axis))])];
}

/** 0 copies the input's dimension (unless allowzero), one -1 takes what is left. */
export function Reshape(call: Call): NDArray[] {
  const [x, shape] = [call.input(0), list(call.input(1))];
  const allowZero = call.int("allowzero", 0) !== 0;
  const dims = shape.map((n, d) => (n === 0 && !allowZero ? x.dims[d] : n));
  if (dims.filter((n) => n === -1).length > 1) throw new Error(`shape [${shape}] has two -1`);
  const known = size(dims.filter((n) => n !== -1));
  return [
    withDims(
      x,
      dims.map((n) => (n === -1 ? x.data.length / known : n)),
    ),
  ];
}

/** Broadcasts in both directions: a 1 in the shape keeps the input's dimension. */
export function Expand(call: Call): NDArray[] {
  const x = call.input(0);
  return [broadcastTo(x, broadcastDims(x.dims, list(call.input(1))))];
}

export function Tile(call: Call): NDArray[] {
  const [x, repeats] = [call.input(0), list(call.input(1))];
  if (repeats.length !== x.dims.length) throw new Error(`repeats [${repeats}] and [${x.dims}]`);
  const strides = stridesOf(x.dims);
  const wrapped = (index: readonly number[]): number[] => index.map((i, d) => i % x.dims[d]);
  return [
    build(
      x.dims.map((n, d) => n * repeats[d]),
      x.integer,
      (index) => x.data[offsetAt(wrapped(index), strides)],
    ),
  ];
}

/** Equal parts by num_outputs, the last smaller where they do not come out even; or parts of given sizes. */
export function Split(call: Call): NDArray[] {
  const [x, sizes] = [call.input(0), call.optional(1)];
  const axis = axisOf(call.int("axis", 0), x.dims.length);
  const n = x.dims[axis];
  const parts = sizes === undefined ? call.int("num_outputs") : sizes.dims[0];
  const part = Math.ceil(n / parts);
  const lengths =
    sizes === undefined
      ? Array.from({ length: parts }, (_, i) => Math.min(part, n - i * part))
      : list(sizes);
  const strides = stridesOf(x.dims);
  return lengths.map((length, i) => {
    const start = lengths.slice(0, i).reduce((a, c) => a + c, 0);
    return build(x.dims.with(axis, length), x.integer, (index) => {
      return x.data[offsetAt(index.with(axis, index[axis] + start), strides)];
    });
  });
}

/** Channels to pixels: of [blocks of rows, blocks of columns, channel] (DCR) or [channel, rows, columns] (CRD). */
export function DepthToSpace(call: Call): NDArray[] {
  const x = call.input(0);
  const size = call.int("blocksize");
  const isDepthFirst = call.string("mode", "DCR") === "DCR";
  const [batch, depth, height, width] = x.dims;
  const channels = depth / size ** 2;
  const strides = stridesOf(x.dims);
  return [
    build([batch, channels, height * size, width * size], x.integer, ([n, c, h, w]) => {
      const within = (h % size) * size + (w % size);
      const channel = isDepthFirst ? within * channels + c : c * size ** 2 + within;
      const at = [n, channel, Math.floor(h / size), Math.floor(w / size)];
      return x.data[offsetAt(at, strides)];
    }),
  ];
}

export function SpaceToDepth(call: Call): NDArray[] {
  const x = call.input(0);
  const size = call.int("blocksize");
  const [batch, channels, height, width] = x.dims;
  const strides = stridesOf(x.dims);
  return [
    build(
      [batch, channels * size ** 2, height / size, width / size],
      x.integer,
      ([n, depth, h, w]) => {
        const [within, c] = [Math.floor(depth / channels), depth % channels];
        const at = [n, c, h * size + Math.floor(within / size), w * size + (within % size)];
        return x.data[offsetAt(at, strides)];
      },
    ),
  ];
}

/** The entries on and above the k-th diagonal, or on and below it; 0 elsewhere. */
export function Trilu(call: Call): NDArray[] {
  const x = call.input(0);
  const k = call.optional(1)?.data[0] ?? 0;
  const isUpper = call.int("upper", 1) !== 0;
  return [
    build(x.dims, x.integer, (index, flat) => {
      const diagonal = index.at(-1)! - index.at(-2)!;
      return (isUpper ? diagonal >= k : diagonal <= k) ? x.data[flat] : 0;
    }),
  ];
}

/** Which entry of an axis of n stands at i, counted from its first; -1 for none. */
const sources: ReadonlyMap<string, (i: number, n: number) => number> = new Map([
  ["constant", (i, n) => (i >= 0 && i < n ? i : -1)],
  ["edge", (i, n) => Math.min(Math.max(i, 0), n - 1)],
  ["reflect", (i, n) => (n === 1 ? 0 : Math.abs(((i + n - 1) % (2 * n - 2)) - (n - 1)))],
  ["wrap", (i, n) => ((i % n) + n) % n],
]);

/** Pads below 0 crop. */
export function Pad(call: Call): NDArray[] {
  const [x, pads] = [call.input(0), list(call.input(1))];
  const value = call.optional(2)?.data[0] ?? 0;
  const axesGiven = call.optional(3);
  const mode = call.string("mode", "constant");
  const axes = axesGiven === undefined ? [...x.dims.keys()] : list(axesGiven);
  if (pads.length !== 2 * axes.length) throw new Error(`pads [${pads}] for axes [${axes}]`);
  const begin = x.dims.map(() => 0);
  const dims = [...x.dims];
  for (const [i, given] of axes.entries()) {
    const axis = axisOf(given, x.dims.length);
    begin[axis] = pads[i];
    dims[axis] += pads[i] + pads[i + axes.length];
  }
  const strides = stridesOf(x.dims);
  const source = sources.get(mode);
  if (source === undefined) throw new Error(`mode ${mode} is not known`);
  return [
    build(dims, x.integer, (index) => {
      const at = index.map((i, d) => source(i - begin[d], x.dims[d]));
      return at.includes(-1) ? value : x.data[offsetAt(at, strides)];
    }),
  ];
}

/** Inference: the input, and a mask that keeps everything. */
export function Dropout(call: Call): NDArray[] {
  const [x, ratio, training] = [call.input(0), call.optional(1), call.optional(2)];
  call.int("seed", 0);
  if (training !== undefined && training.data[0] !== 0 && (ratio?.data[0] ?? 0.5) !== 0) {
    throw new Error("training_mode is not known");
  }
  return [x, build(x.dims, true, () => 1)];
}
