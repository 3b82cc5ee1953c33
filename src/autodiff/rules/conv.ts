// Gradients of Conv: to the image by the transposed kernel, to the weights by matrix products.
import { int, intOf, ints } from "../../onnx/attributes.ts";
import { elementCount } from "../../onnx/graph.ts";
import { type Builder, flip, reshape, reshapeLike, sumOver, transpose } from "../builder.ts";
import { channelsLast, seenPixels, spatialAxes } from "../columns.ts";
import type { Call, Rule } from "../rule.ts";
import { spreading, transposedWindow, type Window, windowAttributes, windowOf } from "./window.ts";

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
  return b.op("Conv", [g, flip(b, weight, spatialAxes(w))], {
    kernel_shape: ints(kernel),
    dilations: ints(w.dilations),
    group: int(group),
    pads: ints([...reach.map((r, i) => r - w.begin[i]), ...reach.map((r, i) => r - w.end[i])]),
  });
}

/**
 * Of a weight with more entries than this for each output pixel the gradients of single images take longer to add than
 * to make: the gradient of ResNet18 at 32 pixels takes 4.5 ms an image instead of 10.9.
 */
const LARGE_WEIGHT = 256;

// onnxruntime's matrix product works on a dozen rows at once.
const FULL_PRODUCT = 12;

/** A convolution: which image the windows slide over, and by which weight. */
interface Windows {
  readonly image: string;
  readonly weight: string;
  readonly w: Window;
  readonly group: number;
}

/**
 * dW is the sum over images of g seen', which is [filters, windows] by [windows, channels] and a product for each
 * offset in the kernel. To lay the offsets side by side for a single product takes longer than it saves, except
 * where the channels are too few to fill one. Where the weight is large, all images are one product.
 */
function weightGradient(b: Builder, g: string, { image, weight, w, group }: Windows): string {
  const [filters, channels] = b.shapeOf(weight);
  const windows = elementCount(w.output);
  if (group === 1 && filters * channels > LARGE_WEIGHT * windows) {
    return largeWeightGradient(b, g, { image, weight, w });
  }
  const seen = seenPixels(b, image, w);
  const deltas = reshape(b, g, [-1, group, filters / group, windows]);
  const timesTransposed = (left: string, right: string): string =>
    sumOver(b, b.op("MatMul", [left, transpose(b, right, [0, 1, 3, 2])]), [0]);

  if (channels < FULL_PRODUCT) {
    const apart = seen.map((v) => reshape(b, v, [-1, group, channels, 1, windows]));
    const together = b.op("Concat", apart, { axis: int(3) });
    const columns = reshape(b, together, [-1, group, channels * seen.length, windows]);
    return reshapeLike(b, transpose(b, timesTransposed(columns, deltas), [0, 2, 1]), weight);
  }
  const products = seen.map((v) => {
    const pixels = reshape(b, v, [-1, group, channels, windows]);
    return reshape(b, timesTransposed(deltas, pixels), [filters * channels, 1]);
  });
  return reshapeLike(b, b.op("Concat", products, { axis: int(1) }), weight);
}

/** The same where the images' windows follow each other in one sum: [filters, N windows] by [N windows, channels]. */
function largeWeightGradient(
  b: Builder,
  g: string,
  { image, weight, w }: Omit<Windows, "group">,
): string {
  const [filters, channels] = b.shapeOf(weight);
  const deltas = reshape(b, channelsLast(b, g, w), [-1, filters]);
  const products = seenPixels(b, image, w, "last").map((v) => {
    const pixels = reshape(b, v, [-1, channels]);
    const product = b.op("Gemm", [deltas, pixels], { transA: int(1) });
    return reshape(b, product, [1, filters * channels]);
  });
  const byOffset = b.op("Concat", products, { axis: int(0) });
  return reshapeLike(b, transpose(b, byOffset, [1, 0]), weight);
}

/** Sums over neighbouring axes first, because onnxruntime does that twice as fast. */
const biasGradient = (b: Builder, g: string, w: Window): string =>
  sumOver(b, sumOver(b, g, spatialAxes(w)), [0]);

export const Conv: Rule = {
  attributes: [...windowAttributes, "group"],
  notes: "any number of spatial axes, groups and depthwise; see Windows",
  vjps: (call) => {
    const { b, g, x, node } = call;
    const w = windowOf(call, b.shapeOf(x[1]).slice(2));
    const group = intOf(node, "group", 1);
    return [
      () => imageGradient(call, w, group),
      () => weightGradient(b, g, { image: x[0], weight: x[1], w, group }),
      () => biasGradient(b, g, w),
    ];
  },
  convolved: (call) => {
    const { b, g, x, node } = call;
    const [filters, channels, ...kernel] = b.shapeOf(x[1]);
    const { strides, dilations, begin, input, output } = windowOf(call, kernel);
    const group = intOf(node, "group", 1);
    const sizes = { group, filters, channels };
    const convolution = { ...sizes, kernel, strides, dilations, begin, input, output };
    return { image: x[0], delta: g, convolution };
  },
};

/**
 * y = ConvTranspose(x, W) is what a Conv by W from y to x passes back, so its gradients are those of that Conv
 * with the parts changed: dx = Conv(g, W), and for dW the image is g and the gradient x.
 */
export const ConvTranspose: Rule = {
  attributes: [...windowAttributes, "group", "output_padding", "output_shape"],
  notes: "any number of spatial axes, groups; by pads, `auto_pad` or `output_shape`",
  vjps: (call) => {
    const { b, g, x, node } = call;
    const w = transposedWindow(call, b.shapeOf(x[1]).slice(2));
    const group = intOf(node, "group", 1);
    // Behind what the windows reach there is nothing but bias, and a Conv takes no padding below 0 to leave it out.
    const reached = w.extent.map((e, i) => e - w.begin[i]);
    const isBeyond = reached.some((r, i) => r < w.input[i]);
    const image = isBeyond
      ? b.op("Slice", [g, b.ints(reached.map(() => 0)), b.ints(reached), b.ints(spatialAxes(w))])
      : g;
    return [
      () =>
        b.op("Conv", [image, x[1]], {
          kernel_shape: ints(w.kernel),
          strides: ints(w.strides),
          dilations: ints(w.dilations),
          group: int(group),
          pads: ints([...w.begin, ...reached.map((r, i) => Math.max(0, r - w.input[i]))]),
        }),
      () => weightGradient(b, x[0], { image, weight: x[1], w, group }),
      () => biasGradient(b, g, w),
    ];
  },
};
