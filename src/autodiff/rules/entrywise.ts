// Holds what the rules of operators that act entry by entry share.
import { scalar, unbroadcast } from "../builder.ts";
import type { Call, Rule } from "../rule.ts";

/** Makes a rule for an operator whose first input alone has a gradient, which this is. */
export const unary = (
  gradient: (call: Call) => string,
  rest: Partial<Omit<Rule, "vjps" | "differentiable">> = {},
): Rule => ({
  attributes: [],
  ...rest,
  differentiable: [0],
  vjps: (call) => [() => gradient(call)],
});

/** Turns the gradient in an input as it was broadcast to y into that in the input. */
export const undo = ({ b, x, y }: Call, gradient: string, input: number): string =>
  unbroadcast(b, gradient, b.shapeOf(y), x[input]);

export const broadcasting = "broadcasting in both directions";

/** Makes a rule for y = op(x0, x1) with broadcasting, from the two gradients before the broadcast is undone. */
export function binary(left: (call: Call) => string, right: (call: Call) => string): Rule {
  return {
    attributes: [],
    notes: broadcasting,
    vjps: (call) => [() => undo(call, left(call), 0), () => undo(call, right(call), 1)],
  };
}

/** Keeps g where a condition holds, and puts 0 elsewhere. */
export const keepWhere = ({ b, g }: Call, condition: string): string =>
  b.op("Where", [condition, g, scalar(b, 0)]);
