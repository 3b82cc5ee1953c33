// Derived gradient graphs in print: what the rules write for a dense layer, a convolution, a residual block.
import { expect, test } from "vitest";
import { gradientProgram } from "../src/autodiff/programs.ts";
import type { Graph, Tensor } from "../src/onnx/graph.ts";
import { graph, int64s, node, tensor } from "./helpers/graph-builder.ts";
import { measureShapes } from "./helpers/measure-shapes.ts";
import { printGraph } from "./helpers/print.ts";

const zeros = (...dims: readonly number[]): Tensor =>
  tensor(dims, new Float32Array(dims.reduce((a, c) => a * c, 1)));

/** What makes logits of y. */
const tail = [node("Reshape", ["y", "rows"], ["logits"])];
const flat = { rows: int64s(0, -1) };

/** The gradient graph without its forward part: constants, backward nodes, outputs. */
function backward(forward: Graph, wrt: readonly string[], factored?: readonly string[]): string {
  const program = gradientProgram(forward, {
    shapes: measureShapes(forward),
    seed: "weights",
    wrt,
    ...(factored === undefined ? {} : { factored: new Set(factored) }),
  });
  const { graph: whole } = program;
  const printed = printGraph({
    ...whole,
    inputs: [],
    initializers: new Map([...whole.initializers].filter(([name]) => name.startsWith("temper/"))),
    nodes: whole.nodes.slice(forward.nodes.length),
  });
  // A long node's attributes go on a line of their own.
  return printed.replace(/^.{110,}$/gm, (line) => line.replace(" {", "\n  {"));
}

const dense = graph({
  inputs: { x: ["batch", 3] },
  initializers: { w: zeros(2, 3), b: zeros(2) },
  nodes: [node("Relu", ["x"], ["h"]), node("Gemm", ["h", "w", "b"], ["logits"], { transB: 1 })],
  outputs: { logits: ["batch", 2] },
});

test("a dense layer", () => {
  expect(backward(dense, ["x", "w", "b"])).toMatchInlineSnapshot(`
    "const temper/ints_2: int64[1] {0}
    const temper/floats_4: float32[] {0}
    temper/Gemm_0 = Gemm(temper/covector, w) {alpha=1, transA=0, transB=0}
    temper/Gemm_1 = Gemm(temper/covector, h) {alpha=1, transA=1, transB=0}
    temper/ReduceSum_3 = ReduceSum(temper/covector, temper/ints_2) {keepdims=0}
    temper/Greater_5 = Greater(h, temper/floats_4)
    temper/Where_6 = Where(temper/Greater_5, temper/Gemm_0, temper/floats_4)
    output logits, temper/Where_6, temper/Gemm_1, temper/ReduceSum_3"
  `);
});

test("a dense layer whose weight is wanted in factors", () => {
  expect(backward(dense, ["w", "b"], ["w", "b"])).toMatchInlineSnapshot(`
    "const temper/ints_0: int64[1] {0}
    temper/ReduceSum_1 = ReduceSum(temper/covector, temper/ints_0) {keepdims=0}
    temper/Identity_2 = Identity(temper/covector)
    output logits, temper/ReduceSum_1, h, temper/Identity_2"
  `);
});

const conv = (attributes: Parameters<typeof node>[3]): Graph =>
  graph({
    inputs: { x: ["batch", 1, 4] },
    initializers: { ...flat, w: zeros(2, 1, 2), b: zeros(2) },
    nodes: [node("Conv", ["x", "w", "b"], ["y"], attributes), ...tail],
    outputs: ["logits"],
  });

