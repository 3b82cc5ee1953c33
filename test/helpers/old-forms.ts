// Every form that an operator had before opset 18 and has no more, drawn with random attributes.
import type { Node, Tensor } from "../../src/onnx/graph.ts";
import type { Random } from "../../src/tensor/random.ts";
import { node, tensor } from "./graph-builder.ts";

type Attributes = NonNullable<Parameters<typeof node>[3]>;

/** A graph of one input x. */
export interface OldForm {
  readonly x: readonly number[];
  readonly nodes: readonly Node[];
  readonly initializers?: Readonly<Record<string, Tensor>>;
  /** Default: one output y. */
  readonly outputs?: readonly string[];
}

/** A form that operators had from the first to the last of two opsets. */
export interface Form {
  readonly name: string;
  readonly opsets: readonly [first: number, last: number];
  draw(r: Draw): OldForm;
}

/** Random choices. */
export interface Draw {
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number;
  shape(low: number, high: number): number[];
  floats(count: number, positive?: boolean): number[];
  pick<T>(...from: readonly T[]): T;
  /** Some of 0 .. rank - 1, at least one, in order. */
  axes(rank: number): number[];
}

export function drawing(random: Random): Draw {
  const int = (low: number, high: number): number =>
    low + Math.floor(random.uniform() * (high - low + 1));
  return {
    int,
    shape: (low, high) => Array.from({ length: int(low, high) }, () => int(1, 4)),
    floats: (count, positive = false) =>
      Array.from({ length: count }, () => (positive ? 0.2 + random.uniform() : random.normal())),
    pick: (...from) => from[int(0, from.length - 1)],
    axes: (rank) => {
      const some = Array.from({ length: rank }, (_, axis) => axis).filter(() => int(0, 1) === 1);
      return some.length > 0 ? some : [int(0, rank - 1)];
    },
  };
}

const one = (x: readonly number[], op: string, attributes: Attributes): OldForm => ({
  x,
  nodes: [node(op, ["x"], ["y"], attributes)],
});

export const size = (dims: readonly number[]): number => dims.reduce((a, c) => a * c, 1);

export function batchNorm(r: Draw, x: readonly number[], spatial: number): OldForm {
  const dims = spatial === 1 ? [x[1]] : x.slice(1);
  const weights = (positive: boolean): Tensor => tensor(dims, r.floats(size(dims), positive));
  const attributes = { spatial, momentum: 0.9, epsilon: r.pick(1e-5, 0.1) };
  return {
    x,
    initializers: {
      scale: weights(false),
      bias: weights(false),
      mean: weights(false),
      variance: weights(true),
    },
    nodes: [
      node("BatchNormalization", ["x", "scale", "bias", "mean", "variance"], ["y"], attributes),
    ],
  };
}

function resize(r: Draw, op: string, scales: readonly number[], stated: boolean): OldForm {
  const mode = r.pick("nearest", "linear");
  return {
    x: [1, 2, r.int(2, 6), r.int(2, 6)],
    ...(stated ? {} : { initializers: { scales: tensor([4], scales) } }),
    nodes: [
      node(op, stated ? ["x"] : ["x", "scales"], ["y"], {
        mode,
        ...(stated ? { scales: scales.map((s) => s + 1e-9) } : {}),
      }),
    ],
  };
}

const reductions = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"];

const reduction = (op: string, last: number): Form => ({
  name: op,
  opsets: [7, last],
  draw: (r) => {
    const x = r.shape(1, 4);
    const axes = r.pick<Attributes>({}, { axes: r.axes(x.length) });
    return one(x, op, { ...axes, keepdims: r.int(0, 1) });
  },
});

const softmax = (op: string): Form => ({
  name: op,
  opsets: [7, 12],
  draw: (r) => {
    const x = r.shape(2, 4);
    return one(x, op, r.pick<Attributes>({}, { axis: r.int(0, x.length - 1) }));
  },
});

