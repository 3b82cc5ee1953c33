// Activations, value by value.
import { broadcastTo, type NDArray } from "./array.ts";
import type { Call, Operator } from "./call.ts";
import { Erf } from "./elementwise.ts";
import { map, unary, zip } from "./entrywise.ts";

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
/** log(1 + exp(x)) without overflow. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export const Relu = unary((x) => Math.max(x, 0));
export const Sigmoid = unary(sigmoid);
export const Tanh = unary(Math.tanh);
export const Softplus = unary(softplus);
export const Softsign = unary((x) => x / (1 + Math.abs(x)));
export const Mish = unary((x) => x * Math.tanh(softplus(x)));
export const HardSwish = unary((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)));

/** A function of one value and of an attribute alpha. */
const withAlpha =
  (otherwise: number, f: (x: number, alpha: number) => number): Operator =>
  (call) => {
    const alpha = call.float("alpha", otherwise);
    return [map(call.input(0), (x) => f(x, alpha))];
  };

export const LeakyRelu = withAlpha(0.01, (x, alpha) => (x < 0 ? alpha * x : x));
export const Elu = withAlpha(1, (x, alpha) => (x < 0 ? alpha * Math.expm1(x) : x));
export const Celu = withAlpha(
  1,
  (x, alpha) => Math.max(0, x) + Math.min(0, alpha * Math.expm1(x / alpha)),
);
export const ThresholdedRelu = withAlpha(1, (x, alpha) => (x > alpha ? x : 0));
export const Swish = withAlpha(1, (x, alpha) => x * sigmoid(alpha * x));

export function Selu(call: Call): NDArray[] {
  const alpha = call.float("alpha", 1.6732631921768188);
  const gamma = call.float("gamma", 1.0507010221481323);
  return [map(call.input(0), (x) => gamma * (x > 0 ? x : alpha * Math.expm1(x)))];
}

export function HardSigmoid(call: Call): NDArray[] {
  const [alpha, beta] = [call.float("alpha", 0.2), call.float("beta", 0.5)];
  return [map(call.input(0), (x) => Math.max(0, Math.min(1, alpha * x + beta)))];
}

/** x Phi(x), Phi the normal distribution, or its approximation by a tanh. */
export function Gelu(call: Call): NDArray[] {
  const x = call.input(0);
  if (call.string("approximate", "none") === "tanh") {
    const k = Math.sqrt(2 / Math.PI);
    return [map(x, (v) => 0.5 * v * (1 + Math.tanh(k * (v + 0.044715 * v ** 3))))];
  }
  const [scaled] = Erf({ ...call, input: () => map(x, (v) => v * Math.SQRT1_2) });
  return [{ ...x, data: x.data.map((v, i) => 0.5 * v * (1 + scaled.data[i])) }];
}

/** The slope broadcasts to x, never x to the slope. */
export function PRelu(call: Call): NDArray[] {
  const x = call.input(0);
  return [zip(x, broadcastTo(call.input(1), x.dims), false, (v, slope) => (v < 0 ? slope * v : v))];
}