test("a convolution: at stride 1 the image's gradient is one again, else a ConvTranspose", () => {
  expect(backward(conv({ pads: [1, 0] }), ["x", "w", "b"])).toMatchInlineSnapshot(`
    "const temper/ints_0: int64[3] {-1, 2, 4}
    const temper/ints_2: int64[4] {1, 2, 1, 2}
    const temper/ints_5: int64[3] {1, 2, 2}
    const temper/ints_7: int64[1] {-1}
    const temper/ints_8: int64[1] {-2147483648}
    const temper/ints_9: int64[1] {2}
    const temper/ints_12: int64[6] {0, 0, 1, 0, 0, 0}
    const temper/ints_14: int64[1] {0}
    const temper/ints_15: int64[1] {4}
    const temper/ints_16: int64[1] {1}
    const temper/ints_18: int64[1] {5}
    const temper/ints_20: int64[4] {-1, 1, 2, 4}
    const temper/ints_22: int64[5] {-1, 1, 1, 1, 4}
    const temper/ints_31: int64[3] {2, 1, 2}
    temper/Reshape_1 = Reshape(temper/covector, temper/ints_0)
    temper/Reshape_3 = Reshape(w, temper/ints_2)
    temper/Transpose_4 = Transpose(temper/Reshape_3) {perm=[0,2,1,3]}
    temper/Reshape_6 = Reshape(temper/Transpose_4, temper/ints_5)
    temper/Slice_10 = Slice(temper/Reshape_6, temper/ints_7, temper/ints_8, temper/ints_9, temper/ints_7)
    temper/Conv_11 = Conv(temper/Reshape_1, temper/Slice_10)
      {kernel_shape=[2], dilations=[1], group=1, pads=[0,1]}
    temper/Pad_13 = Pad(x, temper/ints_12)
    temper/Slice_17 = Slice(temper/Pad_13, temper/ints_14, temper/ints_15, temper/ints_9, temper/ints_16)
    temper/Slice_19 = Slice(temper/Pad_13, temper/ints_16, temper/ints_18, temper/ints_9, temper/ints_16)
    temper/Reshape_21 = Reshape(temper/Reshape_1, temper/ints_20)
    temper/Reshape_23 = Reshape(temper/Slice_17, temper/ints_22)
    temper/Reshape_24 = Reshape(temper/Slice_19, temper/ints_22)
    temper/Concat_25 = Concat(temper/Reshape_23, temper/Reshape_24) {axis=3}
    temper/Reshape_26 = Reshape(temper/Concat_25, temper/ints_20)
    temper/Transpose_27 = Transpose(temper/Reshape_21) {perm=[0,1,3,2]}
    temper/MatMul_28 = MatMul(temper/Reshape_26, temper/Transpose_27)
    temper/ReduceSum_29 = ReduceSum(temper/MatMul_28, temper/ints_14) {keepdims=0}
    temper/Transpose_30 = Transpose(temper/ReduceSum_29) {perm=[0,2,1]}
    temper/Reshape_32 = Reshape(temper/Transpose_30, temper/ints_31)
    temper/ReduceSum_33 = ReduceSum(temper/Reshape_1, temper/ints_9) {keepdims=0}
    temper/ReduceSum_34 = ReduceSum(temper/ReduceSum_33, temper/ints_14) {keepdims=0}
    output logits, temper/Conv_11, temper/Reshape_32, temper/ReduceSum_34"
  `);
  expect(backward(conv({ strides: [2] }), ["x"])).toMatchInlineSnapshot(`
    "const temper/ints_0: int64[3] {-1, 2, 2}
    temper/Reshape_1 = Reshape(temper/covector, temper/ints_0)
    temper/ConvTranspose_2 = ConvTranspose(temper/Reshape_1, w)
      {kernel_shape=[2], strides=[2], dilations=[1], group=1, pads=[0,0], output_padding=[0]}
    output logits, temper/ConvTranspose_2"
  `);
});

test("an empty auto_pad is none, as onnxruntime reads it", () => {
  // The evaluator knows no such auto_pad.
  const [stated, plain] = [conv({ pads: [1, 0], auto_pad: "" }), conv({ pads: [1, 0] })];
  const shapes = measureShapes(plain);
  const [a, b] = [stated, plain].map((g) =>
    gradientProgram(g, { shapes, seed: "weights", wrt: ["x", "w"] }).graph.nodes.slice(2),
  );
  expect(a).toEqual(b);
});

