// Brings a graph of opset 11 to 17 into the forms of opset 18, so that every gradient rule knows one form.

import { TemperError } from "../errors.ts";
import { int, intOf, intsOf } from "./attributes.ts";
import { type Attribute, type Graph, type Node, nodeLabel, type Tensor } from "./graph.ts";

/** The oldest operator set that gradient graphs are written in. */
const GRADIENT_OPSET = 18;

/** How the names begin that Temper adds to a graph. */
export const OWN_NAMES = "temper/";

/** The version at which each operator's `axes` attribute became an input. */
const axesBecameInput: ReadonlyMap<string, number> = new Map([
  ["Squeeze", 13],
  ["Unsqueeze", 13],
  ["ReduceSum", 13],
  ...["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare"].map(
    (suffix) => [`Reduce${suffix}`, 18] as const,
  ),
]);

function withoutAttribute(node: Node, name: string): Map<string, Attribute> {
  const attributes = new Map(node.attributes);
  attributes.delete(name);
  return attributes;
}

/** The tensor a Constant node stands for. */
export function constantValue(node: Node): Tensor {
  for (const [name, attribute] of node.attributes) {
    const { kind, value } = attribute;
    if (name === "value" && kind === "tensor") return value;
    if (kind === "float") return { type: "float32", dims: [], values: Float32Array.of(value) };
    if (kind === "floats")
      return { type: "float32", dims: [value.length], values: Float32Array.from(value) };
    if (kind === "int") return { type: "int64", dims: [], values: BigInt64Array.of(BigInt(value)) };
    if (kind === "ints")
      return { type: "int64", dims: [value.length], values: BigInt64Array.from(value.map(BigInt)) };
  }
  throw new TemperError(
    "model-unsupported",
    `${nodeLabel(node)} holds ${[...node.attributes.keys()].join(", ") || "nothing"}, which Temper does not read`,
  );
}

/** Operators that before opset 13 ran over all axes from their own on, flattened into one. */
const flattening = new Set(["Softmax", "LogSoftmax", "Hardmax"]);

/** Flatten, the operator of today over the last axis, and the shape taken back. */
function flattened(node: Node): Node[] {
  const [x] = node.inputs;
  const [y] = node.outputs;
  const [shape, flat, result] = ["shape", "flat", "result"].map(
    (part) => `${OWN_NAMES}${y}/${part}`,
  );
  const make = (op: string, inputs: string[], output: string, axis?: number): Node => ({
    op,
    name: op === node.op ? node.name || y : `${OWN_NAMES}${y}/${op}`,
    inputs,
    outputs: [output],
    attributes: new Map(axis === undefined ? [] : [["axis", int(axis)]]),
  });
  return [
    make("Shape", [x], shape),
    make("Flatten", [x], flat, intOf(node, "axis", 1)),
    make(node.op, [flat], result, -1),
    make("Reshape", [result, shape], y),
  ];
}

/**
 * The same function at opset 18 or newer: axes as inputs, Constant nodes as initializers under the
 * name of their output, Softmax over its one axis, Dropout (the identity) without its ratio.
 */
export function liftGraph(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const since = axesBecameInput.get(node.op);
    const axes = intsOf(node, "axes");
    if (node.op === "Constant") {
      initializers.set(node.outputs[0], constantValue(node));
    } else if (since !== undefined && graph.opset < since && axes !== undefined) {
      const name = `${OWN_NAMES}${node.outputs[0]}/axes`;
      initializers.set(name, {
        type: "int64",
        dims: [axes.length],
        values: BigInt64Array.from(axes.map(BigInt)),
      });
      nodes.push({
        ...node,
        inputs: [node.inputs[0], name],
        attributes: withoutAttribute(node, "axes"),
      });
    } else if (graph.opset < 13 && flattening.has(node.op)) {
      nodes.push(...flattened(node));
    } else if (graph.opset < 12 && node.op === "Dropout") {
      nodes.push({ ...node, attributes: withoutAttribute(node, "ratio") });
    } else {
      nodes.push(node);
    }
  }
  return { ...graph, opset: Math.max(graph.opset, GRADIENT_OPSET), initializers, nodes };
}

/**
 * Every Squeeze with its axes stated: without them it would drop the batch as well where that is 1.
 *
 * @param shapes the shape of every value, an entry that grows with the batch below 0
 */
export function stateSqueezedAxes(
  graph: Graph,
  shapes: ReadonlyMap<string, readonly number[]>,
): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.map((node) => {
    if (node.op !== "Squeeze" || node.inputs[1]) return node;
    const [x] = node.inputs;
    const axes = [...shapes.get(x)!.entries()].filter(([, dim]) => dim === 1).map(([axis]) => axis);
    // An empty list of axes would mean all of them again.
    if (axes.length === 0) return { ...node, op: "Identity", inputs: [x] };
    const name = `${OWN_NAMES}${node.outputs[0]}/axes`;
    initializers.set(name, {
      type: "int64",
      dims: [axes.length],
      values: BigInt64Array.from(axes, BigInt),
    });
    return { ...node, inputs: [x, name] };
  });
  return { ...graph, initializers, nodes };
}