export const forms: readonly Form[] = [
  {
    name: "BatchNormalization with spatial statistics stated",
    opsets: [7, 8],
    draw: (r) => batchNorm(r, [2, r.int(1, 4), 3, 2], 1),
  },
  {
    name: "BatchNormalization of every activation",
    opsets: [7, 8],
    draw: (r) => batchNorm(r, [2, ...r.shape(3, 3)], 0),
  },
  {
    name: "Clip",
    opsets: [7, 10],
    draw: (r) =>
      one([3, 4], "Clip", {
        ...r.pick<Attributes>({}, { min: -0.5 - r.int(0, 1) / 4 }),
        ...r.pick<Attributes>({}, { max: 0.3 }),
      }),
  },
  {
    name: "Dropout",
    opsets: [7, 11],
    draw: (r) => ({
      x: [3, 4],
      nodes: [node("Dropout", ["x"], r.pick(["y"], ["y", "mask"]), { ratio: 0.4 })],
    }),
  },
  {
    name: "Pad",
    opsets: [7, 10],
    draw: (r) => {
      const x = [r.int(3, 4), r.int(3, 4), r.int(3, 4)];
      const pads = Array.from({ length: 6 }, () => r.int(0, 2));
      const mode = r.pick<Attributes>({ value: 0.25 }, {}, { mode: "reflect" }, { mode: "edge" });
      return one(x, "Pad", { pads, ...mode });
    },
  },
  {
    name: "Resize by scales alone",
    opsets: [10, 10],
    draw: (r) => {
      const scale = r.pick([1, 1, 2, 3], [1, 1, 1.5, 2.5], [1, 1, 0.5, 0.5], [1, 1, 0.4, 0.7]);
      return resize(r, "Resize", scale, false);
    },
  },
  {
    name: "Upsample with scales as an attribute",
    opsets: [7, 8],
    draw: (r) => resize(r, "Upsample", r.pick([1, 1, 2, 3], [1, 1, 1.5, 2.5]), true),
  },
  {
    name: "Upsample",
    opsets: [9, 9],
    draw: (r) => resize(r, "Upsample", r.pick([1, 1, 2, 3], [1, 1, 1.5, 2.5]), false),
  },
  {
    name: "Scatter",
    opsets: [9, 10],
    draw: (r) => ({
      x: [3, 4],
      initializers: {
        indices: tensor([1, 4], [r.int(0, 2), 1, r.int(0, 2), 0], "int64"),
        updates: tensor([1, 4], r.floats(4)),
      },
      nodes: [node("Scatter", ["x", "indices", "updates"], ["y"], { axis: 0 })],
    }),
  },
  {
    name: "Slice",
    opsets: [7, 9],
    draw: (r) => {
      const starts = [r.int(0, 1), r.int(-3, 1)];
      const ends = [r.int(2, 9), r.pick(3, -1, 2 ** 31 - 1)];
      return one([4, 4, 4], "Slice", { starts, ends, ...r.pick<Attributes>({}, { axes: [0, 2] }) });
    },
  },
  {
    name: "Split",
    opsets: [7, 17],
    draw: (r) => {
      const axis = r.int(0, 1);
      return {
        x: [6, 6],
        nodes: [
          node("Split", ["x"], ["a", "b", "c"], { axis }),
          node("Sub", ["a", "c"], ["d"]),
          node("Mul", ["b", "d"], ["y"]),
        ],
      };
    },
  },
  {
    name: "Split into stated parts",
    opsets: [7, 12],
    draw: (r) => {
      const first = r.int(1, 5);
      return {
        x: [2, 6],
        nodes: [node("Split", ["x"], ["a", "y"], { axis: 1, split: [first, 6 - first] })],
      };
    },
  },
  {
    name: "Squeeze",
    opsets: [7, 12],
    draw: (r) =>
      one([1, 3, 1, 2], "Squeeze", r.pick<Attributes>({}, { axes: [0] }, { axes: [0, 2] })),
  },
  {
    name: "Unsqueeze",
    opsets: [7, 12],
    draw: (r) => one(r.shape(1, 2), "Unsqueeze", { axes: r.pick([0], [1], [0, 2]) }),
  },
  {
    name: "TopK",
    opsets: [7, 9],
    draw: (r) => ({
      x: [3, 4],
      outputs: ["y", "indices"],
      nodes: [
        node("TopK", ["x"], ["y", "indices"], {
          k: r.int(1, 3),
          ...r.pick<Attributes>({}, { axis: 0 }),
        }),
      ],
    }),
  },
  softmax("Softmax"),
  softmax("LogSoftmax"),
  softmax("Hardmax"),
  reduction("ReduceSum", 12),
  ...reductions.map((kind) => reduction(`Reduce${kind}`, 17)),
];
