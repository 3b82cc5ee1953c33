// Which tensors are theta: each clause of the rule on a graph of its own.
import { describe, expect, test } from "vitest";
import { trainableParameters } from "../src/autodiff/trainable.ts";
import type { ElementType, Node, Tensor } from "../src/onnx/graph.ts";
import { constantValue } from "../src/onnx/lift.ts";
import { graph, int64s, node, tensor } from "./helpers/graph-builder.ts";

/** A tensor that counts up from 1. */
const some = (dims: readonly number[], type: ElementType = "float32"): Tensor =>
  tensor(
    dims,
    Array.from({ length: dims.reduce((a, c) => a * c, 1) }, (_, i) => i + 1),
    type,
  );

const vector = some([2]);
const matrix = some([2, 2]);
const kernel = some([2, 2, 1, 1]);

/** theta of a graph from x to y, each tensor as "name kind". */
function trainable(
  nodes: readonly Node[],
  initializers: Readonly<Record<string, Tensor>>,
  pattern?: string,
) {
  const read = graph({ inputs: { x: ["batch", 2, 2, 2] }, initializers, nodes, outputs: ["y"] });
  const constants = new Map(
    nodes
      .filter(({ op }) => op === "Constant")
      .map((n) => [n.outputs[0], constantValue(n)] as const),
  );
  return trainableParameters(read, constants, "y", pattern);
}

const named = (...args: Parameters<typeof trainable>): string[] =>
  trainable(...args).map(({ name, kind }) => `${name} ${kind}`);

const conv = (from: string, to: string, ...more: string[]): Node =>
  node("Conv", [from, "w", ...more], [to]);

