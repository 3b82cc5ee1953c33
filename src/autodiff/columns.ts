// What the windows of a convolution see, laid out for matrix products; and graphs that make products of it.
//
// The columns of an image are the matrix [channels * kernel, pixels] of what each output pixel's window sees, so that
// y = W columns. The gradient of W is g columns' where g is that of y, [filters, pixels]. At one image and anchor the
// columns are the same for whatever is differentiated.
import { int } from "../onnx/attributes.ts";
import { elementCount, type Graph, type ValueInfo } from "../onnx/graph.ts";
import { type Builder, createBuilder, reshape, transpose } from "./builder.ts";
import type { Convolution } from "./rule.ts";

/** Where windows lie, as of rules/window.ts. */
interface Windows extends Omit<Convolution, "group" | "filters" | "channels"> {
  readonly extent: readonly number[];
}

/** The axes of an image behind the batch and the channels. */
export const spatialAxes = ({ kernel }: Pick<Windows, "kernel">): number[] =>
  kernel.map((_, i) => i + 2);

/** [N, C, input ...] -> [N, input ..., C] */
export const channelsLast = (b: Builder, image: string, w: Pick<Windows, "kernel">): string =>
  transpose(b, image, [0, ...spatialAxes(w), 1]);

/** Lists all offsets inside the kernel in the order in which its weights are stored, the last axis fastest. */
function offsetsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (heads, k) => heads.flatMap((head) => Array.from({ length: k }, (_, i) => [...head, i])),
    [[]],
  );
}

/**
 * Takes, for every offset in the kernel, the pixels that its windows see there: [N, C, output ...] each, or with the
 * channels last.
 */
export function seenPixels(
  b: Builder,
  image: string,
  w: Windows,
  channels: "first" | "last" = "first",
): string[] {
  const after = w.extent.map((e, i) => Math.max(0, e - w.begin[i] - w.input[i]));
  const whole = [...w.begin, ...after].every((p) => p === 0)
    ? image
    : b.op("Pad", [image, b.ints([0, 0, ...w.begin, 0, 0, ...after])]);
  const padded = channels === "first" ? whole : channelsLast(b, whole, w);
  const axes = spatialAxes(w).map((axis) => (channels === "first" ? axis : axis - 1));
  return offsetsOf(w.kernel).map((offset) => {
    const start = offset.map((o, i) => o * w.dilations[i]);
    const end = start.map((s, i) => s + (w.output[i] - 1) * w.strides[i] + 1);
    return b.op("Slice", [padded, b.ints(start), b.ints(end), b.ints(axes), b.ints(w.strides)]);
  });
}

/** The names of the inputs of the graphs below. */
export const IMAGE = "image";
export const OTHER = "other";
export const COLUMNS = "columns";
export const LEFT = "left";
export const RIGHT = "right";

/**
 * A graph of float64 that multiplies a matrix LEFT, [any, images * pixels], with the transposed columns of some IMAGEs
 * of one group, side by side: the sum of the images' products. It has one output, [any, channels * kernel].
 */
export function columnGradient(convolution: Convolution): Graph {
  return productGraph(convolution, (b, columns) =>
    b.op("Gemm", [LEFT, columns], { transB: int(1) }),
  );
}

/** The same of the columns as they are and a LEFT of [any, channels * kernel]: [images * any, pixels]. */
export function columnForward(convolution: Convolution): Graph {
  const pixels = elementCount(convolution.output);
  return productGraph(convolution, (b, columns) => {
    // A dimension of 0 is the one that the value has there.
    const made = reshape(b, b.op("Gemm", [LEFT, columns]), [0, -1, pixels]);
    return reshape(b, transpose(b, made, [1, 0, 2]), [-1, pixels]);
  });
}

function productGraph(
  convolution: Convolution,
  product: (b: Builder, columns: string) => string,
): Graph {
  const { channels, input } = convolution;
  const inputs: ValueInfo[] = [
    { name: IMAGE, type: "float64", dims: ["images", channels, ...input] },
    { name: LEFT, type: "float64", dims: ["rows", "inner"] },
  ];
  return graphOf(inputs, (b) => product(b, columnsOf(b, IMAGE, convolution)));
}

/** A graph that lays out the columns of some IMAGEs of one group side by side: [channels * kernel, images * pixels]. */
export function columnsSideBySide(convolution: Convolution): Graph {
  const { channels, input } = convolution;
  const inputs: ValueInfo[] = [
    { name: IMAGE, type: "float64", dims: ["images", channels, ...input] },
  ];
  return graphOf(inputs, (b) => columnsOf(b, IMAGE, convolution));
}

/**
 * A graph that multiplies gradients of a weight at some sites with gradients of it at another, in float64, and makes
 * none of them: of each site's g, [rows, filters, pixels], and columns, and of h = RIGHT and the columns of OTHER,
 *
 *     <g columns', h columns(OTHER)'>  =  <g (columns' columns(OTHER)), h>
 *
 * where the matrix in the middle has but as many rows and columns as the output has pixels. LEFT holds the g of all
 * sites, [sites, rows * filters, pixels], and COLUMNS their columns side by side. It has one output, [sites * rows, h].
 */
export function gradientProducts(convolution: Convolution): Graph {
  const { channels, group, filters, kernel, input, output } = convolution;
  const pixels = elementCount(output);
  const own = filters / group;
  const inputs: ValueInfo[] = [
    { name: COLUMNS, type: "float64", dims: [channels * elementCount(kernel), "columns"] },
    { name: LEFT, type: "float64", dims: ["sites", "rows", pixels] },
    { name: OTHER, type: "float64", dims: [1, channels, ...input] },
    { name: RIGHT, type: "float64", dims: ["right", own * pixels] },
  ];
  return graphOf(inputs, (b) => {
    const there = columnsOf(b, OTHER, convolution);
    const middle = b.op("Gemm", [COLUMNS, there], { transA: int(1) });
    const carried = b.op("MatMul", [LEFT, reshape(b, middle, [-1, pixels, pixels])]);
    return b.op("Gemm", [reshape(b, carried, [-1, own * pixels]), RIGHT], { transB: int(1) });
  });
}

/** The columns of some images of one group, side by side: [channels * kernel, images * pixels]. */
function columnsOf(b: Builder, images: string, convolution: Convolution): string {
  const { channels, kernel, strides, dilations, output } = convolution;
  const pixels = elementCount(output);
  const extent = kernel.map((k, i) => (output[i] - 1) * strides[i] + dilations[i] * (k - 1) + 1);
  const seen = seenPixels(b, images, { ...convolution, extent });
  const apart = seen.map((v) => reshape(b, v, [-1, channels, 1, pixels]));
  const rows = channels * seen.length;
  const together = reshape(b, b.op("Concat", apart, { axis: int(2) }), [-1, rows, pixels]);
  return reshape(b, transpose(b, together, [1, 0, 2]), [rows, -1]);
}

/** A graph of some inputs and one matrix of float64. */
function graphOf(inputs: readonly ValueInfo[], made: (b: Builder) => string): Graph {
  const stub: Graph = {
    ...{ name: "columns", opset: 18, inputs, outputs: [] },
    ...{ initializers: new Map(), nodes: [] },
  };
  const b = createBuilder(stub, new Map());
  const outputs: ValueInfo[] = [{ name: made(b), type: "float64", dims: ["rows", "columns"] }];
  return { ...stub, outputs, initializers: b.initializers, nodes: b.nodes };
}
