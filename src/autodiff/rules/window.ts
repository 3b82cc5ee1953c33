// Sliding windows of Conv and the pools: what the attributes and the measured shapes say, in one form.
import { ints, intsOf, textOf } from "../../onnx/attributes.ts";
import type { Attribute } from "../../onnx/graph.ts";
import type { Call } from "../rule.ts";
import { refuse } from "../rule.ts";

/** One entry per spatial axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before the first and after the last pixel, as the node states it. */
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
  /**
   * Extent from the first window's start to the last one's end, (output - 1) stride + dilation (kernel - 1) + 1.
   * Not the padded input: a stride may leave pixels over at the end, ceil_mode may reach past it.
   */
  readonly extent: readonly number[];
}

export const windowAttributes = [
  "auto_pad",
  "dilations",
  "kernel_shape",
  "pads",
  "strides",
] as const;

/** Reads the window of a node whose input and output are [N, C, spatial ...]. */
export function windowOf({ b, node, x, y }: Call, kernel: readonly number[]): Window {
  const input = b.shapeOf(x[0]).slice(2);
  const output = b.shapeOf(y).slice(2);
  if ([...input, ...output].some((dim) => dim < 0)) {
    refuse(
      node,
      "its spatial size depends on the batch",
      "export the model with fixed image sizes",
    );
  }
  const ones = kernel.map(() => 1);
  const strides = intsOf(node, "strides") ?? ones;
  const dilations = intsOf(node, "dilations") ?? ones;
  const extent = kernel.map((k, i) => (output[i] - 1) * strides[i] + dilations[i] * (k - 1) + 1);
  const pads = intsOf(node, "pads") ?? [...kernel, ...kernel].map(() => 0);
  // onnxruntime reads an empty auto_pad as none.
  const automatic = textOf(node, "auto_pad", "") || "NOTSET";
  const common = { kernel, strides, dilations, input, output, extent };
  if (automatic === "NOTSET") {
    return { ...common, begin: pads.slice(0, kernel.length), end: pads.slice(kernel.length) };
  }
  if (automatic === "VALID") {
    return { ...common, begin: kernel.map(() => 0), end: kernel.map(() => 0) };
  }
  if (dilations.some((d) => d !== 1)) {
    const given = `auto_pad ${automatic} with dilations [${dilations}]`;
    refuse(node, `${given} is not supported`, "export it with pads");
  }
  const total = extent.map((e, i) => Math.max(0, e - input[i]));
  const smaller = total.map((t) => Math.floor(t / 2));
  const larger = total.map((t) => Math.ceil(t / 2));
  return automatic === "SAME_UPPER"
    ? { ...common, begin: smaller, end: larger }
    : { ...common, begin: larger, end: smaller };
}

/** Attributes of the ConvTranspose that spreads one value a window back over the input. */
export function spreading(w: Window, group: number): Record<string, Attribute> {
  // ConvTranspose makes `extent` values and drops the pads; what the windows did not reach is padded.
  const reach = w.extent.map((e, i) => e - w.begin[i] - w.input[i]);
  return {
    kernel_shape: ints(w.kernel),
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    group: { kind: "int", value: group },
    pads: ints([...w.begin, ...reach.map((r) => Math.max(0, r))]),
    output_padding: ints(reach.map((r) => Math.max(0, -r))),
  };
}
