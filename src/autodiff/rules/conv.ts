// Gradients of Conv: to the image by the transposed kernel, to the weights by matrix products.
import { int, intOf, ints } from "../../onnx/attributes.ts";
import { reshape, reshapeLike, sumOver, transpose } from "../builder.ts";
import type { Call, Rule } from "../rule.ts";
import { spreading, type Window, windowAttributes, windowOf } from "./window.ts";

// Slice reads any end below -size as "before the first", which a plain -1 could not say.
const BEFORE_FIRST = -(2 ** 31);

const spatialAxes = (w: Window): number[] => w.kernel.map((_, i) => i + 2);

/**
 * dx = ConvTranspose(g, W). At stride 1 that is a Conv with the kernel flipped and its channels
 * swapped, which onnxruntime runs two to six times faster; it folds the flip of a baked weight away.
 */
function imageGradient(call: Call, w: Window, group: number): string {
  const { b, g, x } = call;
  const reach = w.kernel.map((k, i) => w.dilations[i] * (k - 1));
  const asConv =
    w.strides.every((s) => s === 1) && reach.every((r, i) => r >= w.begin[i] && r >= w.end[i]);
  if (!asConv) return b.op("ConvTranspose", [g, x[1]], spreading(w, group));

  const [filters, channels, ...kernel] = b.shapeOf(x[1]);
  const axes = kernel.map((_, i) => i + 3);
  const grouped = reshape(b, x[1], [group, filters / group, channels, ...kernel]);
  const swapped = transpose(b, grouped, [0, 2, 1, ...axes]);
  const weight = reshape(b, swapped, [group * channels, filters / group, ...kernel]);
  const flipped = b.op("Slice", [
    weight,
    b.ints(kernel.map(() => -1)),
    b.ints(kernel.map(() => BEFORE_FIRST)),
    b.ints(spatialAxes(w)),
    b.ints(kernel.map(() => -1)),
  ]);
  return b.op("Conv", [g, flipped], {
    kernel_shape: ints(kernel),
    dilations: ints(w.dilations),
    group: int(group),
    pads: ints([...reach.map((r, i) => r - w.begin[i]), ...reach.map((r, i) => r - w.end[i])]),
  });
}

/** All offsets inside the kernel, last axis fastest, as the weights are stored. */
function offsetsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (heads, k) => heads.flatMap((head) => Array.from({ length: k }, (_, i) => [...head, i])),
    [[]],
  );
}

/** For every kernel offset the pixels its windows see: [N, C, output ...] each. */
function seenPixels(call: Call, w: Window): string[] {
  const { b, x } = call;
  const axes = spatialAxes(w);
  const after = w.extent.map((e, i) => Math.max(0, e - w.begin[i] - w.input[i]));
  const padded = [...w.begin, ...after].every((p) => p === 0)
    ? x[0]
    : b.op("Pad", [x[0], b.ints([0, 0, ...w.begin, 0, 0, ...after])]);
  return offsetsOf(w.kernel).map((offset) => {
    const start = offset.map((o, i) => o * w.dilations[i]);
    const end = start.map((s, i) => s + (w.output[i] - 1) * w.strides[i] + 1);
    return b.op("Slice", [padded, b.ints(start), b.ints(end), b.ints(axes), b.ints(w.strides)]);
  });
}

// onnxruntime's matrix product works on a dozen rows at once.
const FULL_PRODUCT = 12;

/**
 * dW = the sum over images of g seen': [filters, windows] by [windows, channels], a product for each
 * kernel offset. To lay the offsets side by side for a single product takes longer than it saves,
 * except where the channels are too few to fill one.
 */
function weightGradient(call: Call, w: Window, group: number): string {
  const { b, g, x } = call;
  const [filters, channels] = b.shapeOf(x[1]);
  const windows = w.output.reduce((a, c) => a * c, 1);
  const seen = seenPixels(call, w);
  const deltas = reshape(b, g, [-1, group, filters / group, windows]);
  const timesTransposed = (left: string, right: string): string =>
    sumOver(b, b.op("MatMul", [left, transpose(b, right, [0, 1, 3, 2])]), [0]);

  if (channels < FULL_PRODUCT) {
    const apart = seen.map((v) => reshape(b, v, [-1, group, channels, 1, windows]));
    const together = b.op("Concat", apart, { axis: int(3) });
    const columns = reshape(b, together, [-1, group, channels * seen.length, windows]);
    return reshapeLike(b, transpose(b, timesTransposed(columns, deltas), [0, 2, 1]), x[1]);
  }
  const products = seen.map((v) => {
    const pixels = reshape(b, v, [-1, group, channels, windows]);
    return reshape(b, timesTransposed(deltas, pixels), [filters * channels, 1]);
  });
  return reshapeLike(b, b.op("Concat", products, { axis: int(1) }), x[1]);
}

export const Conv: Rule = {
  attributes: [...windowAttributes, "group"],
  vjps: (call) => {
    const { b, g, x, node } = call;
    const w = windowOf(call, b.shapeOf(x[1]).slice(2));
    const group = intOf(node, "group", 1);
    return [
      () => imageGradient(call, w, group),
      () => weightGradient(call, w, group),
      // Neighbouring axes first: onnxruntime sums over them twice as fast.
      () => sumOver(b, sumOver(b, g, spatialAxes(w)), [0]),
    ];
  },
};
