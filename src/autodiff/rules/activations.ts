// Gradients of activations: functions of one entry each, and PRelu with its slopes.
import { float, floatOf, textOf } from "../../onnx/attributes.ts";
import { type Builder, scalar } from "../builder.ts";
import { type Call, type Rule, refuse } from "../rule.ts";
import { keepWhere, unary, undo } from "./entrywise.ts";

const isPositive = (b: Builder, value: string): string => b.op("Greater", [value, scalar(b, 0)]);

/** At the kink the subgradient 0 is taken, as PyTorch does. */
export const Relu = unary((call) => keepWhere(call, isPositive(call.b, call.y)), {
  notes: "at 0 the slope 0 is taken, as in PyTorch",
});

export const LeakyRelu = unary(
  ({ b, node, g, x }) => {
    const slope = scalar(b, floatOf(node, "alpha", 0.01));
    const positive = isPositive(b, x[0]);
    return b.op("Where", [positive, g, b.op("Mul", [g, slope])]);
  },
  { attributes: ["alpha"], notes: "at 0 the slope `alpha` is taken" },
);

/** y = x where x is above 0, and slope x elsewhere. The slope broadcasts to x. */
export const PRelu: Rule = {
  attributes: [],
  notes: "the slope broadcasts to the data; at 0 the slope below it is taken",
  vjps: (call) => {
    const { b, g, x } = call;
    const positive = isPositive(b, x[0]);
    return [
      () => b.op("Where", [positive, g, b.op("Mul", [g, x[1]])]),
      () => undo(call, b.op("Where", [positive, scalar(b, 0), b.op("Mul", [g, x[0]])]), 1),
    ];
  },
};

/** Multiplies g by one factor where x is above 0, and by another, which depends on y, elsewhere. */
function bent({ b, g, x }: Call, above: number, elsewhere: string): string {
  const slope = b.op("Where", [isPositive(b, x[0]), scalar(b, above), elsewhere]);
  return b.op("Mul", [g, slope]);
}

/** y = alpha (exp(x) - 1) below 0, where the slope is y + alpha. */
export const Elu = unary(
  (call) => {
    const { b, node, y } = call;
    return bent(call, 1, b.op("Add", [y, scalar(b, floatOf(node, "alpha", 1))]));
  },
  { attributes: ["alpha"] },
);

/** y = gamma x above 0, and gamma alpha (exp(x) - 1) below it, where the slope is y + gamma alpha. */
export const Selu = unary(
  (call) => {
    const { b, node, y } = call;
    const alpha = floatOf(node, "alpha", 1.6732631921768188);
    const gamma = floatOf(node, "gamma", 1.0507010221481323);
    return bent(call, gamma, b.op("Add", [y, scalar(b, alpha * gamma)]));
  },
  { attributes: ["alpha", "gamma"] },
);

/** y = alpha (exp(x / alpha) - 1) below 0, where the slope is y / alpha + 1. */
export const Celu = unary(
  (call) => {
    const { b, node, y } = call;
    const ratio = b.op("Div", [y, scalar(b, floatOf(node, "alpha", 1))]);
    return bent(call, 1, b.op("Add", [ratio, scalar(b, 1)]));
  },
  { attributes: ["alpha"] },
);

export const ThresholdedRelu = unary(
  (call) => {
    const { b, node, x } = call;
    return keepWhere(call, b.op("Greater", [x[0], scalar(b, floatOf(node, "alpha", 1))]));
  },
  { attributes: ["alpha"], notes: "at the threshold the slope 0 is taken" },
);

/** Returns g s (1 - s), where s = sigmoid(x) is a value of the graph. */
const throughSigmoid = (b: Builder, g: string, s: string): string =>
  b.op("Mul", [g, b.op("Mul", [s, b.op("Sub", [scalar(b, 1), s])])]);

/** The slope of s = sigmoid(x) is s (1 - s). */
export const Sigmoid = unary(({ b, g, y }) => throughSigmoid(b, g, y));

/** The slope of t = tanh(x) is 1 - t^2. */
export const Tanh = unary(({ b, g, y }) =>
  b.op("Mul", [g, b.op("Sub", [scalar(b, 1), b.op("Mul", [y, y])])]),
);

/** y = log(1 + exp(x)), whose slope is sigmoid(x). */
export const Softplus = unary(({ b, g, x }) => b.op("Mul", [g, b.op("Sigmoid", [x[0]])]));

/** y = x / (1 + |x|), whose slope is 1 / (1 + |x|)^2. */
export const Softsign = unary(({ b, g, x }) => {
  const d = b.op("Add", [b.op("Abs", [x[0]]), scalar(b, 1)]);
  return b.op("Div", [g, b.op("Mul", [d, d])]);
});

/** Keeps g where a value lies between 0 and 1, and puts 0 elsewhere. */
function onRamp(b: Builder, g: string, value: string): string {
  const inside = [isPositive(b, value), b.op("Less", [value, scalar(b, 1)])];
  return b.op("Where", [b.op("And", inside), g, scalar(b, 0)]);
}

