// Two model files compared: planted changes are found, and what is no change of a weight is told.
import { describe, expect, it } from "vitest";
import { compareModels } from "../src/onnx/compare.ts";
import type { ModelBytes } from "../src/onnx/external.ts";
import type { Graph } from "../src/onnx/graph.ts";
import { patchModel } from "../src/onnx/patch.ts";
import { readGraph } from "../src/onnx/read.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { sketch } from "./helpers/sketch.ts";

const small = sketch({ shape: [4] }, (s, x) => {
  const hidden = s.op("Relu", [s.op("Gemm", [x, s.weight([4, 6]), s.weight([6])])]);
  return s.op("Gemm", [hidden, s.weight([6, 3]), s.floats([3], [0, 0, 0])]);
});

const filed = (graph: Graph): ModelBytes => ({
  file: writeGraph(graph),
  externalData: new Map(),
});

describe("compareModels", () => {
  const a = filed(small);
  const [first, , , last] = [...readGraph(a.file).initializers];

  it("finds a model the same as itself", () => {
    expect(compareModels(a, a)).toEqual({ moved: [], nothingElse: true, others: [] });
  });

  it("finds the planted change of a tensor, and nothing else", () => {
    const [name, { dims, values }] = first;
    const changed = Float32Array.from(values as Float32Array);
    changed[2] += 3;
    changed[7] -= 4;
    const { moved, nothingElse, others } = compareModels(
      a,
      patchModel(a, new Map([[name, changed]])),
    );
    expect({ nothingElse, others }).toEqual({ nothingElse: true, others: [] });
    expect(moved).toHaveLength(1);
    expect(moved[0]).toMatchObject({ name, dims, share: 2 / 24 });
    expect(moved[0].change).toBeCloseTo(5, 5);
    expect(moved[0].largest).toBeCloseTo(4, 5);
    expect(moved[0].norm).toBeCloseTo(Math.hypot(...(values as Float32Array)), 5);
  });

  it("measures a tensor of zeros that moved", () => {
    const [name] = last;
    const { moved } = compareModels(a, patchModel(a, new Map([[name, Float32Array.of(0, 2, 0)]])));
    expect(moved).toEqual([{ name, dims: [3], change: 2, norm: 0, largest: 2, share: 1 / 3 }]);
  });

  it.each<[string, Graph, RegExp]>([
    [
      "another operator",
      { ...small, nodes: small.nodes.map((n) => (n.op === "Relu" ? { ...n, op: "Tanh" } : n)) },
      /nodes/,
    ],
    ["another operator set", { ...small, opset: 18 }, /operator sets/],
    [
      "a tensor more",
      { ...small, initializers: new Map([...small.initializers, ["more", last[1]]]) },
      /"more" is new/,
    ],
  ])("tells of %s", (_, other, told) => {
    const { nothingElse, others } = compareModels(a, filed(other));
    expect(nothingElse).toBe(false);
    expect(others.join("; ")).toMatch(told);
  });

  it("tells of a producer's name that differs, which no tensor shows", () => {
    const bytes = new Uint8Array([...a.file, ...[0x12, 1, 0x78]]); // producer_name = "x", field 2 of ModelProto
    expect(compareModels(a, { ...a, file: bytes })).toEqual({
      moved: [],
      nothingElse: false,
      others: [],
    });
  });
});
