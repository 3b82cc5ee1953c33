// ONNX files: what is written is read back, typed storage, and printing.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readGraph } from "../src/onnx/read.ts";
import { layOut, thetaOf } from "../src/onnx/theta.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { graph, int64s, node, tensor } from "./helpers/graph-builder.ts";
import { modelFile, rawFloats, unpackedInitializer, withGraphBytes } from "./helpers/model-file.ts";
import { runOnnxruntime } from "./helpers/onnxruntime.ts";
import { printGraph } from "./helpers/print.ts";
import { randomGraph } from "./helpers/random-graph.ts";
import { batchNorm, conv, dense, sketch } from "./helpers/sketch.ts";

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

describe("a file as onnxruntime takes it", () => {
  const neg = (input: string, output: string) => ({
    opType: "Neg",
    name: output,
    input: [input],
    output: [output],
  });

  test("nodes out of order are sorted, and what is in order stays as it is", () => {
    const order = (file: Uint8Array): string[] => readGraph(file).nodes.map(({ name }) => name);
    const parts = [neg("x", "a"), neg("a", "b"), neg("x", "c"), neg("b", "y")];
    expect(order(modelFile({ node: parts }))).toEqual(["a", "b", "c", "y"]);
    expect(order(modelFile({ node: parts.toReversed() }))).toEqual(["a", "b", "y", "c"]);
    const deep = Array.from({ length: 20_000 }, (_, i) =>
      neg(i === 0 ? "x" : `v${i}`, `v${i + 1}`),
    );
    const last = neg("v20000", "y");
    expect(order(modelFile({ node: [last, ...deep.toReversed()] }))).toEqual(
      [...deep, last].map(({ name }) => name),
    );
  });

  test("weights lie in one piece, statistics apart, so that theta is no second copy of them", () => {
    const read = readGraph(
      writeGraph(
        sketch({ shape: [2, 3, 3] }, (s, x) => {
          const h = batchNorm(s, conv(s, x, [4, 2, 3, 3]), 4);
          return dense(s, s.op("Flatten", [h]), 4, 3);
        }),
      ),
    );
    const statistics = read.nodes.find(({ op }) => op === "BatchNormalization")!.inputs.slice(3);
    const weights = [...read.initializers.entries()].filter(([name]) => !statistics.includes(name));
    const inOrder = (all: typeof weights) =>
      thetaOf(read, layOut(all.map(([name, tensor]) => ({ name, tensor, kind: "weight" }))));
    const numbers = (all: typeof weights) =>
      all.flatMap(([, { values }]) => Array.from(values as Float32Array));
    expect(inOrder(weights).buffer).toBe(weights[0][1].values.buffer);
    expect(Array.from(inOrder(weights))).toEqual(numbers(weights));
    const reversed = weights.toReversed();
    expect(inOrder(reversed).buffer).not.toBe(weights[0][1].values.buffer);
    expect(Array.from(inOrder(reversed))).toEqual(numbers(reversed));
  });

  test("of two initializers with one name the last counts", async () => {
    const w = (value: number) => ({ name: "w", dims: [1n], dataType: 1, floatData: [value] });
    const file = modelFile({
      initializer: [w(2), w(3)],
      node: [{ opType: "Add", input: ["x", "w"], output: ["y"] }],
    });
    expect(readGraph(file).initializers.get("w")!.values).toEqual(Float32Array.of(3));
  });

  test("an operator from another set keeps the set's name, and is written back with it", async () => {
    const file = modelFile(
      { node: [{ opType: "Gelu", domain: "com.microsoft", input: ["x"], output: ["y"] }] },
      {
        opsetImport: [
          { domain: "ai.onnx", version: 13n },
          { domain: "com.microsoft", version: 1n },
          { domain: "unused", version: 1n },
        ],
      },
    );
    const read = readGraph(file);
    expect(read.nodes[0].op).toBe("com.microsoft.Gelu");
    expect(readGraph(writeGraph(read))).toEqual({ ...read, name: "test" });
    const x = { dims: [1, 2], data: Float64Array.of(1, -1), integer: false };
    const { data } = (await runOnnxruntime(read, new Map([["x", x]]))).get("y")!;
    expect(data[0]).toBeCloseTo(0.8413, 4);
    expect(data[1]).toBeCloseTo(-0.1587, 4);
  });
});

describe("a model's own functions are written out", () => {
  /** scaled(x) = scale * x + shift(x), shift(x) = x + 1, both of the set "own". */
  const attribute = (name: string, value: object) => ({ name, ...value });
  const one = { name: "", dims: [], dataType: 1, floatData: [1] };
  const shift = {
    name: "shift",
    domain: "own",
    input: ["a"],
    output: ["b"],
    node: [
      { opType: "Constant", output: ["t"], attribute: [attribute("value", { type: 4, t: one })] },
      { opType: "Add", input: ["a", "t"], output: ["b"] },
    ],
  };
  const scaled = {
    name: "scaled",
    domain: "own",
    input: ["x"],
    output: ["y"],
    attribute: ["scale"],
    node: [
      {
        opType: "Constant",
        output: ["t"],
        attribute: [attribute("value_float", { type: 1, refAttrName: "scale" })],
      },
      { opType: "Mul", input: ["x", "t"], output: ["m"] },
      { opType: "shift", domain: "own", input: ["x"], output: ["s"] },
      { opType: "Add", input: ["m", "s"], output: ["y"] },
    ],
  };
  const call = (input: string, output: string, scale: number) => ({
    opType: "scaled",
    domain: "own",
    input: [input],
    output: [output],
    attribute: [attribute("scale", { type: 1, f: scale })],
  });
  const opsetImport = ["", "own"].map((domain) => ({ domain, version: 13n }));

  test("to what onnxruntime makes of the calls", async () => {
    const node = [call("x", "z", 2), call("z", "y", 3)];
    const file = modelFile({ node }, { functions: [scaled, shift], opsetImport });
    const graph = readGraph(file);
    expect(graph.nodes.map(({ op }) => op)).not.toContain("own.scaled");
    const x = { dims: [1, 2], data: Float64Array.of(1, -2), integer: false };
    const { data } = (await runOnnxruntime(graph, new Map([["x", x]]))).get("y")!;
    // y = 4 (3 x + 1) + 1
    expect([...data]).toEqual([17, -19]);
  });

  test("unless one calls itself", () => {
    const loop = { ...shift, node: [{ ...call("a", "b", 1), opType: "shift" }] };
    const node = [{ opType: "shift", domain: "own", input: ["x"], output: ["y"] }];
    const file = modelFile({ node }, { functions: [loop], opsetImport });
    expect(() => readGraph(file)).toThrow('the function "shift" calls itself');
  });
});
