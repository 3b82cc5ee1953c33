// Small networks unlike those that Temper was developed on: what exporters of other frameworks write.
import type { NetworkOptions } from "../../src/engine/network.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { int64s, tensor } from "./graph-builder.ts";
import { batchNorm, conv, dense, relu, type Sketch, sketch } from "./sketch.ts";

export interface DiverseNetwork {
  readonly name: string;
  readonly graph: Graph;
  readonly options?: NetworkOptions;
  /** How the graph's output becomes logits: a Softmax at the end is undone by its logarithm. */
  readonly ending?: "softmax";
}

const flat = (s: Sketch, x: string): string => s.op("Flatten", [x]);
const same = { pads: [1, 1, 1, 1] };

const pooled = (opset: number): Graph =>
  sketch({ shape: [1, 14, 14], opset }, (s, x) => {
    let h = relu(s, conv(s, x, [4, 1, 3, 3], { strides: [2, 2], ...same }));
    h = s.op("MaxPool", [h], { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 });
    h = s.op("AveragePool", [h], {
      kernel_shape: [3, 3],
      strides: [2, 2],
      ceil_mode: 1,
      count_include_pad: 1,
      ...same,
    });
    return s.op("Softmax", [dense(s, flat(s, h), 36, 10)], { axis: opset < 13 ? 1 : -1 });
  });

const residual = sketch({ shape: [3, 12, 12], opset: 13 }, (s, x) => {
  const block = (h: string, from: number, to: number, stride: number): string =>
    batchNorm(s, conv(s, h, [to, from, 3, 3], { ...same, strides: [stride, stride] }), to);
  const h = relu(s, block(x, 3, 6, 1));
  const skip = batchNorm(s, conv(s, h, [8, 6, 1, 1], { strides: [2, 2] }), 8);
  const main = block(relu(s, block(h, 6, 8, 2)), 8, 8, 1);
  const joined = relu(s, s.op("Add", [main, skip]));
  return dense(s, flat(s, s.op("GlobalAveragePool", [joined])), 8, 10);
});

/** Depthwise and grouped convolutions, Relu6, three branches, and the shape arithmetic of PyTorch's view. */
const mobile = sketch({ shape: [3, 17, 23], opset: 15 }, (s, x) => {
  const bounds = [0, 6].map((bound) => s.constant(tensor([], [bound])));
  const six = (h: string): string => s.op("Clip", [h, ...bounds]);
  const h = six(conv(s, x, [6, 1, 3, 3], { strides: [2, 2], group: 3 }));
  const branches = [
    conv(s, h, [4, 6, 1, 1]),
    conv(s, h, [6, 1, 3, 3], { pads: [2, 2, 2, 2], dilations: [2, 2], group: 6 }),
    s.op("MaxPool", [h], { kernel_shape: [3, 3], strides: [1, 1], ...same }),
  ];
  const joined = s.op("GlobalAveragePool", [s.op("Concat", branches, { axis: 1 })]);
  const dropped = s.op("Dropout", [s.op("Identity", [joined])]);
  const batch = s.op("Gather", [s.op("Shape", [dropped]), s.constant(tensor([], [0], "int64"))]);
  const view = s.op("Concat", [s.op("Unsqueeze", [batch, s.ints(0)]), s.ints(-1)], { axis: 0 });
  return s.op("LogSoftmax", [dense(s, s.op("Reshape", [dropped, view]), 16, 7)], { axis: 1 });
});

/** Gemm in its several forms, with activations that saturate and one that leaks. */
const forms = sketch({ shape: [40], opset: 12 }, (s, x) => {
  const scaled = { alpha: 0.5, beta: 2 };
  let h = s.op("Gemm", [x, s.weight([40, 16], 0.4), s.weight([1, 16])], scaled);
  h = s.op("LeakyRelu", [h], { alpha: 0.2 });
  h = s.op("Tanh", [s.op("Gemm", [h, s.weight([12, 16], 0.3)], { transB: 1 })]);
  h = s.op("Sigmoid", [s.op("Add", [s.weight([9]), s.op("MatMul", [h, s.weight([12, 9], 0.5)])])]);
  return s.op("Gemm", [h, s.weight([9, 3], 1), s.weight([3])], { beta: 0.5 });
});

