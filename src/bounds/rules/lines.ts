// Pairs of lines between which a curve lies over an interval: slopes are chosen, offsets follow from them.
//
// Of f(x) - k x the extremes over an interval lie at its ends, where f bends, or where its slope is k: for any slope k
// these few values give the offset of a sound line. So a slope is free, and a better one tightens the bound (Zhang et
// al., arXiv 1811.00866, section 3.3; Xu et al., arXiv 2011.13824).
import { type Builder, scalar } from "../../autodiff/builder.ts";
import { between, type Interval, magnitude } from "../interval.ts";
import { errorShare, TINY } from "../rounding.ts";
import { again, type BoundCall, type Relaxation } from "../rule.ts";

/** The slopes of the two lines. */
export interface Slopes {
  readonly lower: string;
  readonly upper: string;
}

/** The node at other values than its first input. */
export const at = (call: BoundCall, value: string): string =>
  again(call, [value, ...call.node.inputs.slice(1)]);

/** The point of an interval that is nearest to `point`. */
export const within = (b: Builder, x: Interval, point: string): string =>
  b.op("Max", [x.lower(), b.op("Min", [x.upper(), point])]);

/** a / c where c is above 0; where it is 0, a is 0 as well and any slope will do. */
const quotient = (b: Builder, a: string, c: string): string =>
  b.op("Div", [a, b.op("Max", [c, scalar(b, TINY)])]);

/** The slope of f from one end to the other. */
export function slopeBetween(b: Builder, x: Interval, f: (value: string) => string): string {
  const rise = b.op("Sub", [f(x.upper()), f(x.lower())]);
  return quotient(b, rise, b.op("Sub", [x.upper(), x.lower()]));
}

/** The same of the call's operator. */
export const chord = (call: BoundCall, x: Interval): string =>
  slopeBetween(call.b, x, (value) => at(call, value));

/**
 * The slopes of lines at a curve that is flat, then rises, then is flat again: from the lower end to where the rise
 * ends, and from where it begins to the upper end, or flat where that leaves less room.
 *
 * @param low where the rise begins, and `high` where it ends; undefined where it has always begun or never ends
 */
export function ramp(
  call: BoundCall,
  x: Interval,
  low: string | undefined,
  high: string | undefined,
): Slopes {
  const { b } = call;
  const [l, u] = [x.lower(), x.upper()];
  const top = high === undefined ? u : b.op("Max", [l, b.op("Min", [u, high])]);
  const bottom = low === undefined ? l : b.op("Min", [u, b.op("Max", [l, low])]);
  const slope = (from: string, to: string): string =>
    quotient(b, b.op("Sub", [at(call, to), at(call, from)]), b.op("Sub", [to, from]));
  const steeper = b.op("Greater", [b.op("Sub", [u, bottom]), b.op("Sub", [bottom, l])]);
  return {
    upper: slope(l, top),
    lower: b.op("Where", [steeper, slope(bottom, u), scalar(b, 0)]),
  };
}

/**
 * The lines of such slopes.
 *
 * @param points where f(x) - k x may be extreme, the ends apart; they lie in the interval
 * @param rounded what rounding may do to f
 * @param f by default the call's operator
 */
export function lines(
  call: BoundCall,
  x: Interval,
  slopes: Slopes,
  points: readonly string[],
  rounded: string | undefined,
  f = (value: string): string => at(call, value),
): Relaxation {
  const { b, node, widen } = call;
  const all = [x.lower(), x.upper(), ...points];
  const values = all.map(f);
  const above = (slope: string): string[] =>
    all.map((point, i) => b.op("Sub", [values[i], b.op("Mul", [slope, point])]));
  const lower = b.op("Min", above(slopes.lower));
  const upper = b.op("Max", above(slopes.upper));
  if (!widen) return { ...slopes, offset: between(b, lower, upper) };
  const steep = b.op("Max", [b.op("Abs", [slopes.upper]), b.op("Abs", [slopes.lower])]);
  const size = b.op(
    "Max",
    values.map((value) => b.op("Abs", [value])),
  );
  const reach = b.op("Add", [b.op("Mul", [steep, magnitude(b, x)]), size]);
  const few = b.op("Mul", [reach, scalar(b, errorShare(node, 0))]);
  const by = rounded === undefined ? few : b.op("Add", [few, rounded]);
  const offset = between(b, b.op("Sub", [lower, by]), b.op("Add", [upper, by]));
  return { ...slopes, offset };
}