test("a residual block: the gradients of both branches are added", () => {
  const block = graph({
    inputs: { x: ["batch", 1, 3] },
    initializers: { ...flat, w: zeros(1, 1, 1), v: zeros(1, 1, 1) },
    nodes: [
      node("Conv", ["x", "w"], ["c"]),
      node("Relu", ["c"], ["h"]),
      node("Conv", ["h", "v"], ["d"]),
      node("Add", ["d", "h"], ["y"]),
      ...tail,
    ],
    outputs: ["logits"],
  });
  expect(backward(block, ["x", "v"])).toMatchInlineSnapshot(`
    "const temper/ints_0: int64[3] {-1, 1, 3}
    const temper/ints_2: int64[4] {1, 1, 1, 1}
    const temper/ints_5: int64[3] {1, 1, 1}
    const temper/ints_7: int64[1] {-1}
    const temper/ints_8: int64[1] {-2147483648}
    const temper/ints_9: int64[1] {2}
    const temper/ints_12: int64[1] {0}
    const temper/ints_13: int64[1] {3}
    const temper/ints_14: int64[1] {1}
    const temper/ints_16: int64[4] {-1, 1, 1, 3}
    const temper/ints_18: int64[5] {-1, 1, 1, 1, 3}
    const temper/floats_28: float32[] {0}
    temper/Reshape_1 = Reshape(temper/covector, temper/ints_0)
    temper/Reshape_3 = Reshape(v, temper/ints_2)
    temper/Transpose_4 = Transpose(temper/Reshape_3) {perm=[0,2,1,3]}
    temper/Reshape_6 = Reshape(temper/Transpose_4, temper/ints_5)
    temper/Slice_10 = Slice(temper/Reshape_6, temper/ints_7, temper/ints_8, temper/ints_9, temper/ints_7)
    temper/Conv_11 = Conv(temper/Reshape_1, temper/Slice_10)
      {kernel_shape=[1], dilations=[1], group=1, pads=[0,0]}
    temper/Slice_15 = Slice(h, temper/ints_12, temper/ints_13, temper/ints_9, temper/ints_14)
    temper/Reshape_17 = Reshape(temper/Reshape_1, temper/ints_16)
    temper/Reshape_19 = Reshape(temper/Slice_15, temper/ints_18)
    temper/Concat_20 = Concat(temper/Reshape_19) {axis=3}
    temper/Reshape_21 = Reshape(temper/Concat_20, temper/ints_16)
    temper/Transpose_22 = Transpose(temper/Reshape_17) {perm=[0,1,3,2]}
    temper/MatMul_23 = MatMul(temper/Reshape_21, temper/Transpose_22)
    temper/ReduceSum_24 = ReduceSum(temper/MatMul_23, temper/ints_12) {keepdims=0}
    temper/Transpose_25 = Transpose(temper/ReduceSum_24) {perm=[0,2,1]}
    temper/Reshape_26 = Reshape(temper/Transpose_25, temper/ints_5)
    temper/Add_27 = Add(temper/Reshape_1, temper/Conv_11)
    temper/Greater_29 = Greater(h, temper/floats_28)
    temper/Where_30 = Where(temper/Greater_29, temper/Add_27, temper/floats_28)
    temper/Reshape_31 = Reshape(w, temper/ints_2)
    temper/Transpose_32 = Transpose(temper/Reshape_31) {perm=[0,2,1,3]}
    temper/Reshape_33 = Reshape(temper/Transpose_32, temper/ints_5)
    temper/Slice_34 = Slice(temper/Reshape_33, temper/ints_7, temper/ints_8, temper/ints_9, temper/ints_7)
    temper/Conv_35 = Conv(temper/Where_30, temper/Slice_34)
      {kernel_shape=[1], dilations=[1], group=1, pads=[0,0]}
    output logits, temper/Conv_35, temper/Reshape_26"
  `);
});

