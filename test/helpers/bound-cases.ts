// Small networks that have, together, every operator of which bounds are known.
import type { Graph } from "../../src/onnx/graph.ts";
import { typeCode } from "../../src/onnx/tensor-proto.ts";
import { tensor } from "./graph-builder.ts";
import { batchNorm, conv, dense, relu, type Sketch, sketch } from "./sketch.ts";

export interface BoundCase {
  readonly name: string;
  readonly graph: Graph;
}

const shape = [2, 6, 6];
const flat = (s: Sketch, x: string): string => s.op("Flatten", [x]);

/** A network around one piece, [n, 3, 6, 6] to any shape of `size` entries. */
const around = (
  name: string,
  size: number,
  piece: (s: Sketch, x: string) => string,
): BoundCase => ({
  name,
  graph: sketch({ shape, opset: 18 }, (s, x) => {
    const h = relu(s, conv(s, x, [3, 2, 3, 3], { pads: [1, 1, 1, 1] }));
    const made = piece(s, h);
    return dense(s, relu(s, dense(s, flat(s, made), size, 7)), 7, 4);
  }),
});

const activation = (name: string, attributes = {}): BoundCase =>
  around(name, 75, (s, x) => s.op(name, [conv(s, x, [3, 3, 2, 2])], attributes));

export const boundCases: readonly BoundCase[] = [
  ...["Relu", "Sigmoid", "Tanh", "HardSwish", "LeakyRelu", "HardSigmoid"].map((op) =>
    activation(op),
  ),
  { ...activation("LeakyRelu", { alpha: -0.3 }), name: "LeakyRelu of a slope below 0" },
  { ...activation("HardSigmoid", { alpha: 0.5, beta: 0.25 }), name: "HardSigmoid, steeper" },
  around("PRelu", 75, (s, x) =>
    s.op("PRelu", [conv(s, x, [3, 3, 2, 2]), s.floats([3, 1, 1], [0.5, -0.5, 1.5])]),
  ),
  around("Clip", 75, (s, x) => {
    const bounds = [-0.2, 0.7].map((bound) => s.constant(tensor([], [bound])));
    return s.op("Clip", [conv(s, x, [3, 3, 2, 2]), ...bounds]);
  }),
  around("Conv of strides, groups, dilations", 36, (s, x) =>
    conv(s, x, [6, 1, 2, 2], {
      group: 3,
      strides: [3, 2],
      dilations: [2, 1],
      pads: [0, 1, 0, 0],
    }),
  ),
  around("ConvTranspose", 2 * 13 * 13, (s, x) =>
    s.op("ConvTranspose", [x, s.weight([3, 2, 3, 3], 0.3), s.weight([2])], { strides: [2, 2] }),
  ),
  around("MatMul, Add, Sub, Mul, Div, Neg", 5, (s, x) => {
    const h = s.op("MatMul", [flat(s, x), s.weight([108, 5], 0.2)]);
    const shifted = s.op("Sub", [s.weight([5]), s.op("Add", [h, s.weight([1, 5])])]);
    return s.op("Div", [s.op("Neg", [s.op("Mul", [s.weight([5], 2), shifted])]), s.weight([], 2)]);
  }),
  around("every form of Gemm", 5, (s, x) => {
    const h = s.op("Gemm", [flat(s, x), s.weight([108, 6], 0.2), s.weight([1, 6])], {
      alpha: -0.5,
      beta: 2,
    });
    return s.op("Gemm", [h, s.weight([5, 6])], { transB: 1 });
  }),
  around("BatchNormalization", 75, (s, x) => batchNorm(s, conv(s, x, [3, 3, 2, 2]), 3)),
  around("a residual block", 108, (s, x) => {
    const same = { pads: [1, 1, 1, 1] };
    const once = relu(s, batchNorm(s, conv(s, x, [3, 3, 3, 3], same), 3));
    return relu(s, s.op("Add", [conv(s, once, [3, 3, 3, 3], same), x]));
  }),
  around("MaxPool", 27, (s, x) =>
    s.op("MaxPool", [conv(s, x, [3, 3, 3, 3], { pads: [1, 1, 1, 1] })], {
      kernel_shape: [2, 2],
      strides: [2, 2],
    }),
  ),
  around("MaxPool of windows that overlap, padded", 27, (s, x) =>
    s.op("MaxPool", [conv(s, x, [3, 3, 3, 3], { pads: [1, 1, 1, 1] })], {
      kernel_shape: [3, 2],
      strides: [2, 2],
      pads: [1, 0, 0, 0],
    }),
  ),
  around("MaxPool of what a Relu makes", 12, (s, x) =>
    s.op("MaxPool", [relu(s, conv(s, x, [3, 3, 2, 2]))], {
      kernel_shape: [2, 2],
      strides: [2, 2],
      dilations: [2, 1],
    }),
  ),
  around("AveragePool and GlobalAveragePool", 3, (s, x) =>
    s.op("GlobalAveragePool", [
      s.op("AveragePool", [x], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] }),
    ]),
  ),
  around("ReduceMean, Unsqueeze, Squeeze", 18, (s, x) => {
    const mean = s.op("ReduceMean", [x, s.ints(2)], { keepdims: 0 });
    return s.op("Squeeze", [s.op("Unsqueeze", [mean, s.ints(1)]), s.ints(1)]);
  }),
  around("Concat, Split, Slice, Pad, Transpose, Reshape", 4 * 6 * 5, (s, x) => {
    const [first, ...others] = [0, 1, 2].map((i) =>
      s.op("Slice", [x, s.ints(i), s.ints(i + 1), s.ints(1)]),
    );
    const joined = s.op("Concat", [...others, first, conv(s, x, [1, 3, 1, 1])], { axis: 1 });
    const turned = s.op("Transpose", [joined], { perm: [0, 1, 3, 2] });
    const cut = s.op("Slice", [turned, s.ints(0), s.ints(4), s.ints(3)]);
    const padded = s.op("Pad", [
      cut,
      s.ints(0, 0, 0, 1, 0, 0, 0, 0),
      s.constant(tensor([], [0.5])),
    ]);
    return s.op("Reshape", [padded, s.ints(0, -1)]);
  }),
  {
    name: "normalised pixels",
    graph: sketch({ shape, opset: 18 }, (s, x) => {
      const same = s.op("Cast", [x], { to: typeCode("float32") });
      const centred = s.op("Sub", [same, s.floats([1, 2, 1, 1], [0.4, 0.5])]);
      const normal = s.op("Div", [centred, s.floats([1, 2, 1, 1], [0.2, 0.25])]);
      return dense(s, flat(s, relu(s, conv(s, normal, [3, 2, 6, 6]))), 3, 4);
    }),
  },
];
