// What no gradient is derived of: each is refused by the node's name, with what to do.
import { describe, expect, test } from "vitest";
import { gradientProgram } from "../src/autodiff/programs.ts";
import type { Shape } from "../src/autodiff/shape.ts";
import { TemperError } from "../src/errors.ts";
import type { Graph, Node, Tensor } from "../src/onnx/graph.ts";
import { graph, int64s, node, tensor } from "./helpers/graph-builder.ts";
import { scalar } from "./helpers/operator-cases/case.ts";

interface Refused {
  readonly nodes: readonly Node[];
  /** Of every value but x and logits. */
  readonly shapes: Readonly<Record<string, Shape>>;
  readonly image?: readonly number[];
  readonly initializers?: Readonly<Record<string, Tensor>>;
}

/** The message with which the gradient in x of a graph that ends in y is refused. */
function refusal({ nodes, shapes, image = [2, 6, 6], initializers = {} }: Refused): string {
  const classifier = graph({
    inputs: { x: ["batch", ...image] },
    initializers,
    nodes: [...nodes, node("Flatten", ["y"], ["logits"])],
    outputs: ["logits"],
  });
  const known = Object.entries({ x: [-1, ...image], ...shapes, logits: [-1, 3] });
  try {
    gradientProgram(classifier, { shapes: new Map(known), seed: "weights", wrt: ["x"] });
  } catch (cause) {
    expect(cause).toBeInstanceOf(TemperError);
    expect((cause as TemperError).code).toBe("model-unsupported");
    const { message } = cause as Error;
    expect(message.split("\n").length).toBeLessThanOrEqual(3);
    return message;
  }
  throw new Error("nothing was refused");
}

/** The same for one node. */
function refusalOf(
  op: string,
  attributes: Parameters<typeof node>[3],
  { y = [-1, 2, 3, 3], ...more }: Partial<Refused> & { readonly y?: Shape } = {},
  inputs: readonly string[] = ["x"],
): string {
  const nodes = [node(op, inputs, ["y"], attributes, "it")];
  return refusal({ nodes, shapes: { y }, ...more });
}

test("operators without a rule: all of them in one message, those beside the path in none", () => {
  const chain = ["Sin", "Shrink", "Round"].map((op, i) =>
    node(op, [i === 0 ? "x" : `v${i}`], [`v${i + 1}`], {}, `${op} ${i}`),
  );
  const beside = [node("Hardmax", ["x"], ["h"]), node("Shape", ["v3"], ["s"])];
  const nodes = [...beside, ...chain, node("Reshape", ["v3", "s"], ["y"])];
  expect(refusal({ nodes, shapes: {} })).toBe(
    'no gradient rule for Sin "Sin 0", Shrink "Shrink 1", Round "Round 2"\n' +
      '"temper inspect" lists every operator and whether it has a rule',
  );
  const many = Array.from({ length: 7 }, (_, i) =>
    node("Sin", [i === 0 ? "x" : `v${i}`], [i === 6 ? "y" : `v${i + 1}`]),
  );
  expect(refusal({ nodes: many, shapes: {} })).toMatch(/"v4" and 3 more\n/);
});

test("an operator without a rule before the last layer: what would work is said", () => {
  const classifier = (last: Node): Graph =>
    graph({
      inputs: { x: ["batch", 2] },
      initializers: { v: tensor([2], [1, 2]), w: tensor([2, 2], [1, 2, 3, 4]) },
      nodes: [
        node("Mul", ["x", "v"], ["m"]),
        node("Sin", ["m"], ["s"], {}, "sin"),
        node("MatMul", ["s", "w"], ["h"]),
        last,
      ],
      outputs: ["logits"],
    });
  const refused = (last: Node, ...wrt: readonly string[]): string => {
    const shape = [-1, 2];
    const shapes = new Map(["x", "m", "s", "h", "logits"].map((name) => [name, shape]));
    try {
      gradientProgram(classifier(last), { shapes, seed: "weights", wrt });
    } catch (cause) {
      return (cause as Error).message;
    }
    return "nothing";
  };
  const plain = node("Identity", ["h"], ["logits"]);
  const helped = 'no gradient rule for Sin "sin"\n"--trainable last" would work';
  expect(refused(plain, "v", "w")).toContain(helped);
  expect(refused(plain, "x")).not.toContain("last");
  expect(refused(node("Sin", ["h"], ["logits"]), "v", "w")).not.toContain("last");
});