/** TensorFlow's order of axes, weights in Constant nodes, a Softmax without an axis. */
const channelsLast = sketch({ shape: [10, 10, 3], opset: 13 }, (s, x) => {
  const kernel = tensor(
    [4, 3, 3, 3],
    Array.from({ length: 108 }, (_, i) => Math.sin(i * i) / 3),
  );
  const head = tensor(
    [256, 5],
    Array.from({ length: 1280 }, (_, i) => Math.cos(i * i) / 9),
  );
  const h = s.op("Conv", [s.op("Transpose", [x], { perm: [0, 3, 1, 2] }), s.constant(kernel)]);
  const back = s.op("Transpose", [relu(s, h)], { perm: [0, 2, 3, 1] });
  const rows = s.op("Reshape", [back, s.constant(int64s(-1, 256))]);
  return s.op("Softmax", [s.op("Add", [s.op("MatMul", [rows, s.constant(head)]), s.weight([5])])]);
});

/** One weight in two layers, once through an Identity, and a weight stored the other way round. */
const shared = sketch({ shape: [16], opset: 17 }, (s, x) => {
  const w = s.weight([16, 16], 0.35);
  const h = relu(s, s.op("Gemm", [x, w], { transB: 1 }));
  const again = relu(s, s.op("MatMul", [h, s.op("Identity", [w])]));
  return s.op("MatMul", [again, s.op("Transpose", [s.weight([2, 16], 0.4)])]);
});

/** Images as columns, weights to their left. */
const columns = sketch({ shape: [16], opset: 13 }, (s, x) => {
  const h = relu(s, s.op("MatMul", [s.weight([12, 16], 0.35), s.op("Transpose", [x])]));
  const stacked = s.op("MatMul", [s.weight([3, 12, 12], 0.3), h]);
  const mean = s.op("ReduceMean", [stacked], { axes: [0], keepdims: 0 });
  return s.op("Transpose", [s.op("Gemm", [s.weight([12, 4], 0.5), mean], { transA: 1 })]);
});

/** Patches as a sequence, [batch, 9, 8] and then [9 x batch, 8]. */
const patches = sketch({ shape: [3, 12, 12], opset: 18 }, (s, x) => {
  const cells = s.op("Reshape", [conv(s, x, [8, 3, 4, 4], { strides: [4, 4] }), s.ints(0, 8, -1)]);
  const sequence = s.op("Transpose", [cells], { perm: [0, 2, 1] });
  const placed = s.op("Add", [sequence, s.weight([1, 9, 8], 0.2)]);
  const mixed = s.op("Tanh", [s.op("MatMul", [placed, s.weight([8, 8], 0.4)])]);
  const rows = s.op("Tanh", [dense(s, s.op("Reshape", [mixed, s.ints(-1, 8)]), 8, 6)]);
  const back = s.op("Reshape", [rows, s.ints(-1, 9, 6)]);
  return dense(s, s.op("ReduceMean", [back, s.ints(-2)], { keepdims: 0 }), 6, 4);
});

/** Squeeze without axes, which at a batch of 1 would drop the batch too. */
const squeezed = sketch({ shape: [2, 9, 9], opset: 11 }, (s, x) => {
  const h = relu(s, conv(s, x, [6, 2, 3, 3]));
  const parts = [conv(s, h, [5, 6, 7, 7]), s.op("GlobalAveragePool", [h])];
  const joined = s.op(
    "Concat",
    parts.map((part) => s.op("Squeeze", [part])),
    { axis: 1 },
  );
  return s.op("Softmax", [dense(s, s.op("Squeeze", [joined]), 11, 4)]);
});

