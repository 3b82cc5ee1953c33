// The evaluator against the standard's worked examples, and what it must refuse.
import { expect, test } from "vitest";
import type { Graph, Tensor } from "../src/onnx/graph.ts";
import type { NDArray } from "./helpers/evaluate/array.ts";
import { evaluateGraph } from "./helpers/evaluate/evaluate.ts";
import { graph, int64s, node, tensor } from "./helpers/graph-builder.ts";

type Attributes = Parameters<typeof node>[3];

function upTo(dims: readonly number[], first = 0): Tensor {
  const count = dims.reduce((product, dim) => product * dim, 1);
  return tensor(
    dims,
    Array.from({ length: count }, (_, i) => i + first),
  );
}

const ones = (...dims: readonly number[]): Tensor => {
  const zeros = upTo(dims);
  return tensor(dims, new Float32Array(zeros.values.length).fill(1));
};

function single(op: string, inputs: readonly Tensor[], attributes: Attributes, outputs = 1): Graph {
  const names = inputs.map((_, i) => `in${i}`);
  const outputNames = Array.from({ length: outputs }, (_, i) => `out${i}`);
  return graph({
    inputs: {},
    initializers: Object.fromEntries(inputs.map((value, i) => [names[i], value])),
    nodes: [node(op, names, outputNames, attributes, "n1")],
    outputs: outputNames,
  });
}

/** The first output of one operator. */
function run(op: string, inputs: readonly Tensor[], attributes: Attributes = {}): NDArray {
  return evaluateGraph(single(op, inputs, attributes), new Map(), ["out0"]).get("out0")!;
}

/** Rows of a matrix-like output, leading dimensions dropped. */
function rows({ dims, data }: NDArray): number[][] {
  const width = dims[dims.length - 1];
  return Array.from({ length: data.length / width }, (_, i) => [
    ...data.subarray(i * width, (i + 1) * width),
  ]);
}

test("Conv: the standard's 5 x 5 examples with padding and with strides", () => {
  const inputs = [upTo([1, 1, 5, 5]), ones(1, 1, 3, 3)];
  expect(rows(run("Conv", inputs, { pads: [1, 1, 1, 1] }))).toEqual([
    [12, 21, 27, 33, 24],
    [33, 54, 63, 72, 51],
    [63, 99, 108, 117, 81],
    [93, 144, 153, 162, 111],
    [72, 111, 117, 123, 84],
  ]);
  const strided = run("Conv", [upTo([1, 1, 7, 5]), ones(1, 1, 3, 3)], {
    strides: [2, 2],
    pads: [1, 0, 1, 0],
  });
  expect(rows(strided)).toEqual([
    [21, 33],
    [99, 117],
    [189, 207],
    [171, 183],
  ]);
});

test("Conv is a correlation: the kernel is not flipped", () => {
  const picked = run("Conv", [upTo([1, 1, 4]), tensor([1, 1, 2], [1, 10])]);
  expect([...picked.data]).toEqual([10, 21, 32]);
});

test("ConvTranspose: the standard's 3 x 3 example, and its size under stride and output padding", () => {
  const y = run("ConvTranspose", [upTo([1, 1, 3, 3]), ones(1, 2, 3, 3)]);
  expect(y.dims).toEqual([1, 2, 5, 5]);
  const map = [
    [0, 1, 3, 3, 2],
    [3, 8, 15, 12, 7],
    [9, 21, 36, 27, 15],
    [9, 20, 33, 24, 13],
    [6, 13, 21, 15, 8],
  ];
  expect(rows(y)).toEqual([...map, ...map]);
  const wide = run("ConvTranspose", [upTo([1, 1, 3, 3]), ones(1, 2, 3, 3)], {
    strides: [3, 2],
    output_padding: [1, 1],
  });
  expect(wide.dims).toEqual([1, 2, 10, 8]);
});

test("pooling rounds up under ceil_mode, and drops a window that starts in the right padding", () => {
  const x = upTo([1, 1, 4, 4], 1);
  const ceil = { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 };
  expect(rows(run("MaxPool", [x], ceil))).toEqual([
    [11, 12],
    [15, 16],
  ]);
  expect(rows(run("AveragePool", [x], ceil))).toEqual([
    [6, 7.5],
    [12, 13.5],
  ]);
  const padded = { kernel_shape: [1, 1], strides: [2, 2], pads: [0, 0, 0, 1], ceil_mode: 1 };
  expect(rows(run("MaxPool", [upTo([1, 1, 2, 2], 1)], padded))).toEqual([[1]]);
});

test("AveragePool divides by what it sees, or by the padding too", () => {
  const pads = { kernel_shape: [3], pads: [1, 1] };
  const x = tensor([1, 1, 3], [3, 6, 9]);
  expect([...run("AveragePool", [x], pads).data]).toEqual([4.5, 6, 7.5]);
  expect([...run("AveragePool", [x], { ...pads, count_include_pad: 1 }).data]).toEqual([3, 6, 5]);
});

test("MaxPool's indices count over the whole input, the first of equals", () => {
  const x = tensor([2, 1, 4], [1, 1, 0, 2, 5, 3, 4, 4]);
  const built = single("MaxPool", [x], { kernel_shape: [2], strides: [2] }, 2);
  expect([...evaluateGraph(built, new Map(), ["out1"]).get("out1")!.data]).toEqual([0, 3, 4, 6]);
});

