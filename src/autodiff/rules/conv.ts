// Gradients of Conv: to the image by the transposed kernel, to the weights by matrix products.
import { int, intOf, ints } from "../../onnx/attributes.ts";
import { type Builder, reshape, reshapeLike, sumOver, transpose } from "../builder.ts";
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

/** For every kernel offset the pixels its windows see: [N, group, channels, windows] each. */
function seenPixels(call: Call, w: Window, group: number): string[] {
  const { b, x } = call;
  const axes = spatialAxes(w);
  const channels = b.shapeOf(x[1])[1];
  const windows = w.output.reduce((a, c) => a * c, 1);
  const after = w.extent.map((e, i) => Math.max(0, e - w.begin[i] - w.input[i]));
  const padded = [...w.begin, ...after].every((p) => p === 0)
    ? x[0]
    : b.op("Pad", [x[0], b.ints([0, 0, ...w.begin, 0, 0, ...after])]);
  return offsetsOf(w.kernel).map((offset) => {
    const start = offset.map((o, i) => o * w.dilations[i]);
    const end = start.map((s, i) => s + (w.output[i] - 1) * w.strides[i] + 1);
    const slice = b.op("Slice", [
      padded,
      b.ints(start),
      b.ints(end),
      b.ints(axes),
      b.ints(w.strides),
    ]);
    return reshape(b, slice, [-1, group, channels, windows]);
  });
}

// A matrix product works on a dozen rows at once; fewer leave a processor's registers empty.
const FEWEST_ROWS = 12;

const join = (b: Builder, parts: readonly string[], axis: number): string =>
  parts.length === 1 ? parts[0] : b.op("Concat", parts, { axis: int(axis) });

/**
 * dW = the sum over images of [channels, windows] by [windows, filters], a product for each kernel
 * offset: to lay the offsets side by side for one product takes longer than it saves, except where
 * the channels are few.
 */
function weightGradient(call: Call, w: Window, group: number): string {
  const { b, g, x } = call;
  const [filters, channels] = b.shapeOf(x[1]);
  const windows = w.output.reduce((a, c) => a * c, 1);
  const deltas = transpose(b, reshape(b, g, [-1, group, filters / group, windows]), [0, 1, 3, 2]);
  const seen = seenPixels(call, w, group);
  const together = channels < FEWEST_ROWS ? seen.length : 1;
  const products: string[] = [];
  for (let i = 0; i < seen.length; i += together) {
    const rows = join(b, seen.slice(i, i + together), 2);
    products.push(sumOver(b, b.op("MatMul", [rows, deltas]), [0]));
  }
  const split = reshape(b, join(b, products, 1), [group, seen.length, channels, filters / group]);
  return reshapeLike(b, transpose(b, split, [0, 3, 2, 1]), x[1]);
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