/** y = max(0, min(1, alpha x + beta)), whose slope is alpha on the ramp. */
export const HardSigmoid = unary(
  ({ b, node, g, y }) => onRamp(b, b.op("Mul", [g, scalar(b, floatOf(node, "alpha", 0.2))]), y),
  { attributes: ["alpha", "beta"], notes: "at either end of the ramp the slope 0 is taken" },
);

/** y = x h with h = max(0, min(1, x / 6 + 1 / 2)): the slope is h, and x / 6 more on the ramp. */
export const HardSwish = unary(({ b, g, x }) => {
  const h = b.op("HardSigmoid", [x[0]], {
    alpha: float(1 / 6),
    beta: float(0.5),
  });
  const more = onRamp(b, b.op("Mul", [x[0], scalar(b, 1 / 6)]), h);
  return b.op("Mul", [g, b.op("Add", [h, more])]);
});

/** y = x s with s = sigmoid(alpha x): the slope is s + alpha x s (1 - s). */
export const Swish = unary(
  ({ b, node, g, x }) => {
    const scaled = b.op("Mul", [x[0], scalar(b, floatOf(node, "alpha", 1))]);
    const s = b.op("Sigmoid", [scaled]);
    return b.op("Mul", [g, b.op("Add", [s, throughSigmoid(b, scaled, s)])]);
  },
  { attributes: ["alpha"] },
);

/** y = x t with t = tanh(log(1 + exp(x))): the slope is t + x (1 - t^2) sigmoid(x). */
export const Mish = unary(({ b, g, x }) => {
  const t = b.op("Tanh", [b.op("Softplus", [x[0]])]);
  const bend = b.op("Sub", [scalar(b, 1), b.op("Mul", [t, t])]);
  const second = b.op("Mul", [x[0], b.op("Mul", [bend, b.op("Sigmoid", [x[0]])])]);
  return b.op("Mul", [g, b.op("Add", [t, second])]);
});

/** y = x Phi(x), where Phi is the normal distribution: the slope is Phi(x) + x exp(-x^2 / 2) / sqrt(2 pi). */
function exactGelu({ b, x }: Call): string {
  const erf = b.op("Erf", [b.op("Mul", [x[0], scalar(b, Math.SQRT1_2)])]);
  const phi = b.op("Mul", [b.op("Add", [erf, scalar(b, 1)]), scalar(b, 0.5)]);
  const bell = b.op("Exp", [b.op("Mul", [b.op("Mul", [x[0], x[0]]), scalar(b, -0.5)])]);
  const second = b.op("Mul", [x[0], b.op("Mul", [bell, scalar(b, 1 / Math.sqrt(2 * Math.PI))])]);
  return b.op("Add", [phi, second]);
}

/**
 * y = x (1 + t) / 2 with t = tanh(k (x + c x^3)): the slope is
 * (1 + t) / 2 + x (1 - t^2) k (1 + 3 c x^2) / 2.
 */
function tanhGelu({ b, x }: Call): string {
  const [k, c] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = b.op("Mul", [x[0], x[0]]);
  const polynomial = (of: number): string =>
    b.op("Add", [b.op("Mul", [square, scalar(b, of * k * c)]), scalar(b, k)]);
  const t = b.op("Tanh", [b.op("Mul", [x[0], polynomial(1)])]);
  const bend = b.op("Sub", [scalar(b, 1), b.op("Mul", [t, t])]);
  const second = b.op("Mul", [x[0], b.op("Mul", [bend, polynomial(3)])]);
  const sum = b.op("Add", [b.op("Add", [t, scalar(b, 1)]), second]);
  return b.op("Mul", [sum, scalar(b, 0.5)]);
}

export const Gelu = unary(
  (call) => {
    const form = textOf(call.node, "approximate", "none");
    if (form !== "none" && form !== "tanh") {
      refuse(call.node, `approximate "${form}" is not known`, 'export it with "none" or "tanh"');
    }
    return call.b.op("Mul", [call.g, form === "tanh" ? tanhGelu(call) : exactGelu(call)]);
  },
  { attributes: ["approximate"], notes: "exact, and by tanh" },
);

/** The gradient passes inside the bounds and, as in PyTorch, on them; the bounds have none. */
export const Clip = unary(
  (call) => {
    const { b, x } = call;
    const [value, low = "", high = ""] = x;
    const inside = [
      ...(low === "" ? [] : [b.op("GreaterOrEqual", [value, low])]),
      ...(high === "" ? [] : [b.op("LessOrEqual", [value, high])]),
    ];
    if (inside.length === 0) return call.g;
    const both = inside.reduce((a, c) => b.op("And", [a, c]));
    return keepWhere(call, both);
  },
  {
    notes:
      "bounds are inputs, each may be absent; on a bound the gradient passes, as in PyTorch; the bounds have none",
  },
);
