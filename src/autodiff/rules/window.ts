// Brings what attributes and measured shapes say of the sliding windows of Conv and the pools into one form.
import { int, intOf, ints, intsOf, textOf } from "../../onnx/attributes.ts";
import type { Attribute } from "../../onnx/graph.ts";
import type { Call } from "../rule.ts";
import { refuse } from "../rule.ts";

/** A sliding window. Each list has an entry for each spatial axis. */
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
   * The extent from the first window's start to the last one's end, (output - 1) stride + dilation (kernel - 1) + 1.
   * It is not the padded input: a stride may leave pixels over at the end, and ceil_mode may reach past it.
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

/** Reads what a node states of its window, which slides over the value `from` and makes one entry of `to` each. */
function stated(
  { b, node }: Call,
  kernel: readonly number[],
  [from, to]: readonly [string, string],
): Omit<Window, "begin" | "end"> {
  const [input, output] = [from, to].map((value) => b.shapeOf(value).slice(2));
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
  return { kernel, strides, dilations, input, output, extent };
}

/** Reads explicit padding, which is 0 where the node states none, and under VALID whatever it states. */
function statedPads(
  { node }: Call,
  kernel: readonly number[],
  automatic: "NOTSET" | "VALID",
): Pick<Window, "begin" | "end"> {
  const none = [...kernel, ...kernel].map(() => 0);
  const pads = automatic === "VALID" ? none : (intsOf(node, "pads") ?? none);
  return { begin: pads.slice(0, kernel.length), end: pads.slice(kernel.length) };
}

// onnxruntime reads an empty auto_pad as none.
const automaticOf = ({ node }: Call): string => textOf(node, "auto_pad", "") || "NOTSET";

/** Divides padding by halves; an odd pixel goes to the end under SAME_UPPER, and to the beginning otherwise. */
function halved(total: readonly number[], automatic: string): Pick<Window, "begin" | "end"> {
  const smaller = total.map((t) => Math.floor(t / 2));
  const larger = total.map((t) => Math.ceil(t / 2));
  return automatic === "SAME_UPPER"
    ? { begin: smaller, end: larger }
    : { begin: larger, end: smaller };
}

/** Reads the window of a node whose input and output are [N, C, spatial ...]. */
export function windowOf(call: Call, kernel: readonly number[]): Window {
  const { node, x, y } = call;
  const common = stated(call, kernel, [x[0], y]);
  const automatic = automaticOf(call);
  if (automatic === "NOTSET" || automatic === "VALID") {
    return { ...common, ...statedPads(call, kernel, automatic) };
  }
  if (common.dilations.some((d) => d !== 1)) {
    const given = `auto_pad ${automatic} with dilations [${common.dilations}]`;
    refuse(node, `${given} is not supported`, "export it with pads");
  }
  const total = common.extent.map((e, i) => Math.max(0, e - common.input[i]));
  return { ...common, ...halved(total, automatic) };
}

/** Reads the window of a pool. It refuses where onnxruntime departs from the standard. */
export function poolWindow(call: Call): Window {
  const { node } = call;
  const kernel = intsOf(node, "kernel_shape");
  if (kernel === undefined) refuse(node, "kernel_shape is missing", "export the model again");
  const automatic = textOf(node, "auto_pad", "NOTSET");
  const w = windowOf(call, kernel);
  if (automatic === "VALID" && intOf(node, "ceil_mode", 0) !== 0) {
    refuse(node, "auto_pad VALID with ceil_mode 1 is not supported", "export it with pads");
  }
  if (automatic.startsWith("SAME") && w.strides.some((s, i) => s > w.kernel[i])) {
    const window = `strides [${w.strides}] over kernel_shape [${w.kernel}]`;
    refuse(node, `auto_pad ${automatic} with ${window} is not supported`, "export it with pads");
  }
  return w;
}

/**
 * Reads the window of a ConvTranspose as the Conv from its output to its input has it. Where a size is asked for
 * instead of pads, the pads follow from it as onnxruntime divides them.
 */
export function transposedWindow(call: Call, kernel: readonly number[]): Window {
  const { node, x, y } = call;
  const common = stated(call, kernel, [y, x[0]]);
  const automatic = automaticOf(call);
  const isSized = intsOf(node, "output_shape") !== undefined;
  if (!isSized && (automatic === "NOTSET" || automatic === "VALID")) {
    return { ...common, ...statedPads(call, kernel, automatic) };
  }
  const more = intsOf(node, "output_padding") ?? kernel.map(() => 0);
  const total = common.extent.map((e, i) => Math.max(0, e + more[i] - common.input[i]));
  return { ...common, ...halved(total, automatic) };
}

/** Makes the attributes of the ConvTranspose that spreads one value for each window back over the input. */
export function spreading(w: Window, group: number): Record<string, Attribute> {
  // ConvTranspose makes `extent` values and drops the pads. What the windows did not reach is padded with zeros.
  const reach = w.extent.map((e, i) => e - w.begin[i] - w.input[i]);
  return {
    kernel_shape: ints(w.kernel),
    strides: ints(w.strides),
    dilations: ints(w.dilations),
    group: int(group),
    pads: ints([...w.begin, ...reach.map((r) => Math.max(0, r))]),
    output_padding: ints(reach.map((r) => Math.max(0, -r))),
  };
}
