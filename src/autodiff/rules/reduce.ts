// Gradients of reductions: a sum passes its gradient to all it added, an extremum to where it was found.
import { int, intOf } from "../../onnx/attributes.ts";
import { elementCount } from "../../onnx/graph.ts";
import { typeCode } from "../../onnx/tensor-proto.ts";
import { fromFront, reshape, scalar, sumOver } from "../builder.ts";
import { type Call, type Rule, refuse } from "../rule.ts";
import { isBatch } from "../shape.ts";
import { unary } from "./entrywise.ts";

/** Says what a node reduces over. */
interface Reduction {
  readonly axes: readonly number[];
  /** How many entries of x make one of y. */
  readonly count: number;
  /** Puts the axes that y lost back into a value of its shape, with size 1. */
  keep(value: string): string;
}

/** Returns undefined where nothing is reduced: no axes are given, and noop_with_empty_axes says this means none. */
function reductionOf({ b, node, x, y }: Call): Reduction | undefined {
  const shape = b.shapeOf(x[0]);
  if (x[1] && b.valuesOf(x[1]) === undefined) {
    refuse(node, "its axes are computed", "export the model with constant axes");
  }
  const stated = b.valuesOf(x[1])?.map((axis) => fromFront(axis, shape.length)) ?? [];
  const all = stated.length === 0;
  if (all && intOf(node, "noop_with_empty_axes", 0) === 1) return undefined;
  const axes = all ? shape.map((_, i) => i) : stated;
  if (axes.some((axis) => shape[axis] < 0)) {
    refuse(node, "to reduce over the batch mixes images", "reduce over other axes");
  }
  const kept = shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  return {
    axes,
    count: axes.reduce((product, axis) => product * shape[axis], 1),
    keep: (value) => (b.shapeOf(y).length === shape.length ? value : reshape(b, value, kept)),
  };
}

/** Makes a rule from the gradient in x, given what is reduced, and g with the axes put back. */
const reduction = (
  gradient: (call: Call, over: Reduction, g: string) => string,
  notes = "constant axes, not the batch",
  withoutAxes: (call: Call) => string = ({ g }) => g,
): Rule =>
  unary(
    (call) => {
      const over = reductionOf(call);
      return over === undefined ? withoutAxes(call) : gradient(call, over, over.keep(call.g));
    },
    { attributes: ["keepdims", "noop_with_empty_axes"], notes },
  );

/** Copies a value that broadcasts to x until it has the shape of x; the batch is its own. */
const spread = ({ b, x }: Call, value: string): string =>
  b.op("Expand", [value, b.ints(b.shapeOf(x[0]).map((dim) => (isBatch(dim) ? 1 : dim)))]);

const shared = (call: Call, g: string, copies: number): string =>
  spread(call, call.b.op("Div", [g, scalar(call.b, copies)]));

/** The gradient of a mean is shared equally among what it averaged. */
export const ReduceMean = reduction((call, { count }, g) => shared(call, g, count));

export const GlobalAveragePool = unary((call) => {
  const spatial = call.b.shapeOf(call.x[0]).slice(2);
  return shared(call, call.g, elementCount(spatial));
});

export const ReduceSum = reduction((call, _, g) => spread(call, g));

/** The gradient of an extremum is shared equally among the entries that are it, as PyTorch's amax does. */
function sharedByEquals(
  { b, x }: Call,
  extremum: string,
  axes: readonly number[],
  g: string,
): string {
  const equal = b.op("Equal", [x[0], extremum]);
  const count = sumOver(b, b.op("Cast", [equal], { to: int(typeCode("float32")) }), axes, true);
  return b.op("Where", [equal, b.op("Div", [g, count]), scalar(b, 0)]);
}

const extreme = reduction(
  (call, { axes, keep }, g) => sharedByEquals(call, keep(call.y), axes, g),
  "constant axes, not the batch; equal values share the gradient, as in PyTorch",
);
export const ReduceMax = extreme;
export const ReduceMin = extreme;

export const GlobalMaxPool = unary(
  (call) => {
    const axes = call.b.shapeOf(call.x[0]).map((_, i) => i);
    return sharedByEquals(call, call.y, axes.slice(2), call.g);
  },
  {
    notes: "equal values share the gradient",
  },
);

/** A reduction that is more than an extremum or a sum changes each entry even where it reduces over no axes. */
const entrywise = (gradient: (call: Call, over: Reduction, g: string) => string, more = ""): Rule =>
  reduction(
    gradient,
    `constant axes, not the batch; not without axes under \`noop_with_empty_axes\` 1${more}`,
    ({ node }) => refuse(node, "noop_with_empty_axes without axes is not supported", "state axes"),
  );

export const ReduceL1 = entrywise(({ b, x }, _, g) => b.op("Mul", [g, b.op("Sign", [x[0]])]));

/** The slope is x / |x|, and 0 at x = 0, where PyTorch too takes the subgradient 0. */
export const ReduceL2 = entrywise(({ b, x, y }, { keep }, g) => {
  const norm = keep(y);
  const isZero = b.op("Equal", [norm, scalar(b, 0)]);
  const divisor = b.op("Where", [isZero, scalar(b, 1), norm]);
  return b.op("Mul", [x[0], b.op("Div", [g, divisor])]);
}, "; where the norm is 0 the gradient 0 is taken, as in PyTorch");

export const ReduceSumSquare = entrywise(({ b, x }, _, g) =>
  b.op("Mul", [x[0], b.op("Add", [g, g])]),
);

/** y is the logarithm of the sum of exponentials, so exp(x - y) is the share that each has in it. */
export const ReduceLogSumExp = entrywise(({ b, x, y }, { keep }, g) =>
  b.op("Mul", [g, b.op("Exp", [b.op("Sub", [x[0], keep(y)])])]),
);
