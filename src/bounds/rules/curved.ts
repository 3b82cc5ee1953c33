// Activations: of the values in an interval the extremes lie at its ends, or at a bend between them.
import { type Builder, scalar } from "../../autodiff/builder.ts";
import { floatOf } from "../../onnx/attributes.ts";
import { between, type Interval, magnitude } from "../interval.ts";
import { type BoundCall, type CurvedRule, type Relaxation, refuseBound } from "../rule.ts";
import { at, chord, lines, ramp, type Slopes, within } from "./lines.ts";

/** What rounding may do to values that are not exactly computed: a share of the input's size, and so much beside. */
type Rounded = (call: BoundCall) => { readonly share: number; readonly absolute: number };

interface Curve {
  readonly attributes?: readonly string[];
  /** By default the rounded value is the nearest to an exact one, which keeps the order of values. */
  readonly rounded?: Rounded;
  /** Where the curve turns from falling to rising or back. */
  readonly turns?: readonly number[];
  readonly relax: (call: BoundCall, x: Interval, rounded: string | undefined) => Relaxation;
}

/** The rule of a curve, which rises or falls between its turns. */
function curve({ attributes = [], rounded, turns = [], relax }: Curve): CurvedRule {
  const errorOf = (call: BoundCall, x: Interval): string | undefined => {
    if (!call.widen || rounded === undefined) return undefined;
    const { b } = call;
    const { share, absolute } = rounded(call);
    const part = b.op("Mul", [magnitude(b, x), scalar(b, share)]);
    return b.op("Add", [part, scalar(b, absolute)]);
  };
  return {
    kind: "curved",
    attributes,
    interval: (call, x) => {
      const { b, node, of } = call;
      if (of.slice(1).some((other) => other !== undefined)) {
        refuseBound(node, "an input behind the first depends on the image");
      }
      const points = turns.map((turn) => within(b, x, scalar(b, turn)));
      const [lower, upper, ...inside] = [x.lower(), x.upper(), ...points].map((v) => at(call, v));
      const ends = [lower, upper, ...inside];
      const rises = rounded === undefined && inside.length === 0;
      const [low, high] = rises ? [lower, upper] : [b.op("Min", ends), b.op("Max", ends)];
      const error = errorOf(call, x);
      if (error === undefined) return between(b, low, high);
      return between(b, b.op("Sub", [low, error]), b.op("Add", [high, error]));
    },
    relax: (call, x) => relax(call, x, errorOf(call, x)),
  };
}

export const Relu = curve({
  relax: (call, x) => {
    const { b, slope } = call;
    const zero = scalar(b, 0);
    const usual = ramp(call, x, zero, undefined);
    const slopes = slope === undefined ? usual : { ...usual, lower: bentOnly(b, x, slope, usual) };
    return lines(call, x, slopes, [within(b, x, zero)], undefined);
  },
});

/** A slope where x may lie on both sides of 0; a line elsewhere has but one. */
function bentOnly(b: Builder, x: Interval, slope: string, { lower }: Slopes): string {
  const zero = scalar(b, 0);
  const sides = [b.op("Less", [x.lower(), zero]), b.op("Greater", [x.upper(), zero])];
  return b.op("Where", [b.op("And", sides), slope, lower]);
}

export const Clip = curve({
  relax: (call, x) => {
    const [, low = "", high = ""] = call.node.inputs;
    const slopes = ramp(call, x, low || undefined, high || undefined);
    const bends = [low, high].filter((bound) => bound !== "");
    const points = bends.map((bound) => within(call.b, x, bound));
    return lines(call, x, slopes, points, undefined);
  },
});

/** A kink at 0 with any slope below it: one line is the chord, the other goes through the kink. */
function leaking(call: BoundCall, x: Interval, slope: string): Relaxation {
  const { b } = call;
  const zero = scalar(b, 0);
  const steeper = b.op("Greater", [b.op("Add", [x.lower(), x.upper()]), zero]);
  const through = b.op("Where", [steeper, scalar(b, 1), slope]);
  const across = chord(call, x);
  const convex = b.op("LessOrEqual", [slope, scalar(b, 1)]);
  const slopes: Slopes = {
    lower: b.op("Where", [convex, through, across]),
    upper: b.op("Where", [convex, across, through]),
  };
  return lines(call, x, slopes, [within(b, x, zero)], undefined);
}