test("indexing: the standard's GatherElements, ScatterElements and OneHot examples", () => {
  const x = tensor([3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const gathered = run("GatherElements", [x, tensor([2, 3], [1, 2, 0, 2, 0, 0], "int64")]);
  expect(rows(gathered)).toEqual([
    [4, 8, 3],
    [7, 2, 3],
  ]);
  const line = tensor([1, 5], [1, 2, 3, 4, 5]);
  const twice = [line, tensor([1, 2], [1, 1], "int64"), tensor([1, 2], [1.5, 2.5])];
  expect([...run("ScatterElements", twice, { axis: 1, reduction: "add" }).data]).toEqual([
    1, 6, 3, 4, 5,
  ]);
  const hot = [int64s(0, -1, 3), tensor([], [3], "int64"), tensor([2], [5, 2])];
  expect(rows(run("OneHot", hot))).toEqual([
    [2, 5, 5],
    [5, 5, 2],
    [5, 5, 5],
  ]);
});

test("Softmax sums to one and LogSoftmax is its logarithm, also far from zero", () => {
  const x = tensor([2, 3], [1000, 1001, 999, -5, 0, 5]);
  const soft = rows(run("Softmax", [x]));
  const log = rows(run("LogSoftmax", [x]));
  for (const [i, row] of soft.entries()) {
    expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 14);
    for (const [j, value] of row.entries()) expect(Math.exp(log[i][j])).toBeCloseTo(value, 14);
  }
  expect(soft[0][1] / soft[0][0]).toBeCloseTo(Math.E, 12);
});

test("float arithmetic is float64, integer division truncates", () => {
  const sum = run("Add", [tensor([1], [1]), tensor([1], [1e-12], "float64")]);
  expect(sum.data[0]).toBe(1 + 1e-12);
  expect([...run("Div", [int64s(-7, 7), int64s(2, 2)]).data]).toEqual([-3, 3]);
});

test("a graph of several nodes: inputs fed, an initializer replaced, an inner value wanted", () => {
  const dense = graph({
    inputs: { x: ["n", 2] },
    initializers: { w: ones(2, 1), b: tensor([1], [1]) },
    nodes: [node("Gemm", ["x", "w", "b"], ["h"], { beta: 2 }), node("Relu", ["h"], ["y"])],
    outputs: ["y"],
  });
  const x: NDArray = { dims: [2, 2], data: Float64Array.of(1, 2, -3, -4) };
  const b: NDArray = { dims: [1], data: Float64Array.of(0.5) };
  const got = evaluateGraph(dense, new Map(Object.entries({ x, b })), ["h", "y"]);
  expect([...got.get("h")!.data]).toEqual([4, -6]);
  expect([...got.get("y")!.data]).toEqual([4, 0]);
});

test.each<[string, Tensor[], Attributes, string]>([
  ["Gemm", [ones(1, 1), ones(1, 1)], { gamma: 1 }, 'Gemm "n1": attribute gamma is not known'],
  ["Relu", [ones(1), ones(1)], {}, "input 1 is not known"],
  ["Add", [ones(1)], {}, "input 1 is missing"],
  ["Transpose", [ones(1, 2)], { perm: "10" }, "must be of kind ints, is string"],
  ["Sin", [ones(1)], {}, 'Sin "n1": the evaluator has no such operator'],
  ["Add", [ones(2), ones(3)], {}, "do not broadcast"],
  ["PRelu", [ones(1, 2), ones(2, 1, 2)], {}, "does not broadcast to [1,2]"],
  ["Reshape", [ones(2, 3), int64s(4, -1)], {}, "[4,1.5] is no shape"],
  ["Reshape", [ones(1), int64s(-1, -1)], {}, "two -1"],
  ["Squeeze", [ones(2, 3), int64s(0)], {}, "cannot become"],
  ["Gather", [ones(2), int64s(2)], {}, "index 2 is outside"],
  ["Cast", [tensor([1], [300])], { to: 2 }, "300 is outside [0, 255]"],
  ["Resize", [ones(2), ones(0), ones(1)], { mode: "area" }, "mode area"],
  ["Attention", [ones(1, 2, 3), ones(1, 2, 3), ones(1, 2, 3)], { softcap: 1 }, "softcap"],
  ["MaxPool", [ones(1, 1, 5)], { kernel_shape: [2], auto_pad: "VALID", ceil_mode: 1 }, "ambiguous"],
  ["Pad", [ones(2), int64s(1, 0)], { mode: "mirror" }, "mode mirror"],
])("%s refuses what it does not know (%#)", (op, inputs, attributes, message) => {
  expect(() => run(op, inputs, attributes)).toThrow(message);
});

test("feeds and wanted names must fit the graph", () => {
  const built = graph({ inputs: { x: [2] }, nodes: [node("Neg", ["x"], ["y"])], outputs: ["y"] });
  const x = { dims: [2], data: Float64Array.of(1, 2) };
  const feeds = (entries: Record<string, NDArray>) => new Map(Object.entries(entries));
  expect(() => evaluateGraph(built, feeds({ z: x }), ["y"])).toThrow('feed "z"');
  expect(() => evaluateGraph(built, feeds({ x: { ...x, dims: [2, 1] } }), ["y"])).toThrow("[2,1]");
  expect(() => evaluateGraph(built, new Map(), ["y"])).toThrow('nothing gives "x"');
  expect(() => evaluateGraph(built, feeds({ x }), ["z"])).toThrow('nothing gives "z"');
  expect(() => evaluateGraph({ ...built, opset: 12 }, feeds({ x }), ["y"])).toThrow("opset 12");
});
