// Older operator sets: each old form, as onnxruntime runs it at its own opset, against the graph lifted to 18.
import { describe, expect, test } from "vitest";
import { differences } from "../src/onnx/differences.ts";
import type { Attribute, Graph, Tensor } from "../src/onnx/graph.ts";
import { liftGraph } from "../src/onnx/lift.ts";
import { NEWEST_OPSET, readGraph } from "../src/onnx/read.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import type { NDArray } from "./helpers/evaluate/array.ts";
import { evaluateGraph } from "./helpers/evaluate/evaluate.ts";
import { graph, int64s, node, tensor } from "./helpers/graph-builder.ts";
import { batchNorm, drawing, forms, size } from "./helpers/old-forms.ts";
import { runOnnxruntime } from "./helpers/onnxruntime.ts";
import { randomArray } from "./helpers/random-array.ts";

const TRIES = 20;

describe("an old form is lifted to the same function", () => {
  test.each(forms)("$name", async ({ opsets: [first, last], draw }) => {
    const random = randomStream(1, last);
    const r = drawing(random);
    for (let k = 0; k < TRIES; k++) {
      const { x, nodes: drawn, initializers = {}, outputs = ["y"] } = draw(r);
      // MXNet calls a node what it calls its output, and onnxruntime allows each name once.
      const nodes = k % 2 === 0 ? drawn : drawn.map((n) => ({ ...n, name: n.outputs[0] }));
      const opset = r.int(first, last);
      const old = graph({ opset, inputs: { x }, initializers, nodes, outputs });
      const lifted = liftGraph(readGraph(writeGraph(old)));
      expect(lifted.opset).toBe(18);
      // Positive numbers, whose logarithms exist.
      const data = randomArray(random, size(x)).map((v) => Math.abs(v) + 0.1);
      const feeds = new Map([["x", { dims: x, data, integer: false }]]);
      const [before, after] = [
        await runOnnxruntime(old, feeds),
        await runOnnxruntime(lifted, feeds),
      ];
      for (const name of outputs) {
        const [theirs, ours] = [before.get(name)!, after.get(name)!];
        expect(ours.dims).toEqual(theirs.dims);
        for (const [i, v] of ours.data.entries()) expect(v).toBeCloseTo(theirs.data[i], 5);
      }
    }
  });

  test("BatchNormalization in training mode is refused", () => {
    const { x, nodes, initializers } = batchNorm(drawing(randomStream(1)), [2, 3, 3, 2], 1);
    const outputs = ["y", "mean", "variance", "saved mean", "saved variance"];
    const training = nodes.map((norm) => ({ ...norm, outputs }));
    const old = graph({
      opset: 8,
      inputs: { x },
      initializers: initializers!,
      nodes: training,
      outputs: ["y"],
    });
    expect(() => liftGraph(old)).toThrow(/training mode.*\nexport the model in eval mode/);
  });

  test("every difference of the table is among them", () => {
    const tried = new Set(
      forms.flatMap(({ draw }) => draw(drawing(randomStream(1))).nodes).map(({ op }) => op),
    );
    expect([...differences.keys()].filter((op) => !tried.has(op))).toEqual([]);
  });
});

test("the newest operator set that is read is the newest that onnxruntime runs", async () => {
  const run = (opset: number) => {
    const nodes = [node("Relu", ["x"], ["y"])];
    const feeds = new Map([["x", { dims: [1], data: Float64Array.of(1), integer: false }]]);
    return runOnnxruntime(graph({ opset, inputs: { x: [1] }, nodes, outputs: ["y"] }), feeds);
  };
  expect((await run(NEWEST_OPSET)).has("y")).toBe(true);
  await expect(run(NEWEST_OPSET + 1)).rejects.toThrow(/opset/);
});

describe("a whole graph", () => {
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
