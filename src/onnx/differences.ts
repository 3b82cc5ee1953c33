// Knows how operators were written before opset 18, and how each such form is written today.
import { TemperError } from "../errors.ts";
import { floatOf, int, intOf, intsOf, text, textOf } from "./attributes.ts";
import {
  type Attribute,
  floatTensor,
  intTensor,
  type Node,
  nodeLabel,
  type Tensor,
} from "./graph.ts";

/** What a difference may ask for and add to the graph. */
export interface Lifting {
  /** Adds a constant, named after the node's first output, and returns its name. */
  constant(part: string, tensor: Tensor): string;
  /** Makes the name of a new value of the node's first output. */
  fresh(part: string): string;
  /** Finds the tensor that a name stands for, where it is constant. */
  constantOf(name: string | undefined): Tensor | undefined;
}

/** One change of an operator's form. */
export interface Difference {
  /** The first opset in which the old form is not valid any more, or means something else. */
  readonly before: number;
  /** Writes the same function in today's form. */
  lift(node: Node, at: Lifting): readonly Node[];
}

const without = (node: Node, ...names: readonly string[]): Map<string, Attribute> =>
  new Map([...node.attributes].filter(([name]) => !names.includes(name)));

// Without a name: that of the output may be a node's in the file, and onnxruntime allows each name once.
const make = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: Readonly<Record<string, Attribute>> = {},
): Node => ({
  op,
  name: "",
  inputs,
  outputs: [output],
  attributes: new Map(Object.entries(attributes)),
});

/** A list of whole numbers was an attribute and is an input now. Where it is absent nothing changes. */
const listBecameInput = (attribute: string, before: number): Difference => ({
  before,
  lift: (node, at) => {
    const values = intsOf(node, attribute);
    if (values === undefined) return [node];
    const inputs = [node.inputs[0], at.constant(attribute, intTensor(values))];
    return [{ ...node, inputs, attributes: without(node, attribute) }];
  },
});

/** The operator ran over all axes from its own on, flattened into one. */
const flattening: Difference = {
  before: 13,
  lift: (node, at) => {
    const [x] = node.inputs;
    const [shape, flat, result] = ["shape", "flat", "result"].map(at.fresh);
    return [
      make("Shape", [x], shape),
      make("Flatten", [x], flat, { axis: int(intOf(node, "axis", 1)) }),
      { ...node, inputs: [flat], outputs: [result], attributes: new Map([["axis", int(-1)]]) },
      make("Reshape", [result, shape], node.outputs[0]),
    ];
  },
};

const scalar = (value: number): Tensor => floatTensor([], [value]);

const clipBounds: Difference = {
  before: 11,
  lift: (node, at) => {
    const bound = (name: string): string =>
      node.attributes.has(name) ? at.constant(name, scalar(floatOf(node, name, 0))) : "";
    const inputs = [node.inputs[0], bound("min"), bound("max")];
    return [{ ...node, inputs, attributes: without(node, "min", "max") }];
  },
};

const padAmounts: Difference = {
  before: 11,
  lift: (node, at) => {
    const amounts = at.constant("pads", intTensor(intsOf(node, "pads") ?? []));
    const value = at.constant("value", scalar(floatOf(node, "value", 0)));
    const inputs = [node.inputs[0], amounts, value];
    return [{ ...node, inputs, attributes: without(node, "pads", "value") }];
  },
};

const sliceBounds: Difference = {
  before: 10,
  lift: (node, at) => {
    const starts = intsOf(node, "starts") ?? [];
    const lists = {
      starts,
      ends: intsOf(node, "ends") ?? [],
      axes: intsOf(node, "axes") ?? starts.map((_, axis) => axis),
    };
    const names = Object.entries(lists).map(([name, list]) => at.constant(name, intTensor(list)));
    const attributes = without(node, "starts", "ends", "axes");
    return [{ ...node, inputs: [node.inputs[0], ...names], attributes }];
  },
};

const topCount: Difference = {
  before: 10,
  lift: (node, at) => {
    const k = at.constant("k", intTensor([intOf(node, "k", 1)]));
    return [{ ...node, inputs: [node.inputs[0], k], attributes: without(node, "k") }];
  },
};

