// ONNX files: what is written is read back, typed storage, printing, and lifting to the gradient's opset.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Attribute, Graph, Tensor } from "../src/onnx/graph.ts";
import { liftGraph } from "../src/onnx/lift.ts";
import { readGraph } from "../src/onnx/read.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import type { NDArray } from "./helpers/evaluate/array.ts";
import { evaluateGraph } from "./helpers/evaluate/evaluate.ts";
import { graph, int64s, node, tensor } from "./helpers/graph-builder.ts";
import { modelFile, rawFloats, unpackedInitializer, withGraphBytes } from "./helpers/model-file.ts";
import { runOnnxruntime } from "./helpers/onnxruntime.ts";
import { printGraph } from "./helpers/print.ts";
import { randomArray } from "./helpers/random-array.ts";
import { randomGraph } from "./helpers/random-graph.ts";

describe("reading", () => {
  test("gives back what was written, over random graphs", () => {
    fc.assert(
      fc.property(randomGraph(), (written) => {
        expect(readGraph(writeGraph(written))).toEqual(written);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test("copies the values out of the file", () => {
    const file = writeGraph(
      graph({
        inputs: { x: [2] },
        initializers: { w: tensor([2], [1, 2]) },
        nodes: [node("Add", ["x", "w"], ["y"])],
        outputs: { y: [2] },
      }),
    );
    const read = readGraph(file);
    file.fill(0);
    expect(read.initializers.get("w")!.values).toEqual(Float32Array.of(1, 2));
  });

  test.each([
    ["raw_data", { dataType: 1, rawData: rawFloats([1.5, -2]) }, Float32Array.of(1.5, -2)],
    ["float_data", { dataType: 1, floatData: [1.5, -2] }, Float32Array.of(1.5, -2)],
    ["double_data", { dataType: 11, doubleData: [1.5, -2] }, Float64Array.of(1.5, -2)],
    ["int64_data", { dataType: 7, int64Data: [5n, -6n] }, BigInt64Array.of(5n, -6n)],
    ["int32_data", { dataType: 6, int32Data: [5, -6] }, Int32Array.of(5, -6)],
    ["int32_data as int8", { dataType: 3, int32Data: [5, -6] }, Int8Array.of(5, -6)],
    ["int32_data as uint8", { dataType: 2, int32Data: [5, 250] }, Uint8Array.of(5, 250)],
    ["int32_data as bool", { dataType: 9, int32Data: [1, 0] }, Uint8Array.of(1, 0)],
  ])("understands %s", (_, data, values) => {
    const read = readGraph(modelFile({ initializer: [{ name: "w", dims: [2n], ...data }] }));
    expect(read.initializers.get("w")).toMatchObject({ dims: [2], values });
  });

  test("understands numbers that are not packed", () => {
    const file = withGraphBytes(
      modelFile(),
      unpackedInitializer({ name: "w", dims: [3n], dataType: 1 }, { floats: [1.5, -2, 4] }),
      unpackedInitializer({ name: "i", dims: [1n, 2n], dataType: 7 }, { int64s: [-7, 8] }),
    );
    const { initializers } = readGraph(file);
    expect(initializers.get("w")!.values).toEqual(Float32Array.of(1.5, -2, 4));
    expect(initializers.get("i")!.values).toEqual(BigInt64Array.of(-7n, 8n));
  });

  test("does not count an initializer listed as an input, as files before IR version 4 do", () => {
    const type = { value: { case: "tensorType" as const, value: { elemType: 1 } } };
    const file = modelFile({
      input: ["x", "w"].map((name) => ({ name, type })),
      initializer: [{ name: "w", dims: [1n], dataType: 1, floatData: [2] }],
      node: [{ opType: "Add", input: ["x", "w"], output: ["y"] }],
    });
    expect(readGraph(file).inputs.map(({ name }) => name)).toEqual(["x"]);
  });
});

test("printing shows one line a value, small tensors whole", () => {
  const shown = graph({
    inputs: { x: ["batch", null, 3] },
    initializers: { axes: int64s(1, -1), w: tensor([3, 3], Array(9).fill(0)) },
    nodes: [
      node("ReduceMean", ["x", "axes"], ["m"], { keepdims: 0 }),
      node("Split", ["m"], ["a", "b"]),
      node("Clip", ["a", "", "b"], ["c"]),
      node("Constant", [], ["d"], { value: tensor([2], [0.5, 2]) }),
      node("Pad", ["c", "d"], ["y"], { mode: "edge", pads: [0, 1] }),
    ],
    outputs: ["y", "b"],
  });
  expect(printGraph(shown)).toMatchInlineSnapshot(`
    "input x: float32[batch, , 3]
    const axes: int64[2] {1, -1}
    const w: float32[3, 3]
    m = ReduceMean(x, axes) {keepdims=0}
    a, b = Split(m)
    c = Clip(a, , b)
    d = Constant() {value=float32[2] {0.5, 2}}
    y = Pad(c, d) {mode=edge, pads=[0,1]}
    output y, b"
  `);
});

describe("lifting", () => {
  const attributes = (g: Graph, op: string): ReadonlyMap<string, Attribute> =>
    g.nodes.find((n) => n.op === op)!.attributes;
  const bound = (value: number): Tensor => tensor([], [value]);

  /** Exports as they were at opset 11: axes as attributes, Dropout with a ratio, Softmax over flattened axes. */
  const old = graph({
    opset: 11,
    inputs: { x: [2, 3, 4] },
    initializers: { w: tensor([4, 4], randomArray(randomStream(1), 16)) },
    nodes: [
      node("Constant", [], ["low"], { value: bound(-1) }),
      node("Clip", ["x", "low"], ["clipped"]),
      node("MatMul", ["clipped", "w"], ["product"]),
      node("Dropout", ["product"], ["kept"], { ratio: 0.4 }),
      node("Unsqueeze", ["kept"], ["wide"], { axes: [0, 4] }),
      node("Squeeze", ["wide"], ["narrow"], { axes: [0] }),
      node("Softmax", ["narrow"], ["shares"]),
      node("LogSoftmax", ["narrow"], ["logs"], { axis: -2 }),
      node("Add", ["shares", "logs"], ["sum"]),
      node("ReduceMean", ["sum"], ["mean"], { axes: [-1], keepdims: 0 }),
      node("ReduceSum", ["mean"], ["total"], { axes: [1] }),
      node("ReduceMax", ["mean"], ["top"]),
      node("Add", ["total", "top"], ["y"]),
    ],
    outputs: { y: [2, 1, 4] },
  });
  const newer = graph({
    opset: 13,
    inputs: { x: [2, 3, 4] },
    initializers: { axes: int64s(1) },
    nodes: [
      node("Constant", [], ["scale"], { value_floats: [1, 2, 3, 4] }),
      node("Constant", [], ["shift"], { value_float: 0.5 }),
      node("Constant", [], ["sizes"], { value_ints: [0, 1, -1] }),
      node("Mul", ["x", "scale"], ["scaled"]),
      node("Add", ["scaled", "shift"], ["moved"]),
      node("Softmax", ["moved"], ["shares"]),
      node("ReduceMean", ["shares"], ["mean"], { axes: [1], keepdims: 0 }),
      node("ReduceSum", ["shares", "axes"], ["total"], { keepdims: 0 }),
      node("Add", ["mean", "total"], ["sum"]),
      node("Reshape", ["sum", "sizes"], ["y"]),
    ],
    outputs: { y: [2, 1, 4] },
  });
  const x: NDArray = { dims: [2, 3, 4], data: randomArray(randomStream(2), 24) };
  const feeds = new Map([["x", x]]);

  test.each([old, newer])("from opset $opset leaves the function as it is", async (before) => {
    const lifted = liftGraph(readGraph(writeGraph(before)));
    expect(lifted.opset).toBe(18);
    const expected = (await runOnnxruntime(before, feeds)).get("y")!;
    const ran = (await runOnnxruntime(lifted, feeds)).get("y")!;
    const evaluated = evaluateGraph(lifted, feeds, ["y"]).get("y")!;
    for (const result of [ran, evaluated]) {
      expect(result.dims).toEqual(expected.dims);
      for (const [i, v] of result.data.entries()) expect(v).toBeCloseTo(expected.data[i], 5);
    }
    expect(lifted.nodes.some(({ op }) => op === "Constant")).toBe(false);
  });

  test("leaves a newer graph alone but for its Constants", () => {
    const recent = { ...newer, opset: 21, nodes: newer.nodes.filter((n) => n.op === "Softmax") };
    expect(liftGraph(recent)).toEqual(recent);
    expect(attributes(liftGraph({ ...recent, opset: 13 }), "Softmax").size).toBe(0);
  });
});
