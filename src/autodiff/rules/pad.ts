// Gradient of Pad: a constant that was put around is dropped, and what was copied there adds to its original.
import { int, text, textOf } from "../../onnx/attributes.ts";
import { fromFront } from "../builder.ts";
import { type Call, refuse } from "../rule.ts";
import { identity, throughAxes } from "./axes.ts";
import { unary } from "./entrywise.ts";

/** Lists the axes that are padded, each with the place of its pads among those of all axes. */
function paddedAxes({ b, node, x }: Call): { axis: number; i: number }[] {
  const shape = b.shapeOf(x[0]);
  const axes = x[3] ? b.valuesOf(x[3]) : shape.map((_, axis) => axis);
  if (axes === undefined) refuse(node, "its axes are computed", "export it with constant axes");
  const pads = b.valuesOf(x[1]);
  return axes
    .map((axis, i) => ({ axis: fromFront(axis, shape.length), i }))
    .filter(({ axis, i }) =>
      pads === undefined ? shape[axis] >= 0 : pads[i] !== 0 || pads[i + axes.length] !== 0,
    );
}

/**
 * Constants around are undone by the same pads below 0, which take them off again. In the other modes the
 * padded axis is x times a matrix, which Pad makes of the identity.
 */
export const Pad = unary(
  (call) => {
    const { b, node, g, x, y } = call;
    const padded = paddedAxes(call);
    if (padded.length === 0) return g;
    const mode = textOf(node, "mode", "constant");
    if (mode === "constant") {
      return b.op("Pad", [g, b.op("Neg", [x[1]]), ...(x[3] ? ["", x[3]] : [])]);
    }
    const shape = b.shapeOf(x[0]);
    if (padded.some(({ axis }) => shape[axis] < 0)) {
      refuse(node, "padding the batch mixes images", "pad other axes");
    }
    const half = b.shapeOf(x[1])[0] / 2;
    const matrices = padded.map(({ axis, i }) => {
      const [begin, end] = [i, i + half].map((at) => b.op("Gather", [x[1], b.ints([at])]));
      const zero = b.ints([0]);
      const pads = b.op("Concat", [zero, begin, zero, end], { axis: int(0) });
      const matrix = b.op("Pad", [identity(b, shape[axis]), pads], { mode: text(mode) });
      return { axis, matrix };
    });
    return throughAxes(b, g, [b.shapeOf(y), shape], matrices);
  },
  {
    attributes: ["mode"],
    notes: "every mode, pads below 0 too; they may be computed; the constant has none",
  },
);
