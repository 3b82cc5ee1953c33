// Resize: each output entry is a weighted sum of input entries, axis by axis.
import { axisOf, build, type NDArray, stridesOf } from "./array.ts";
import type { Call } from "./call.ts";

/** The sizes and the scale of one axis. */
interface Axis {
  readonly n: number;
  readonly out: number;
  readonly scale: number;
}

/** Where on the input's axis an output entry lies (coordinate_transformation_mode). */
function coordinate(mode: string, i: number, { n, out, scale }: Axis): number {
  switch (mode) {
    case "half_pixel":
      return (i + 0.5) / scale - 0.5;
    case "half_pixel_symmetric":
      return (n / 2) * (1 - out / (n * scale)) + (i + 0.5) / scale - 0.5;
    case "pytorch_half_pixel":
      return out > 1 ? (i + 0.5) / scale - 0.5 : 0;
    case "align_corners":
      return out > 1 ? (i * (n - 1)) / (out - 1) : 0;
    case "asymmetric":
      return i / scale;
  }
  throw new Error(`coordinate_transformation_mode ${mode} is not known`);
}

const nearest: ReadonlyMap<string, (x: number) => number> = new Map([
  ["round_prefer_floor", (x: number) => Math.ceil(x - 0.5)],
  ["round_prefer_ceil", (x: number) => Math.floor(x + 0.5)],
  ["floor", Math.floor],
  ["ceil", Math.ceil],
]);

/** The cubic convolution of Keys (1981) at a distance. */
function cubic(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1;
  return d < 2 ? a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a : 0;
}

/** Weights of the entries around a coordinate; those beyond the ends count for the ends. */
function weightsAt(call: Call, x: number): [number, number][] {
  const mode = call.string("mode", "nearest");
  const rounding = nearest.get(call.string("nearest_mode", "round_prefer_floor"))!;
  const a = call.float("cubic_coeff_a", -0.75);
  const low = Math.floor(x);
  const ratio = x - low;
  switch (mode) {
    case "nearest":
      return [[rounding(x), 1]];
    case "linear":
      return [
        [low, 1 - ratio],
        [low + 1, ratio],
      ];
    case "cubic":
      return [-1, 0, 1, 2].map((d) => [low + d, cubic(ratio - d, a)]);
  }
  throw new Error(`mode ${mode} is not known`);
}

export function Resize(call: Call): NDArray[] {
  const x = call.input(0);
  const [scales, sizes] = [call.optional(2), call.optional(3)];
  const given = call.ints("axes", [...x.dims.keys()]).map((axis) => axisOf(axis, x.dims.length));
  if (call.string("keep_aspect_ratio_policy", "stretch") !== "stretch") throw new Error("policy");
  if (call.int("antialias", 0) + call.int("exclude_outside", 0) !== 0) throw new Error("antialias");
  call.float("extrapolation_value", 0);
  const transformation = call.string("coordinate_transformation_mode", "half_pixel");
  const axes = x.dims.map((n, d): Axis => {
    const i = given.indexOf(d);
    if (i < 0) return { n, out: n, scale: 1 };
    if (sizes !== undefined) return { n, out: sizes.data[i], scale: sizes.data[i] / n };
    const scale = scales!.data[i];
    return { n, out: Math.floor(n * scale), scale };
  });
  // Of each axis, for each of its output entries: which input entries it is made of.
  const taps = axes.map((axis) =>
    Array.from({ length: axis.out }, (_, i) =>
      weightsAt(call, coordinate(transformation, i, axis)).map(([at, weight]): [number, number] => [
        Math.min(Math.max(at, 0), axis.n - 1),
        weight,
      ]),
    ),
  );
  const strides = stridesOf(x.dims);
  const sumFrom = (index: readonly number[], d: number, at: number): number =>
    d === index.length
      ? x.data[at]
      : taps[d][index[d]].reduce(
          (sum, [entry, weight]) => sum + weight * sumFrom(index, d + 1, at + entry * strides[d]),
          0,
        );
  return [
    build(
      axes.map(({ out }) => out),
      x.integer,
      (index) => sumFrom(index, 0, 0),
    ),
  ];
}