describe("theta", () => {
  test("has every float initializer of a layer, in the order of the file, with its place", () => {
    const initializers = {
      b2: vector,
      w: kernel,
      unused: matrix,
      s: int64s(0, -1),
      b: vector,
      v: some([8, 2]),
    };
    const nodes = [
      conv("x", "c", "b"),
      node("Reshape", ["c", "s"], ["r"]),
      node("Gemm", ["r", "v", "b2"], ["y"]),
    ];
    expect(trainable(nodes, initializers)).toEqual([
      { name: "b2", shape: [2], offset: 0, size: 2, kind: "bias" },
      { name: "w", shape: [2, 2, 1, 1], offset: 2, size: 4, kind: "weight" },
      { name: "b", shape: [2], offset: 6, size: 2, kind: "bias" },
      { name: "v", shape: [8, 2], offset: 8, size: 16, kind: "weight" },
    ]);
  });

  test("has scale and bias of a normalisation, not its running statistics", () => {
    const inputs = ["c", "scale", "bias", "mean", "variance"];
    const initializers = {
      w: kernel,
      ...Object.fromEntries(inputs.slice(1).map((n) => [n, vector])),
    };
    expect(
      named([conv("x", "c"), node("BatchNormalization", inputs, ["y"])], initializers),
    ).toEqual(["w weight", "scale weight", "bias bias"]);
    // An exporter that stores equal tensors once may make the mean of the bias.
    const shared = node("BatchNormalization", ["c", "scale", "mean", "mean", "variance"], ["y"]);
    expect(named([conv("x", "c"), shared], initializers)).toEqual(["w weight", "scale weight"]);
    // PyTorch's writes a copy.
    const copy = node("Identity", ["scale"], ["of scale"]);
    const copied = node("BatchNormalization", ["c", "scale", "bias", "mean", "of scale"], ["y"]);
    expect(named([copy, conv("x", "c"), copied], initializers)).toEqual(["w weight", "bias bias"]);
  });

  test("has no bounds, exponents, scalars, and nothing of another type", () => {
    const nodes = [
      conv("x", "c"),
      node("Clip", ["c", "bound", ""], ["d"]),
      node("Pow", ["d", "exponent"], ["e"]),
      node("Max", ["e", "floor"], ["max"]),
      node("Mul", ["max", "scalar"], ["f"]),
      node("Cast", ["f"], ["g"], { to: 11 }),
      node("Add", ["g", "double"], ["y"]),
    ];
    const double = some([2], "float64");
    const initializers = {
      w: kernel,
      bound: some([]),
      exponent: vector,
      floor: vector,
      scalar: some([]),
      double,
    };
    expect(named(nodes, initializers)).toEqual(["w weight"]);
  });

  test("reaches through a computed exponent, and through the larger of two layers", () => {
    const nodes = [
      node("MatMul", ["x", "w"], ["a"]),
      node("MatMul", ["x", "v"], ["b"]),
      node("Max", ["a", "b"], ["m"]),
      node("Mul", ["m", "u"], ["e"]),
      node("Pow", ["m", "e"], ["y"]),
    ];
    expect(named(nodes, { w: matrix, v: matrix, u: vector })).toEqual([
      "w weight",
      "v weight",
      "u weight",
    ]);
  });

  test("has what multiplies and adds after the first layer; an added vector is a bias", () => {
    const nodes = [conv("x", "c"), node("Mul", ["c", "m"], ["d"]), node("Add", ["a", "d"], ["y"])];
    expect(named(nodes, { w: kernel, m: vector, a: vector })).toEqual([
      "w weight",
      "m weight",
      "a bias",
    ]);
    expect(named(nodes, { w: kernel, m: vector, a: some([2, 1, 1]) }).at(-1)).toBe("a weight");
  });

  test("has weights that reach their layer through operators without a gradient rule", () => {
    const nodes = [
      node("Sin", ["w"], ["v"]),
      node("Conv", ["x", "v"], ["c"]),
      node("PRelu", ["c", "slope"], ["y"]),
    ];
    expect(named(nodes, { w: kernel, slope: vector })).toEqual(["w weight", "slope weight"]);
  });

  test("has a tensor that two layers share once", () => {
    const nodes = [
      node("MatMul", ["x", "w"], ["h"]),
      node("MatMul", ["h", "w"], ["i"]),
      node("Add", ["i", "b"], ["j"]),
      node("Add", ["j", "b"], ["y"]),
    ];
    expect(named(nodes, { w: matrix, b: vector })).toEqual(["w weight", "b bias"]);
  });

  test("has nothing that only integers and truth values are made of", () => {
    const nodes = [
      conv("x", "c"),
      node("Gather", ["sizes", "index"], ["size"]),
      node("Shape", ["table"], ["s"]),
      node("Reshape", ["c", "s"], ["d"]),
      node("Greater", ["d", "threshold"], ["p"]),
      node("Where", ["p", "d", "instead"], ["y"]),
    ];
    const initializers = {
      w: kernel,
      sizes: vector,
      index: int64s(0),
      table: matrix,
      threshold: vector,
      instead: vector,
    };
    expect(named(nodes, initializers)).toEqual(["w weight", "instead weight"]);
  });

  test("has nothing that does not reach the logits", () => {
    const nodes = [conv("x", "y"), node("Conv", ["y", "v"], ["z"])];
    expect(named(nodes, { w: kernel, v: kernel })).toEqual(["w weight"]);
  });
});

describe("constants applied to the image before the first layer", () => {
  const prepared = [
    node("Sub", ["x", "mean"], ["centred"]),
    node("Div", ["centred", "std"], ["normal"]),
  ];
  const statistics = { mean: some([2, 1, 1]), std: some([2, 1, 1]) };

  test.each([
    ["Conv", kernel],
    ["MatMul", matrix],
  ])("are not theta (%s)", (op, w) => {
    const nodes = [...prepared, node(op, ["normal", "w"], ["y"])];
    expect(named(nodes, { ...statistics, w })).toEqual(["w weight"]);
  });

  test("not when they are computed first, nor as a batch normalisation", () => {
    const computed = [
      node("Add", ["std", "epsilon"], ["s"]),
      node("Div", ["x", "s"], ["normal"]),
      node("BatchNormalization", ["normal", "mean", "mean", "mean", "mean"], ["n"]),
      conv("n", "y"),
    ];
    expect(named(computed, { ...statistics, epsilon: vector, w: kernel })).toEqual(["w weight"]);
  });

  test("but after it they are, also where the image joins again", () => {
    const nodes = [
      ...prepared,
      conv("normal", "c"),
      node("Add", ["c", "normal"], ["d"]),
      node("Mul", ["d", "scale"], ["y"]),
    ];
    expect(named(nodes, { ...statistics, w: kernel, scale: vector })).toEqual([
      "w weight",
      "scale weight",
    ]);
  });
});