test("an attribute that no rule reads", () => {
  expect(refusalOf("Relu", { slope: 2 })).toBe(
    'Relu "it": attribute slope is not supported; known are none',
  );
  expect(refusalOf("Conv", { activation: "Relu" })).toMatch(
    /attribute activation is not supported; known are auto_pad, dilations/,
  );
});

test("a second output in use", () => {
  const nodes = [
    node("Dropout", ["x"], ["d", "mask"], {}, "drop"),
    node("Mul", ["d", "mask"], ["y"]),
  ];
  expect(refusal({ nodes, shapes: {} })).toMatch(/^Dropout "drop": its output "mask" is used/);
  const onlyTheSecond = [nodes[0], node("Identity", ["mask"], ["y"])];
  expect(refusal({ nodes: onlyTheSecond, shapes: {} })).toMatch(/output "mask" is used/);
});

describe("training mode", () => {
  test("of BatchNormalization", () => {
    const inputs = ["x", "s", "b", "m", "v"];
    expect(refusalOf("BatchNormalization", { training_mode: 1 }, {}, inputs)).toMatch(
      /^BatchNormalization "it": training_mode 1 normalises by the batch\nexport .* eval mode$/,
    );
  });

  test("of Dropout, constant or computed", () => {
    const on = { initializers: { t: scalar(1, "bool") } };
    const words = /^Dropout "it": training_mode drops values at random\nexport .* eval mode$/;
    expect(refusalOf("Dropout", {}, on, ["x", "", "t"])).toMatch(words);
    expect(refusalOf("Dropout", {}, {}, ["x", "", "computed"])).toMatch(words);
  });
});

describe("what would mix images", () => {
  test.each([[int64s(0)], [int64s(1, -4)], [int64s()]])("a mean over the batch (%#)", (axes) => {
    expect(refusalOf("ReduceMean", {}, { initializers: { axes } }, ["x", "axes"])).toMatch(
      /^ReduceMean "it": to reduce over the batch mixes images\n/,
    );
  });

  test("a mean over all axes, and one over computed axes", () => {
    expect(refusalOf("ReduceMean", { keepdims: 0 }, { y: [] })).toMatch(/mixes images/);
    expect(refusalOf("ReduceMean", {}, {}, ["x", "axes"])).toMatch(/its axes are computed/);
  });

  test.each<[string, Parameters<typeof node>[3], Record<string, Tensor>, Shape, RegExp]>([
    ["Concat", { axis: 0 }, {}, [-2, 2, 6, 6], /joining along the batch mixes images/],
    ["Concat", { axis: -4 }, {}, [-2, 2, 6, 6], /joining along the batch mixes images/],
    ["Softmax", { axis: 0 }, {}, [-1, 2, 6, 6], /a softmax over the batch/],
    ["LpNormalization", { axis: -4 }, {}, [-1, 2, 6, 6], /a norm over the batch/],
    ["LayerNormalization", { axis: 0 }, {}, [-1, 2, 6, 6], /axis 0 mixes the images/],
    ["MeanVarianceNormalization", {}, {}, [-1, 2, 6, 6], /to normalise over the batch/],
    ["Gather", {}, { i: int64s(0) }, [1, 2, 6, 6], /indices into the batch/],
    ["GatherElements", {}, { i: int64s(0) }, [1, 2, 6, 6], /indices into the batch/],
    ["ScatterElements", {}, { i: int64s(0) }, [-1, 2, 6, 6], /indices into the batch/],
    ["Slice", {}, { s: int64s(0), e: int64s(1) }, [1, 2, 6, 6], /slicing the batch/],
    ["Split", { num_outputs: 2 }, {}, [-1, 2, 6, 6], /splitting the batch/],
    ["Resize", {}, { n: int64s(), s: tensor([4], [2, 1, 1, 1]) }, [-2, 2, 6, 6], /the batch/],
    [
      "Pad",
      { mode: "edge" },
      { pads: int64s(1, 0, 0, 0, 0, 0, 0, 0) },
      [-1, 2, 6, 6],
      /padding the batch/,
    ],
  ])("%s", (op, attributes, initializers, y, message) => {
    const dims = Object.entries(initializers).map(([name, tensor]) => [name, tensor.dims] as const);
    const more = { initializers, shapes: { y, ...Object.fromEntries(dims) } };
    expect(refusalOf(op, attributes, more, ["x", ...Object.keys(initializers)])).toMatch(message);
  });
});

