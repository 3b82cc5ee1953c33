// Gradients of operators that act entry by entry: arithmetic with broadcasting, activations, Clip.
import { floatOf } from "../../onnx/attributes.ts";
import { scalar, unbroadcast } from "../builder.ts";
import type { Call, Rule } from "../rule.ts";

const negate = ({ b }: Call, value: string): string => b.op("Neg", [value]);

/** A rule for y = op(x0, x1) with broadcasting, from the two gradients before the broadcast is undone. */
function binary(left: (call: Call) => string, right: (call: Call) => string): Rule {
  const undo = (call: Call, gradient: string, input: number): string =>
    unbroadcast(call.b, gradient, call.b.shapeOf(call.y), call.x[input]);
  return {
    attributes: [],
    vjps: (call) => [() => undo(call, left(call), 0), () => undo(call, right(call), 1)],
  };
}

const unary = (attributes: readonly string[], gradient: (call: Call) => string): Rule => ({
  attributes,
  differentiable: [0],
  vjps: (call) => [() => gradient(call)],
});

/** g where a condition holds, 0 elsewhere. */
const keepWhere = ({ b, g }: Call, condition: string): string =>
  b.op("Where", [condition, g, scalar(b, 0)]);

export const Add = binary(
  ({ g }) => g,
  ({ g }) => g,
);
export const Sub = binary(
  ({ g }) => g,
  (call) => negate(call, call.g),
);
export const Mul = binary(
  ({ b, g, x }) => b.op("Mul", [g, x[1]]),
  ({ b, g, x }) => b.op("Mul", [g, x[0]]),
);
/** d(a / c)/dc = -(a / c) / c. */
export const Div = binary(
  ({ b, g, x }) => b.op("Div", [g, x[1]]),
  (call) => {
    const { b, g, x, y } = call;
    return negate(call, b.op("Div", [b.op("Mul", [g, y]), x[1]]));
  },
);

/** At the kink the subgradient 0 is taken, as PyTorch does. */
export const Relu = unary([], (call) =>
  keepWhere(call, call.b.op("Greater", [call.y, scalar(call.b, 0)])),
);

export const LeakyRelu = unary(["alpha"], ({ b, node, g, x }) => {
  const slope = scalar(b, floatOf(node, "alpha", 0.01));
  const positive = b.op("Greater", [x[0], scalar(b, 0)]);
  return b.op("Where", [positive, g, b.op("Mul", [g, slope])]);
});

/** s' = s (1 - s). */
export const Sigmoid = unary([], ({ b, g, y }) =>
  b.op("Mul", [g, b.op("Mul", [y, b.op("Sub", [scalar(b, 1), y])])]),
);

/** t' = 1 - t^2. */
export const Tanh = unary([], ({ b, g, y }) =>
  b.op("Mul", [g, b.op("Sub", [scalar(b, 1), b.op("Mul", [y, y])])]),
);

/** The gradient passes inside the bounds and, as in PyTorch, on them; the bounds have none. */
export const Clip = unary([], (call) => {
  const { b, x } = call;
  const [value, low = "", high = ""] = x;
  const inside = [
    ...(low === "" ? [] : [b.op("GreaterOrEqual", [value, low])]),
    ...(high === "" ? [] : [b.op("LessOrEqual", [value, high])]),
  ];
  if (inside.length === 0) return call.g;
  return keepWhere(
    call,
    inside.reduce((a, c) => b.op("And", [a, c])),
  );
});