export const LeakyRelu = curve({
  attributes: ["alpha"],
  turns: [0],
  relax: (call, x) => leaking(call, x, scalar(call.b, floatOf(call.node, "alpha", 0.01))),
});

export const PRelu = curve({
  turns: [0],
  relax: (call, x) => leaking(call, x, call.node.inputs[1]),
});

/** A few roundings, fused or not. */
const FEW = 2 ** -21;

/** Both lines have one slope. */
const parallel = (
  call: BoundCall,
  x: Interval,
  { slope, points }: { readonly slope: string; readonly points: readonly string[] },
  rounded: string | undefined,
): Relaxation => {
  const inside = points.map((point) => within(call.b, x, point));
  return lines(call, x, { lower: slope, upper: slope }, inside, rounded);
};

/** The slope may be below 0. */
export const HardSigmoid = curve({
  attributes: ["alpha", "beta"],
  rounded: ({ node }) => ({
    share: FEW * Math.abs(floatOf(node, "alpha", 0.2)),
    absolute: FEW * (1 + Math.abs(floatOf(node, "beta", 0.5))),
  }),
  relax: (call, x, rounded) => {
    const [alpha, beta] = [floatOf(call.node, "alpha", 0.2), floatOf(call.node, "beta", 0.5)];
    const bends = alpha === 0 ? [] : [-beta / alpha, (1 - beta) / alpha];
    const points = bends.map((bend) => scalar(call.b, bend));
    return parallel(call, x, { slope: chord(call, x), points }, rounded);
  },
});

/** x h turns at -3/2; between -3 and 3 it is a parabola, whose slope at x is x / 3 + 1 / 2. */
export const HardSwish = curve({
  turns: [-1.5],
  rounded: () => ({ share: FEW, absolute: 0 }),
  relax: (call, x, rounded) => {
    const { b } = call;
    const slope = chord(call, x);
    const touching = b.op("Sub", [b.op("Mul", [slope, scalar(b, 3)]), scalar(b, 1.5)]);
    return parallel(call, x, { slope, points: [scalar(b, -3), scalar(b, 3), touching] }, rounded);
  },
});

// An assumption: some six times the largest difference from the exact value that was measured (docs/guarantees.md).
const APPROXIMATION = 2 ** -19;
const approximate: Rounded = () => ({ share: 0, absolute: APPROXIMATION });

/**
 * A sigmoid, steepest at 0. It has the slope k at +-half (log(1 + t) - log(1 - t^2) / 2), where 1 - t^2 is k as a share
 * of the steepest slope.
 */
const sigmoid = (steepest: number, half: number): CurvedRule =>
  curve({
    rounded: approximate,
    relax: (call, x, rounded) => {
      const { b } = call;
      const zero = scalar(b, 0);
      // Between ends that are all but equal, what is left of the rise is rounding: it may even fall.
      const kept = b.op("Min", [chord(call, x), scalar(b, steepest)]);
      const slope = b.op("Max", [kept, zero]);
      const rest = b.op("Mul", [slope, scalar(b, 1 / steepest)]);
      const left = b.op("Max", [b.op("Sub", [scalar(b, 1), rest]), zero]);
      const twice = b.op("Log", [b.op("Add", [b.op("Sqrt", [left]), scalar(b, 1)])]);
      const less = b.op("Mul", [b.op("Log", [rest]), scalar(b, 0.5)]);
      const point = b.op("Mul", [b.op("Sub", [twice, less]), scalar(b, half)]);
      return parallel(call, x, { slope, points: [point, b.op("Neg", [point])] }, rounded);
    },
  });

/** s' = s (1 - s) = (1 - t^2) / 4 with t = tanh(x / 2). */
export const Sigmoid = sigmoid(1 / 4, 2);
/** t' = 1 - t^2. */
export const Tanh = sigmoid(1, 1);
