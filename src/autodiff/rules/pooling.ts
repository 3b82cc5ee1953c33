// Gradients of the pools: the maximum sends its gradient to one pixel, the average to all of a window.
import { int, intOf, text } from "../../onnx/attributes.ts";
import { elementCount } from "../../onnx/graph.ts";
import { reshape, reshapeLike } from "../builder.ts";
import type { Call } from "../rule.ts";
import { unary } from "./entrywise.ts";
import { poolWindow, spreading, type Window, windowAttributes } from "./window.ts";

/**
 * Runs the forward node again with its second output, the flat index of each maximum (the first of equals).
 * Windows may overlap, so the gradients that meet at a pixel are added.
 */
export const MaxPool = unary(
  (call) => {
    const { b, node, x, g } = call;
    poolWindow(call);
    // The indices are wanted row by row; storage_order 1 would count them by columns.
    const rowByRow = intOf(node, "storage_order", 0) === 0 ? {} : { storage_order: int(0) };
    const attributes = { ...Object.fromEntries(node.attributes), ...rowByRow };
    const [, indices] = b.ops("MaxPool", [x[0]], 2, attributes);
    const flat = reshape(b, x[0], [-1]);
    const zeros = b.op("ConstantOfShape", [b.op("Shape", [flat])]);
    const spread = b.op(
      "ScatterElements",
      [zeros, reshape(b, indices, [-1]), reshape(b, g, [-1])],
      { axis: int(0), reduction: text("add") },
    );
    return reshapeLike(b, spread, x[0]);
  },
  {
    attributes: [...windowAttributes, "ceil_mode", "storage_order"],
    notes: "any number of spatial axes; of equal values the first gets the gradient; see Windows",
  },
);

/** Counts the pixels that each window averages over, along each spatial axis. Their products are those of the grid. */
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
  const size = channels * elementCount(w.kernel);
  const ones = b.floats([channels, 1, ...w.kernel], new Float32Array(size).fill(1));
  return b.op("ConvTranspose", [shared, ones], spreading(w, channels));
}

export const AveragePool = unary((call) => averageGradient(call), {
  attributes: [...windowAttributes, "ceil_mode", "count_include_pad"],
  notes: "any number of spatial axes; see Windows",
});
