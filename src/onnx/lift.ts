// Brings a graph of opset 7 to 17 into the forms of opset 18, so that every gradient rule knows one form.

import { TemperError } from "../errors.ts";
import { differences, type Lifting } from "./differences.ts";
import { floatTensor, type Graph, intTensor, type Node, nodeLabel, type Tensor } from "./graph.ts";

/** The oldest operator set that gradient graphs are written in. */
const GRADIENT_OPSET = 18;

/** How the names begin that Temper adds to a graph. */
export const OWN_NAMES = "temper/";

/** The tensor a Constant node stands for. */
export function constantValue(node: Node): Tensor {
  for (const [name, attribute] of node.attributes) {
    const { kind, value } = attribute;
    if (name === "value" && kind === "tensor") return value;
    if (kind === "float") return floatTensor([], [value]);
    if (kind === "floats") return floatTensor([value.length], value);
    if (kind === "int") return intTensor([value], []);
    if (kind === "ints") return intTensor(value);
  }
  throw new TemperError(
    "model-unsupported",
    `${nodeLabel(node)} holds ${[...node.attributes.keys()].join(", ") || "nothing"}, which Temper does not read`,
  );
}

/** Gives a node the form that its operator has at opset 18. */
function liftNode(node: Node, opset: number, initializers: Map<string, Tensor>): readonly Node[] {
  const fresh = (part: string): string => `${OWN_NAMES}${node.outputs[0]}/${part}`;
  const at: Lifting = {
    fresh,
    constant: (part, tensor) => {
      initializers.set(fresh(part), tensor);
      return fresh(part);
    },
    constantOf: (name = "") => initializers.get(name),
  };
  let nodes: readonly Node[] = [node];
  for (const { before, lift } of differences.get(node.op) ?? []) {
    if (opset >= before) continue;
    nodes = nodes.flatMap((one) => (one.op === node.op ? lift(one, at) : [one]));
  }
  return nodes;
}

/**
 * Makes the same function at opset 18 or newer: every operator gets today's form (differences.ts), and Constant nodes
 * become initializers under the name of their output.
 */
export function liftGraph(graph: Graph): Graph {
  const constants = graph.nodes.filter(({ op }) => op === "Constant");
  const initializers = new Map([
    ...graph.initializers,
    ...constants.map((node) => [node.outputs[0], constantValue(node)] as const),
  ]);
  const nodes = graph.nodes
    .filter(({ op }) => op !== "Constant")
    .flatMap((node) => liftNode(node, graph.opset, initializers));
  return { ...graph, opset: Math.max(graph.opset, GRADIENT_OPSET), initializers, nodes };
}

/**
 * States the axes of every Squeeze: without them it would drop the batch as well where that is 1.
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
    initializers.set(name, intTensor(axes));
    return { ...node, inputs: [x, name] };
  });
  return { ...graph, initializers, nodes };
}