test("batch normalization after a convolution: its weights take it in, and no gradient passes it", () => {
  const norm = { scale: zeros(2), bias: zeros(2), mean: zeros(2), variance: zeros(2) };
  const normalized = graph({
    inputs: { x: ["batch", 1, 4] },
    initializers: { ...flat, w: zeros(2, 1, 2), ...norm },
    nodes: [
      node("Conv", ["x", "w"], ["c"]),
      node("BatchNormalization", ["c", ...Object.keys(norm)], ["y"]),
      ...tail,
    ],
    outputs: ["logits"],
  });
  const shapes = measureShapes(normalized);
  const { graph: whole } = gradientProgram(normalized, { shapes, seed: "weights", wrt: ["scale"] });
  expect(printGraph({ ...whole, initializers: new Map() })).toMatchInlineSnapshot(`
    "input x: float32[batch, 1, 4]
    input temper/covector: float32[batch, 6]
    temper/fold/Add_1 = Add(variance, temper/fold/floats_0)
    temper/fold/Sqrt_2 = Sqrt(temper/fold/Add_1)
    temper/fold/Div_3 = Div(scale, temper/fold/Sqrt_2)
    temper/fold/Reshape_5 = Reshape(temper/fold/Div_3, temper/fold/ints_4)
    temper/fold/Mul_6 = Mul(w, temper/fold/Reshape_5)
    temper/fold/Neg_7 = Neg(mean)
    temper/fold/Mul_8 = Mul(temper/fold/Neg_7, temper/fold/Div_3)
    temper/fold/Add_9 = Add(temper/fold/Mul_8, bias)
    y = Conv(x, temper/fold/Mul_6, temper/fold/Add_9)
    logits = Reshape(y, rows)
    temper/Reshape_1 = Reshape(temper/covector, temper/ints_0)
    temper/Slice_6 = Slice(x, temper/ints_2, temper/ints_3, temper/ints_4, temper/ints_5)
    temper/Slice_8 = Slice(x, temper/ints_5, temper/ints_7, temper/ints_4, temper/ints_5)
    temper/Reshape_10 = Reshape(temper/Reshape_1, temper/ints_9)
    temper/Reshape_12 = Reshape(temper/Slice_6, temper/ints_11)
    temper/Reshape_13 = Reshape(temper/Slice_8, temper/ints_11)
    temper/Concat_14 = Concat(temper/Reshape_12, temper/Reshape_13) {axis=3}
    temper/Reshape_15 = Reshape(temper/Concat_14, temper/ints_9)
    temper/Transpose_16 = Transpose(temper/Reshape_10) {perm=[0,1,3,2]}
    temper/MatMul_17 = MatMul(temper/Reshape_15, temper/Transpose_16)
    temper/ReduceSum_18 = ReduceSum(temper/MatMul_17, temper/ints_2) {keepdims=0}
    temper/Transpose_19 = Transpose(temper/ReduceSum_18) {perm=[0,2,1]}
    temper/Reshape_21 = Reshape(temper/Transpose_19, temper/ints_20)
    temper/ReduceSum_22 = ReduceSum(temper/Reshape_1, temper/ints_4) {keepdims=0}
    temper/ReduceSum_23 = ReduceSum(temper/ReduceSum_22, temper/ints_2) {keepdims=0}
    temper/Mul_24 = Mul(temper/ReduceSum_23, temper/fold/Neg_7)
    temper/Mul_25 = Mul(temper/Reshape_21, w)
    temper/ReduceSum_26 = ReduceSum(temper/Mul_25, temper/ints_4) {keepdims=0}
    temper/Reshape_28 = Reshape(temper/ReduceSum_26, temper/ints_27)
    temper/Reshape_29 = Reshape(temper/Reshape_28, temper/ints_4)
    temper/Add_30 = Add(temper/Mul_24, temper/Reshape_29)
    temper/Div_31 = Div(temper/Add_30, temper/fold/Sqrt_2)
    output logits, temper/Div_31"
  `);
});