describe("Constant nodes", () => {
  const constant = (name: string, value: Tensor): Node => node("Constant", [], [name], { value });

  test.each(["Conv", "ConvTranspose"])(
    "are theta as weight and bias of %s, after the initializers",
    (op) => {
      const nodes = [
        constant("w", kernel),
        constant("b", vector),
        node(op, ["x", "w", "b"], ["c"]),
        node("Conv", ["c", "v"], ["y"]),
      ];
      expect(named(nodes, { v: kernel })).toEqual(["v weight", "w weight", "b bias"]);
    },
  );

  test("are theta in Gemm and MatMul, and nowhere else", () => {
    const nodes = [
      constant("w", matrix),
      constant("v", matrix),
      constant("b", vector),
      constant("a", vector),
      node("Flatten", ["x"], ["f"]),
      node("MatMul", ["f", "w"], ["g"]),
      node("Add", ["g", "a"], ["h"]),
      node("Gemm", ["h", "v", "b"], ["y"]),
    ];
    expect(named(nodes, {})).toEqual(["w weight", "v weight", "b bias"]);
  });
});

describe("a part of theta", () => {
  const initializers = {
    w: kernel,
    b: vector,
    "fc.w": some([8, 3]),
    "fc.b": some([3]),
    "out.w": some([3, 2]),
    "out.b": vector,
  };
  const nodes = [
    conv("x", "c", "b"),
    node("Flatten", ["c"], ["f"]),
    node("Gemm", ["f", "fc.w", "fc.b"], ["h"]),
    node("MatMul", ["h", "out.w"], ["s"]),
    node("Add", ["s", "out.b"], ["y"]),
  ];
  const selected = (pattern: string): string[] =>
    trainable(nodes, initializers, pattern).map(({ name, offset }) => `${name} ${offset}`);

  test("is laid out anew", () => {
    expect(selected("fc.*")).toEqual(["fc.w 0", "fc.b 24"]);
    expect(selected("w, ???.b")).toEqual(["w 0", "out.b 4"]);
    expect(selected("*.b")).toEqual(["fc.b 0", "out.b 3"]);
  });

  test("last is the last dense layer, with the bias that an Add gives a MatMul", () => {
    expect(selected("last")).toEqual(["out.w 0", "out.b 6"]);
  });

  test("last may be a convolution, and is the last layer that has a weight", () => {
    const squeezed = [
      ...nodes.slice(0, 1),
      node("Conv", ["c", "head", "head.b"], ["d"]),
      node("MatMul", ["d", "d"], ["e"]),
      node("GlobalAveragePool", ["e"], ["y"]),
    ];
    const head = { "head.b": vector, head: kernel };
    const names = trainable(squeezed, { ...initializers, ...head }, "last").map(({ name }) => name);
    expect(names).toEqual(["head.b", "head"]);
  });

  test("last looks through a transposed copy, as exporters write it", () => {
    const copied = [
      node("Flatten", ["x"], ["f"]),
      node("Transpose", ["w"], ["t"]),
      node("Identity", ["t"], ["u"]),
      node("MatMul", ["f", "u"], ["y"]),
    ];
    const names = trainable(copied, { w: matrix, v: vector }, "last").map(({ name }) => name);
    expect(names).toEqual(["w"]);
  });

  test("that is empty is refused with the names there are; a dot is a dot", () => {
    expect(() => selected("fcxw")).toThrow(
      'trainable "fcxw" selects none of the model\'s tensors: w, b, fc.w',
    );
  });
});
