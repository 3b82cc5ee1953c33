// Classifiers made for a fixed number of images, in the ways in which exporters write that number into a graph.
import type { Graph } from "../../src/onnx/graph.ts";
import { randomStream } from "../../src/tensor/random.ts";
import { tensor } from "./graph-builder.ts";
import { conv, dense, relu, type Sketch, sketch } from "./sketch.ts";

export interface ClosedNetwork {
  readonly name: string;
  readonly graph: Graph;
  /** Whether every operator on the way has a gradient rule. */
  readonly gradients?: boolean;
}

const one = (
  shape: readonly number[],
  build: (s: Sketch, x: string) => string,
  opset = 13,
  batch: string | number = 1,
): Graph => sketch({ shape, opset, batch }, build);

const same = { pads: [1, 1, 1, 1] };

/** Softmax(Q K') V of heads, after PyTorch: [parts, images, width] and [images * heads, parts, width / heads]. */
function attention(s: Sketch, sequence: string, parts: number, width: number): string {
  const heads = 2;
  const split = (): string => {
    const made = s.op("MatMul", [sequence, s.weight([width, width], 0.5)]);
    const byHead = s.op("Reshape", [made, s.ints(parts, heads, width / heads)]);
    return s.op("Transpose", [byHead], { perm: [1, 0, 2] });
  };
  const [q, k, v] = [split(), split(), split()];
  const scores = s.op("MatMul", [q, s.op("Transpose", [k], { perm: [0, 2, 1] })]);
  const mixed = s.op("MatMul", [s.op("Softmax", [scores], { axis: -1 }), v]);
  const rows = s.op("Reshape", [
    s.op("Transpose", [mixed], { perm: [1, 0, 2] }),
    s.ints(parts, width),
  ]);
  return s.op("Reshape", [dense(s, rows, width, width), s.ints(parts, 1, width)]);
}

/** Patches of an image and a class token, each with a place. */
function transformer(s: Sketch, x: string): string {
  const patches = conv(s, x, [8, 1, 4, 4], { strides: [4, 4] });
  const listed = s.op("Transpose", [s.op("Reshape", [patches, s.ints(1, 8, 9)])], {
    perm: [0, 2, 1],
  });
  const joined = s.op("Concat", [s.weight([1, 1, 8], 1), listed], { axis: 1 });
  const placed = s.op("Add", [joined, s.weight([1, 10, 8], 0.3)]);
  const first = s.op("Transpose", [placed], { perm: [1, 0, 2] });
  const added = s.op("Add", [first, attention(s, first, 10, 8)]);
  const back = s.op("Transpose", [added], { perm: [1, 0, 2] });
  const token = s.op("Gather", [back, s.constant(tensor([], [0], "int64"))], { axis: 1 });
  return dense(s, token, 8, 4);
}

function shuffled(s: Sketch, x: string): string {
  const h = relu(s, conv(s, x, [4, 1, 3, 3], same));
  const groups = s.op("Reshape", [h, s.ints(1, 2, 2, 6, 6)]);
  const turned = s.op("Transpose", [groups], { perm: [0, 2, 1, 3, 4] });
  const again = conv(s, s.op("Reshape", [turned, s.ints(1, 4, 6, 6)]), [4, 4, 3, 3]);
  return dense(s, s.op("Reshape", [again, s.ints(1, -1)]), 64, 3);
}

/** Windows of 2 x 2 places, as the hierarchical transformers have them: 9 of each image. */
function windows(s: Sketch, x: string): string {
  const cut = s.op("Reshape", [x, s.ints(1, 3, 2, 3, 2, 1)]);
  const each = s.op("Transpose", [cut], { perm: [0, 1, 3, 2, 4, 5] });
  const rows = s.op("Reshape", [each, s.ints(9, 4)]);
  const seen = s.op("Tanh", [dense(s, rows, 4, 5)]);
  const joined = s.op("Reshape", [seen, s.ints(1, 9, 5)]);
  return dense(s, s.op("ReduceMean", [joined], { axes: [1], keepdims: 0 }), 5, 3);
}

const diagonal = (n: number): number[] =>
  Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));

