// The interval that one value of a network lies in, by its ends or by its middle: whichever the next operator asks for.
import { type Builder, scalar } from "../autodiff/builder.ts";

/** Names of the values that bound one value, entry by entry. Each is made when it is asked for, once. */
export interface Interval {
  lower(): string;
  upper(): string;
  /** The bounded value lies within `radius` of it. */
  centre(): string;
  radius(): string;
  /** How many roundings made an entry of it since the last operator that is no sum: a fused sum has as many. */
  readonly roundings: number;
}

const once = (make: () => string): (() => string) => {
  let made: string | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

/** An interval by its ends. */
export function between(b: Builder, lower: string, upper: string, roundings = 0): Interval {
  const half = scalar(b, 0.5);
  return {
    lower: () => lower,
    upper: () => upper,
    centre: once(() => b.op("Mul", [b.op("Add", [lower, upper]), half])),
    radius: once(() => b.op("Mul", [b.op("Sub", [upper, lower]), half])),
    roundings,
  };
}

/** An interval by its middle. The radius must have room for the rounding of the ends. */
export const around = (
  b: Builder,
  centre: string,
  radius: string,
  roundings: number,
): Interval => ({
  lower: once(() => b.op("Sub", [centre, radius])),
  upper: once(() => b.op("Add", [centre, radius])),
  centre: () => centre,
  radius: () => radius,
  roundings,
});

/** The largest absolute value that each entry may have. */
export const magnitude = (b: Builder, x: Interval): string =>
  b.op("Add", [b.op("Abs", [x.centre()]), x.radius()]);
