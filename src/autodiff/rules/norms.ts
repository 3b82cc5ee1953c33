// Gradients of the divisions by a norm: that of a line through x, or that of the neighbouring channels.
import { floatOf, int, intOf, ints } from "../../onnx/attributes.ts";
import { elementCount } from "../../onnx/graph.ts";
import { fromFront, reshape, reshapeLike, scalar, sumOver } from "../builder.ts";
import { refuse } from "../rule.ts";
import { unary } from "./entrywise.ts";

/** y = x / |x| along one axis: dx = (g - s sum(g y)) / |x| with s = d|x|/dx, which is y, or sign(x) of the 1-norm. */
export const LpNormalization = unary(
  ({ b, node, g, x, y }) => {
    const shape = b.shapeOf(x[0]);
    const axis = fromFront(intOf(node, "axis", -1), shape.length);
    if (shape[axis] < 0) refuse(node, "a norm over the batch mixes images", "take another axis");
    const isAbsolute = intOf(node, "p", 2) === 1;
    const sum = (value: string): string => sumOver(b, value, [axis], true);
    const norm = isAbsolute
      ? sum(b.op("Abs", [x[0]]))
      : b.op("Sqrt", [sum(b.op("Mul", [x[0], x[0]]))]);
    const slope = isAbsolute ? b.op("Sign", [x[0]]) : y;
    const rest = b.op("Sub", [g, b.op("Mul", [slope, sum(b.op("Mul", [g, y]))])]);
    const isZero = b.op("Equal", [norm, scalar(b, 0)]);
    return b.op("Div", [rest, b.op("Where", [isZero, scalar(b, 1), norm])]);
  },
  {
    attributes: ["axis", "p"],
    notes:
      "`p` 1 and 2; any axis but the batch; where the norm is 0 the gradient is taken as it is at 1",
  },
);

/**
 * y = x D^-beta with D = bias + alpha m, where m is the mean of x^2 over the `size` channels around each. Then
 * dx = g D^-beta - 2 alpha beta x s, where s is the mean of g y / D over the channels that have this one around
 * them.
 */
export const LRN = unary(
  ({ b, node, g, x, y }) => {
    const [alpha, beta] = [floatOf(node, "alpha", 1e-4), floatOf(node, "beta", 0.75)];
    const size = intOf(node, "size", 1);
    const [batch, channels, ...spatial] = b.shapeOf(x[0]);
    const pixels = elementCount(spatial);
    const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
    /** Takes the mean over neighbouring channels. Those beyond the first or last count as 0. */
    const around = (value: string, begin: number, end: number): string => {
      const rows = reshape(b, value, [batch, 1, channels, pixels]);
      const mean = b.op("AveragePool", [rows], {
        kernel_shape: ints([size, 1]),
        pads: ints([begin, 0, end, 0]),
        count_include_pad: int(1),
      });
      return reshapeLike(b, mean, x[0]);
    };
    const squares = around(b.op("Mul", [x[0], x[0]]), before, after);
    const scaled = b.op("Mul", [squares, scalar(b, alpha)]);
    const D = b.op("Add", [scaled, scalar(b, floatOf(node, "bias", 1))]);
    const direct = b.op("Mul", [g, b.op("Pow", [D, scalar(b, -beta)])]);
    const shares = around(b.op("Div", [b.op("Mul", [g, y]), D]), after, before);
    const indirect = b.op("Mul", [b.op("Mul", [x[0], shares]), scalar(b, 2 * alpha * beta)]);
    return b.op("Sub", [direct, indirect]);
  },
  {
    attributes: ["alpha", "beta", "bias", "size"],
  },
);