const normalizing = sketch({ shape: [3, 10, 10], opset: 13 }, (s, x) => {
  const centred = s.op("Sub", [x, s.constant(tensor([1, 3, 1, 1], [0.49, 0.48, 0.44]))]);
  const scaled = s.op("Div", [centred, s.floats([1, 3, 1, 1], [0.2, 0.2, 0.25])]);
  const gate = s.op("Sigmoid", [conv(s, s.op("GlobalAveragePool", [scaled]), [4, 3, 1, 1])]);
  const h = s.op("Mul", [relu(s, conv(s, scaled, [4, 3, 3, 3], { strides: [2, 2] })), gate]);
  return dense(s, flat(s, h), 64, 6);
});

const plainConv = (options: { batch?: number }): Graph =>
  sketch({ shape: [3, 9, 9], opset: 13, ...options }, (s, x) => {
    const h = relu(s, conv(s, x, [4, 3, 3, 3], { strides: [2, 2], auto_pad: "SAME_UPPER" }));
    return dense(s, s.op("Reshape", [h, s.ints(-1, 100)]), 100, 10);
  });

const volume = sketch({ shape: [1, 6, 7, 8], opset: 13 }, (s, x) => {
  const h = relu(s, conv(s, x, [3, 1, 3, 3, 3], { strides: [2, 1, 2], pads: [1, 0, 1, 0, 1, 0] }));
  return dense(s, flat(s, s.op("AveragePool", [h], { kernel_shape: [2, 2, 2] })), 90, 4);
});

const twoHeads = sketch({ shape: [30], opset: 13 }, (s, x) => {
  const h = relu(s, dense(s, x, 30, 12));
  return [dense(s, h, 12, 9), dense(s, h, 12, 100)];
});

/** The names of PyTorch's first exporters: plain numbers, which a JavaScript object puts in an order of its own. */
function numbered(graph: Graph): Graph {
  const names = new Map<string, string>();
  const number = (name: string): string => {
    if (!names.has(name)) names.set(name, `${99 - names.size}`);
    return names.get(name)!;
  };
  return {
    ...graph,
    initializers: new Map([...graph.initializers].map(([name, value]) => [number(name), value])),
    inputs: graph.inputs.map((info) => ({ ...info, name: number(info.name) })),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(number),
      outputs: node.outputs.map(number),
    })),
    outputs: graph.outputs.map((info) => ({ ...info, name: number(info.name) })),
  };
}

export const diverseNetworks: readonly DiverseNetwork[] = [
  { name: "pools at opset 11", graph: pooled(11), ending: "softmax" },
  { name: "pools at opset 19", graph: pooled(19), ending: "softmax" },
  { name: "pools at opset 22", graph: pooled(22), ending: "softmax" },
  { name: "residual blocks with batch normalisation", graph: residual },
  { name: "depthwise, grouped and dilated branches", graph: mobile },
  { name: "every form of Gemm", graph: forms },
  { name: "channels last, weights in Constant nodes", graph: channelsLast, ending: "softmax" },
  { name: "shared and transposed weights, 2 labels", graph: shared },
  { name: "images as columns", graph: columns },
  { name: "patches as a sequence", graph: patches },
  { name: "Squeeze without axes", graph: squeezed, ending: "softmax" },
  { name: "normalisation in the graph, a gate", graph: normalizing },
  {
    name: "normalisation as an option",
    graph: plainConv({}),
    options: { mean: [0.49, 0.48, 0.44], std: [0.2, 0.2, 0.25] },
  },
  { name: "a declared batch of 1", graph: plainConv({ batch: 1 }) },
  { name: "three spatial axes", graph: volume },
  {
    name: "two outputs, 100 labels",
    graph: twoHeads,
    options: { output: twoHeads.outputs[1].name },
  },
  { name: "numbers as names", graph: numbered(residual) },
];