export const closedNetworks: readonly ClosedNetwork[] = [
  {
    name: "a constant Reshape",
    graph: one([4, 4], (s, x) => dense(s, s.op("Reshape", [x, s.ints(1, 16)]), 16, 3)),
    gradients: true,
  },
  {
    name: "a constant Reshape, the batch stated as open",
    graph: one([4, 4], (s, x) => dense(s, s.op("Reshape", [x, s.ints(1, 16)]), 16, 3), 13, "n"),
    gradients: true,
  },
  {
    name: "Flatten from the first axis on",
    graph: one([4, 4], (s, x) => dense(s, s.op("Flatten", [x], { axis: 0 }), 16, 3)),
    gradients: true,
  },
  {
    name: "a list of numbers instead of rows, a Softmax of it",
    graph: one([4, 4], (s, x) => {
      const list = s.op("Reshape", [x, s.ints(-1)]);
      const h = s.op("Tanh", [
        s.op("Add", [s.op("MatMul", [list, s.weight([16, 5])]), s.weight([5])]),
      ]);
      return s.op("Softmax", [s.op("MatMul", [h, s.weight([5, 3], 1)])], { axis: 0 });
    }),
  },
  {
    name: "the batch squeezed away at the end",
    graph: one([4, 4], (s, x) =>
      s.op("Squeeze", [dense(s, s.op("Flatten", [x]), 16, 3), s.ints(0)]),
    ),
    gradients: true,
  },
  {
    name: "the first image taken, by Gather and by Slice",
    graph: one([2, 4, 4], (s, x) => {
      const sliced = s.op("Slice", [conv(s, x, [3, 2, 2, 2]), s.ints(0), s.ints(1), s.ints(0)]);
      const first = s.op("Gather", [sliced, s.constant(tensor([], [0], "int64"))], { axis: 0 });
      return dense(s, s.op("Reshape", [first, s.ints(1, 27)]), 27, 3);
    }),
  },
  { name: "a transformer with a class token", graph: one([1, 12, 12], transformer) },
  { name: "channels shuffled", graph: one([1, 6, 6], shuffled), gradients: true },
  { name: "windows of an image as rows", graph: one([6, 6, 1], windows), gradients: true },
  {
    name: "halves cut where a shape says",
    graph: one([6, 3, 3], (s, x) => {
      const size = s.op("Gather", [s.op("Shape", [x]), s.ints(1)]);
      const half = s.op("Div", [size, s.ints(2)]);
      const cut = (from: string, to: string): string => s.op("Slice", [x, from, to, s.ints(1)]);
      const joined = s.op("Sub", [cut(s.ints(0), half), cut(half, size)]);
      return dense(s, s.op("Reshape", [joined, s.ints(1, 27)]), 27, 3);
    }),
    gradients: true,
  },
  {
    name: "sizes of a Resize, Expand, Tile and Split",
    graph: one([1, 4, 4], (s, x) => {
      const wide = s.op("Resize", [x, "", "", s.ints(1, 1, 8, 8)], { mode: "nearest" });
      const twice = s.op("Expand", [wide, s.ints(1, 2, 8, 8)]);
      const four = s.op("Tile", [twice, s.ints(1, 2, 1, 1)]);
      const seen = relu(s, conv(s, four, [4, 4, 3, 3], { strides: [3, 3] }));
      return dense(s, s.op("Reshape", [seen, s.ints(1, 16)]), 16, 3);
    }),
  },
  {
    name: "sums of products written as letters",
    graph: one([4, 5], (s, x) => {
      const made = s.op("Einsum", [x, s.weight([5, 6], 0.5)], { equation: "bij,jk->bik" });
      return dense(s, s.op("Reshape", [made, s.ints(1, 24)]), 24, 3);
    }),
  },
  {
    name: "three images",
    graph: one([4, 4], (s, x) => dense(s, s.op("Reshape", [x, s.ints(3, 16)]), 16, 4), 13, 3),
    gradients: true,
  },
  {
    name: "an image of channels without an axis for the batch",
    graph: {
      ...one(
        [7, 5],
        (s, x) => {
          const seen = relu(s, conv(s, s.op("Unsqueeze", [x, s.ints(0)]), [4, 3, 3, 3]));
          return s.op("Softmax", [dense(s, s.op("Reshape", [seen, s.ints(1, 60)]), 60, 5)]);
        },
        13,
        3,
      ),
    },
  },
  {
    name: "a list of numbers without an axis for the batch",
    graph: one(
      [],
      (s, x) => {
        const h = s.op("Relu", [s.op("MatMul", [x, s.weight([20, 6], 0.4)])]);
        return s.op("MatMul", [h, s.weight([6, 4], 0.5)]);
      },
      13,
      20,
    ),
  },
];

/** Networks that cannot be opened: the images are summed over, if only one of them, or multiplied by a matrix. */
export const unopened: readonly ClosedNetwork[] = [
  {
    name: "a product over the images, of which there is one",
    graph: one([9], (s, x) => {
      const outer = s.op("MatMul", [s.op("Transpose", [x]), s.weight([1, 4], 0.5)]);
      const h = s.op("Tanh", [s.op("Reshape", [outer, s.ints(1, 36)])]);
      return dense(s, h, 36, 3);
    }),
  },
  {
    name: "the identity over three images",
    graph: one(
      [9],
      (s, x) => {
        const h = s.op("Tanh", [dense(s, x, 9, 6)]);
        return dense(s, s.op("MatMul", [s.floats([3, 3], diagonal(3)), h]), 6, 4);
      },
      13,
      3,
    ),
  },
];

/** Images of noise. */
export function noise(shape: readonly number[], n: number, seed = 3): Float32Array {
  const random = randomStream(seed);
  return Float32Array.from({ length: n * shape.reduce((a, c) => a * c, 1) }, () =>
    random.uniform(),
  );
}