/** Without sizes the parts were equal and as many as there are outputs, a number that is stated now. */
const splitCount: Difference = {
  before: 18,
  lift: (node) => {
    if (node.inputs[1] || node.attributes.has("split")) return [node];
    const attributes = new Map([...node.attributes, ["num_outputs", int(node.outputs.length)]]);
    return [{ ...node, attributes }];
  },
};

/** With spatial = 0 there were statistics of every single activation, not of every channel. */
function perActivation(node: Node, at: Lifting): readonly Node[] {
  const [x, scale, bias, mean, variance] = node.inputs;
  const parts = ["centred", "safe", "std", "normal", "scaled"];
  const [centred, safe, deviation, normal, scaled] = parts.map(at.fresh);
  const epsilon = at.constant("epsilon", scalar(floatOf(node, "epsilon", 1e-5)));
  return [
    make("Sub", [x, mean], centred),
    make("Add", [variance, epsilon], safe),
    make("Sqrt", [safe], deviation),
    make("Div", [centred, deviation], normal),
    make("Mul", [normal, scale], scaled),
    make("Add", [scaled, bias], node.outputs[0]),
  ];
}

const spatialStatistics: Difference = {
  before: 9,
  lift: (node, at) =>
    intOf(node, "spatial", 1) === 0
      ? perActivation(node, at)
      : [{ ...node, attributes: without(node, "spatial") }],
};

/** Further outputs were how training was asked for: the statistics are then the batch's own. */
const noTraining: Difference = {
  before: 14,
  lift: (node) => {
    if (node.outputs.slice(1).every((name) => name === "")) return [node];
    throw new TemperError(
      "model-unsupported",
      `${nodeLabel(node)} was exported in training mode: it normalises by the images of the batch\n` +
        "export the model in eval mode",
    );
  },
};

/** In inference Dropout is the identity, whatever its ratio. */
const dropoutRatio: Difference = {
  before: 12,
  lift: (node) => [{ ...node, attributes: without(node, "ratio") }],
};

/**
 * Resize and Upsample had scales alone: output i is read at i / scale. The nearest pixel was the one below, and where
 * onnxruntime makes the image smaller the one above.
 */
const scaledImage: Difference = {
  before: 11,
  lift: (node, at) => {
    const stated = node.attributes.get("scales");
    const scales =
      stated?.kind === "floats"
        ? at.constant("scales", floatTensor([stated.value.length], stated.value))
        : node.inputs[1];
    const values = at.constantOf(scales)?.values as Float32Array | undefined;
    const smaller = values?.some((scale) => scale < 1) ?? false;
    const mode = textOf(node, "mode", "nearest");
    const attributes = new Map([
      ["mode", text(mode)],
      ["coordinate_transformation_mode", text("asymmetric")],
      ...(mode === "nearest" ? [["nearest_mode", text(smaller ? "ceil" : "floor")] as const] : []),
    ]);
    return [{ ...node, op: "Resize", inputs: [node.inputs[0], "", scales], attributes }];
  },
};

const renamed = (op: string, before: number): Difference => ({
  before,
  lift: (node) => [{ ...node, op }],
});

const reductions = ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"];

/**
 * Holds the changes of each operator, the oldest first. What is not listed means at opset 7 what it means at opset 18,
 * or did not exist.
 */
export const differences = new Map<string, readonly Difference[]>([
  ["BatchNormalization", [noTraining, spatialStatistics]],
  ["Clip", [clipBounds]],
  ["Dropout", [dropoutRatio]],
  ["Hardmax", [flattening]],
  ["LogSoftmax", [flattening]],
  ["Pad", [padAmounts]],
  ["Resize", [scaledImage]],
  ["Scatter", [renamed("ScatterElements", 11)]],
  ["Slice", [sliceBounds]],
  ["Softmax", [flattening]],
  ["Split", [listBecameInput("split", 13), splitCount]],
  ["Squeeze", [listBecameInput("axes", 13)]],
  ["TopK", [topCount]],
  ["Unsqueeze", [listBecameInput("axes", 13)]],
  ["Upsample", [scaledImage]],
  ["ReduceSum", [listBecameInput("axes", 13)]],
  ...reductions.map((kind) => [`Reduce${kind}`, [listBecameInput("axes", 18)]] as const),
]);
