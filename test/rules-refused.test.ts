// What no gradient is derived of: each is refused by the node's name, with what to do.
import { describe, expect, test } from "vitest";
import { gradientProgram } from "../src/autodiff/programs.ts";
import type { Shape } from "../src/autodiff/shape.ts";
import { TemperError } from "../src/errors.ts";
import type { Node, Tensor } from "../src/onnx/graph.ts";
import { graph, int64s, node } from "./helpers/graph-builder.ts";
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
  const chain = ["Elu", "Softplus", "Erf"].map((op, i) =>
    node(op, [i === 0 ? "x" : `v${i}`], [`v${i + 1}`], {}, `${op} ${i}`),
  );
  const beside = [node("Hardmax", ["x"], ["h"]), node("Shape", ["v3"], ["s"])];
  const nodes = [...beside, ...chain, node("Reshape", ["v3", "s"], ["y"])];
  expect(refusal({ nodes, shapes: {} })).toBe(
    'no gradient rule for Elu "Elu 0", Softplus "Softplus 1", Erf "Erf 2"\n' +
      '"temper inspect" lists every operator and whether it has a rule',
  );
  const many = Array.from({ length: 7 }, (_, i) =>
    node("Elu", [i === 0 ? "x" : `v${i}`], [i === 6 ? "y" : `v${i + 1}`]),
  );
  expect(refusal({ nodes: many, shapes: {} })).toMatch(/"v4" and 3 more\n/);
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
      /^ReduceMean "it": the mean over the batch mixes images\n/,
    );
  });

  test("a mean over all axes, and one over computed axes", () => {
    expect(refusalOf("ReduceMean", { keepdims: 0 }, { y: [] })).toMatch(/mixes images/);
    expect(refusalOf("ReduceMean", {}, {}, ["x", "axes"])).toMatch(/its axes are computed/);
  });

  test("Concat along the batch", () => {
    const y = [-2, 2, 6, 6];
    for (const axis of [0, -4]) {
      expect(refusalOf("Concat", { axis }, { y }, ["x", "x"])).toMatch(
        /^Concat "it": joining along the batch mixes images\n/,
      );
    }
  });
});

test("a product with a vector", () => {
  const vector = { image: [2], shapes: { w: [2], y: [-1] } };
  expect(refusalOf("MatMul", {}, vector, ["x", "w"])).toMatch(
    /^MatMul "it": a product with a vector has no gradient rule\n/,
  );
});

describe("windows", () => {
  const kernel_shape = [2, 2];

  test("storage_order 1, a missing kernel, sizes that grow with the batch", () => {
    expect(refusalOf("MaxPool", { kernel_shape, storage_order: 1 })).toMatch(
      /^MaxPool "it": storage_order 1 is not supported\n/,
    );
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