test.each<[string, Parameters<typeof node>[3], string]>([
  ["Resize", { coordinate_transformation_mode: "tf_crop_and_resize" }, "tf_crop_and_resize"],
  ["Resize", { antialias: 1 }, "antialias 1 has no gradient rule"],
  ["Resize", { keep_aspect_ratio_policy: "not_larger" }, 'keep_aspect_ratio_policy "not_larger"'],
  ["Gelu", { approximate: "sigmoid" }, 'approximate "sigmoid" is not known'],
])("a form that has no rule: %s %o", (op, attributes, words) => {
  expect(refusalOf(op, attributes, { y: [-1, 2, 6, 6] })).toContain(words);
});

test("a scale that leaves the size as it is, beside one that does not", () => {
  const initializers = { s: tensor([4], [1, 1, 2, 1.1]) };
  const more = { initializers, shapes: { y: [-1, 2, 12, 6], s: [4] } };
  expect(refusalOf("Resize", { mode: "linear" }, more, ["x", "", "s"])).toMatch(
    /scale 1.1\d* leaves 6 pixels as many\nresize by sizes/,
  );
});

test("a label twice in one operand, a cache, a cap", () => {
  expect(refusalOf("Einsum", { equation: "biij->bj" })).toMatch(/takes a diagonal\n/);
  const past = ["x", "x", "x", "", "x", "x"];
  expect(refusalOf("Attention", {}, {}, past)).toMatch(
    /past keys and values have no gradient rule/,
  );
  expect(refusalOf("Attention", { softcap: 2 }, {}, ["x", "x", "x"])).toMatch(/softcap 2 has no/);
});

describe("windows", () => {
  const kernel_shape = [2, 2];

  test("a missing kernel, sizes that grow with the batch", () => {
    for (const op of ["MaxPool", "AveragePool"]) {
      expect(refusalOf(op, {})).toMatch(/"it": kernel_shape is missing/);
      expect(refusalOf(op, { kernel_shape }, { y: [-1, 2, -3, 3] })).toMatch(
        /its spatial size depends on the batch/,
      );
    }
  });

  test.each(["MaxPool", "AveragePool"])("%s where onnxruntime departs from the standard", (op) => {
    expect(refusalOf(op, { kernel_shape, auto_pad: "VALID", ceil_mode: 1 })).toMatch(
      /"it": auto_pad VALID with ceil_mode 1 is not supported\nexport it with pads/,
    );
    for (const auto_pad of ["SAME_UPPER", "SAME_LOWER"]) {
      expect(refusalOf(op, { kernel_shape, auto_pad, dilations: [1, 2] })).toMatch(
        `"it": auto_pad ${auto_pad} with dilations [1,2] is not supported\nexport it with pads`,
      );
      expect(refusalOf(op, { kernel_shape, auto_pad, strides: [2, 3] })).toMatch(
        `auto_pad ${auto_pad} with strides [2,3] over kernel_shape [2,2] is not supported`,
      );
    }
  });

  test("Conv with SAME padding and dilations", () => {
    const shapes = { y: [-1, 2, 6, 6], w: [2, 2, 3, 3] };
    expect(
      refusalOf("Conv", { auto_pad: "SAME_LOWER", dilations: [2, 2] }, { shapes }, ["x", "w"]),
    ).toMatch(/^Conv "it": auto_pad SAME_LOWER with dilations \[2,2\] is not supported\n/);
  });
});
