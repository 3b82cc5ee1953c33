// Gradients of arithmetic, entry by entry: sums, products, powers, exponentials, extrema, choices.
import { scalar } from "../builder.ts";
import type { Call, Rule } from "../rule.ts";
import { binary, broadcasting, keepWhere, unary, undo } from "./entrywise.ts";

const negate = ({ b }: Call, value: string): string => b.op("Neg", [value]);

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

/** d(a^c)/da = c a^(c - 1), and d(a^c)/dc = a^c ln a, which is taken as 0 where a is not above 0. */
export const Pow: Rule = {
  ...binary(
    ({ b, g, x }) => {
      // The exponent may be of another type than the base.
      const exponent = b.op("CastLike", [x[1], x[0]]);
      const less = b.op("Sub", [exponent, scalar(b, 1)]);
      return b.op("Mul", [g, b.op("Mul", [exponent, b.op("Pow", [x[0], less])])]);
    },
    ({ b, g, x, y }) => {
      const slope = b.op("Mul", [y, b.op("Log", [x[0]])]);
      const above = b.op("Greater", [x[0], scalar(b, 0)]);
      return b.op("Where", [above, b.op("Mul", [g, slope]), scalar(b, 0)]);
    },
  ),
  notes: `${broadcasting}; in the exponent the gradient is 0 where the base is not above 0`,
};

export const Neg = unary((call) => negate(call, call.g));
export const Abs = unary(({ b, g, x }) => b.op("Mul", [g, b.op("Sign", [x[0]])]), {
  notes: "at 0 the slope 0 is taken, as in PyTorch",
});
/** The slope of y = sqrt(x) is 1 / (2 y). */
export const Sqrt = unary(({ b, g, y }) => b.op("Div", [g, b.op("Add", [y, y])]), {
  notes: "without bound towards 0",
});
/** The slope of y = 1 / x is -y^2. */
export const Reciprocal = unary((call) => {
  const { b, g, y } = call;
  return negate(call, b.op("Mul", [g, b.op("Mul", [y, y])]));
});
export const Exp = unary(({ b, g, y }) => b.op("Mul", [g, y]));
export const Log = unary(({ b, g, x }) => b.op("Div", [g, x[0]]));
/** The slope of erf(x) is 2 / sqrt(pi) exp(-x^2). */
export const Erf = unary(({ b, g, x }) => {
  const bell = b.op("Exp", [b.op("Neg", [b.op("Mul", [x[0], x[0]])])]);
  return b.op("Mul", [g, b.op("Mul", [bell, scalar(b, 2 / Math.sqrt(Math.PI))])]);
});

/** Makes a rule for y = op(x0, x1, ...) with broadcasting, from the gradient in an input as it was broadcast to y. */
const ofMany = (gradient: (call: Call, input: number) => string, notes: string): Rule => ({
  attributes: [],
  notes,
  vjps: (call) => call.x.map((_, i) => () => undo(call, gradient(call, i), i)),
});

export const Sum = ofMany(({ g }) => g, broadcasting);
export const Mean = ofMany(
  ({ b, g, x }) => (x.length === 1 ? g : b.op("Div", [g, scalar(b, x.length)])),
  broadcasting,
);

/** The input that is the extremum gets the gradient. Of equal inputs it is the first, so that none counts twice. */
const extremum = ofMany((call, input) => {
  const { b, x, y } = call;
  const isIt = (i: number): string => b.op("Equal", [x[i], y]);
  const earlier = x.slice(0, input).map((_, i) => b.op("Not", [isIt(i)]));
  const isFirst = earlier.reduce((a, c) => b.op("And", [a, c]), isIt(input));
  return keepWhere(call, isFirst);
}, `${broadcasting}; of equal values the first input gets the gradient`);
export const Max = extremum;
export const Min = extremum;

export const Where: Rule = {
  attributes: [],
  differentiable: [1, 2],
  notes: `${broadcasting}; the condition has no gradient`,
  vjps: (call) => {
    const { b, g, x } = call;
    return [
      null,
      () => undo(call, keepWhere(call, x[0]), 1),
      () => undo(call, b.op("Where", [x[0], scalar(b, 0), g]), 2),
    ];
  },
};
