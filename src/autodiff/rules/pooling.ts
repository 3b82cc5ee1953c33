// Gradients of the pools: the maximum sends its gradient to one pixel, the average to all of a window.
import { int, intOf, intsOf, text, textOf } from "../../onnx/attributes.ts";
import { reshape, reshapeLike, scalar } from "../builder.ts";
import { type Call, type Rule, refuse } from "../rule.ts";
import { spreading, type Window, windowAttributes, windowOf } from "./window.ts";

/** The window of a pool; where onnxruntime departs from the standard there is none to rely on. */
function poolWindow(call: Call): Window {
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
 * The forward node is run again with its second output, the flat index of each maximum (the first
 * of equals); windows may overlap, so the gradients that meet at a pixel are added.
 */
export const MaxPool: Rule = {
  attributes: [...windowAttributes, "ceil_mode", "storage_order"],
  vjps: (call) => [
    () => {
      const { b, node, x, g } = call;
      poolWindow(call);
      if (intOf(node, "storage_order", 0) !== 0) {
        refuse(node, "storage_order 1 is not supported", "export it with storage_order 0");
      }
      const [, indices] = b.ops("MaxPool", [x[0]], 2, Object.fromEntries(node.attributes));
      const flat = reshape(b, x[0], [-1]);
      const zeros = b.op("ConstantOfShape", [b.op("Shape", [flat])]);
      const spread = b.op(
        "ScatterElements",
        [zeros, reshape(b, indices, [-1]), reshape(b, g, [-1])],
        { axis: int(0), reduction: text("add") },
      );
      return reshapeLike(b, spread, x[0]);
    },
  ],
};

/** How many pixels each window averages over, per spatial axis: the counts of a grid are their products. */
function counts(w: Window, includePads: boolean): number[][] {
  return w.output.map((out, axis) =>
    Array.from({ length: out }, (_, o) => {
      const first = includePads ? 0 : w.begin[axis];
      const last = w.begin[axis] + w.input[axis] + (includePads ? w.end[axis] : 0);
      let count = 0;
      for (let k = 0; k < w.kernel[axis]; k++) {
        const at = o * w.strides[axis] + k * w.dilations[axis];
        if (at >= first && at < last) count++;
      }
      return count;
    }),
  );
}

function averageGradient(call: Call): string {
  const { b, node, x, g } = call;
  const w = poolWindow(call);
  const grid = counts(w, intOf(node, "count_include_pad", 0) === 1).reduce<number[]>(
    (product, axis) => product.flatMap((p) => axis.map((c) => p * c)),
    [1],
  );
  const shared = b.op("Div", [g, b.floats([1, 1, ...w.output], grid)]);
  const channels = b.shapeOf(x[0])[1];
  const size = channels * w.kernel.reduce((a, c) => a * c, 1);
  const ones = b.floats([channels, 1, ...w.kernel], new Float32Array(size).fill(1));
  return b.op("ConvTranspose", [shared, ones], spreading(w, channels));
}

export const AveragePool: Rule = {
  attributes: [...windowAttributes, "ceil_mode", "count_include_pad"],
  vjps: (call) => [() => averageGradient(call)],
};

const expandLike = (call: Call, value: string, copies: number): string => {
  const { b, x } = call;
  const share = b.op("Div", [value, scalar(b, copies)]);
  return b.op("Expand", [share, b.op("Shape", [x[0]])]);
};

export const GlobalAveragePool: Rule = {
  attributes: [],
  vjps: (call) => [
    () => {
      const spatial = call.b.shapeOf(call.x[0]).slice(2);
      return expandLike(
        call,
        call.g,
        spatial.reduce((a, c) => a * c, 1),
      );
    },
  ],
};

/** The gradient of a mean is shared equally among what it averaged. */
export const ReduceMean: Rule = {
  attributes: ["keepdims", "noop_with_empty_axes"],
  differentiable: [0],
  vjps: (call) => [
    () => {
      const { b, node, g, x, y } = call;
      const shape = b.shapeOf(x[0]);
      if (x[1] && b.constantInts(x[1]) === undefined) {
        refuse(node, "its axes are computed", "export the model with constant axes");
      }
      const axes = b.constantInts(x[1])?.map((a) => (a < 0 ? a + shape.length : a)) ?? [];
      const all = axes.length === 0;
      if (all && intOf(node, "noop_with_empty_axes", 0) === 1) return g;
      const reduced = all ? shape.map((_, i) => i) : axes;
      if (reduced.some((axis) => shape[axis] < 0)) {
        refuse(node, "the mean over the batch mixes images", "take it over other axes");
      }
      const kept = shape.map((dim, i) => (reduced.includes(i) ? 1 : dim));
      const copies = reduced.reduce((product, axis) => product * shape[axis], 1);
      const restored = b.shapeOf(y).length === shape.length ? g : reshape(b, g, kept);
      return expandLike(call, restored, copies);
    },
  ],
};
