// The maximum of a window: one entry of it is picked for both lines.
//
// The maximum lies above any entry, and below max(x, m) of that entry x and of the most that the others can be, m. As a
// curve in x alone that has a chord; where m lies below all that x may be the two lines meet, and where x lies below m
// the upper one is flat. Picked is the entry whose lower end is the largest, as in CROWN (Zhang et al., arXiv
// 1811.00866), whose upper line is m or x.
import { type Builder, reshape, scalar, zerosLike } from "../../autodiff/builder.ts";
import { poolWindow, type Window, windowAttributes } from "../../autodiff/rules/window.ts";
import { int, text } from "../../onnx/attributes.ts";
import { elementCount } from "../../onnx/graph.ts";
import { inRows } from "../concretize.ts";
import { between, type Interval } from "../interval.ts";
import { again, type BoundCall, type CurvedRule, type Picked, type Relaxation } from "../rule.ts";
import { lines, slopeBetween, within } from "./lines.ts";

/** Below all numbers of a network. */
const LOWEST = -3e38;

/**
 * The pixel of a channel that each entry of each window is, -1 where it lies in the padding: row-major [entries of a
 * window, windows].
 */
function pixelsOf({ kernel, strides, dilations, begin, input, output }: Window): number[] {
  const indices = (dims: readonly number[]): number[][] =>
    dims.reduce<number[][]>(
      (all, dim) => all.flatMap((index) => [...Array(dim).keys()].map((i) => [...index, i])),
      [[]],
    );
  const windows = indices(output);
  return indices(kernel).flatMap((k) =>
    windows.map((o) => {
      const at = o.map((v, i) => v * strides[i] + k[i] * dilations[i] - begin[i]);
      const inside = at.every((v, i) => v >= 0 && v < input[i]);
      return inside ? at.reduce((flat, v, i) => flat * input[i] + v, 0) : -1;
    }),
  );
}

/** The entries of the windows, of which one each is picked. */
interface Windows {
  readonly size: number;
  /** Values of x, [n, c, ...], by the windows that they are in, [n c, size, count]. */
  of(x: string): string;
  /** The pixel that each entry is, [size, count]. */
  readonly pixels: string;
}

function windowsOf(b: Builder, w: Window): Windows {
  const [size, count, spatial] = [w.kernel, w.output, w.input].map(elementCount);
  const pixels = pixelsOf(w);
  const shaped = (values: readonly number[]): string => reshape(b, b.ints(values), [size, count]);
  const at = shaped(pixels.map((pixel) => Math.max(0, pixel)));
  const padded = pixels.includes(-1) ? b.op("Less", [shaped(pixels), b.ints([0])]) : undefined;
  return {
    ...{ size, pixels: at },
    of: (x) => {
      const taken = b.op("Gather", [reshape(b, x, [-1, spatial]), at], { axis: int(1) });
      return padded === undefined ? taken : b.op("Where", [padded, scalar(b, LOWEST), taken]);
    },
  };
}

function relax(call: BoundCall, x: Interval): Relaxation {
  const { b, node } = call;
  const [y] = node.outputs;
  const w = poolWindow({ b, node, x: node.inputs, y, g: "", gs: [] });
  const windows = windowsOf(b, w);
  const { size } = windows;
  const [lows, highs] = [windows.of(x.lower()), windows.of(x.upper())];
  const axis = { axis: int(1) };
  const first = b.op("ArgMax", [lows], axis);
  const channels = b.shapeOf(y)[1];
  const shape = [-1, channels, ...w.output];
  const pick = (value: string): string =>
    reshape(b, b.op("GatherElements", [value, first], axis), shape);
  const picked = between(b, pick(lows), pick(highs));
  const entries = reshape(b, b.ints([...Array(size).keys()]), [size, 1]);
  const others = b.op("Where", [b.op("Equal", [first, entries]), scalar(b, LOWEST), highs]);
  const most = reshape(b, b.op("ReduceMax", [others, b.ints([1])]), shape);
  const larger = (value: string): string => b.op("Max", [value, most]);
  const upper = slopeBetween(b, picked, larger);
  const nought = zerosLike(b, upper);
  const both = { lower: upper, upper };
  const { offset } = lines(call, picked, both, [within(b, picked, most)], undefined, larger);
  const places = pick(b.op("Expand", [windows.pixels, b.op("Shape", [lows])]));
  return {
    lower: b.op("Add", [nought, scalar(b, 1)]),
    upper,
    // No entry is rounded on its way through a maximum.
    offset: between(b, nought, offset.upper()),
    picked: { of: picked, meeting: size, back: backTo(w, channels, places) },
  };
}

/** Passes coefficients of the windows back to the pixels that were picked. */
const backTo =
  (w: Window, channels: number, places: string): Picked["back"] =>
  (rows, part) => {
    const { b } = rows;
    const [spatial, count] = [w.input, w.output].map(elementCount);
    const flat = inRows(rows, part, [channels, count]);
    const at = b.op("Expand", [inRows(rows, places, [channels, count]), b.op("Shape", [flat])]);
    const lead = b.op("Slice", [b.op("Shape", [flat]), b.ints([0]), b.ints([3])]);
    const zeros = b.op("ConstantOfShape", [
      b.op("Concat", [lead, b.ints([spatial])], { axis: int(0) }),
    ]);
    const spread = b.op("ScatterElements", [zeros, at, flat], {
      axis: int(3),
      reduction: text("add"),
    });
    return reshape(b, spread, [-1, channels, ...w.input]);
  };

export const MaxPool: CurvedRule = {
  kind: "curved",
  attributes: [...windowAttributes, "ceil_mode", "storage_order"],
  interval: (call, x) => between(call.b, again(call, [x.lower()]), again(call, [x.upper()])),
  relax,
};
