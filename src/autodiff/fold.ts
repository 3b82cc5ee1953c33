// Moves a batch normalization that follows a convolution into its weights, which saves a pass over the images.
//
// Let r = scale / sqrt(variance + epsilon), which has one entry for each filter. Then
// r (conv(x, W, b) - mean) + bias = conv(x, r W, r (b - mean) + bias). Nodes of the graph make these weights of
// the old ones, so that the gradients flow on to W, b, scale and bias by the rules of Mul, Add, Sub and Div.
import { floatOf, intOf } from "../onnx/attributes.ts";
import type { Graph, Node } from "../onnx/graph.ts";
import { createBuilder, reshape, scalar } from "./builder.ts";
import { BatchNormalization } from "./rules/normalization.ts";
import type { Shape, ShapedGraph, Shapes } from "./shape.ts";

/** Finds each BatchNormalization in inference that alone reads a Conv, where all weights of both are constant. */
function pairsOf({ nodes, outputs, initializers }: Graph): Map<Node, Node> {
  const read = [...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ name }) => name)];
  const reads = new Map<string, number>();
  for (const name of read) reads.set(name, (reads.get(name) ?? 0) + 1);
  const convs = new Map(nodes.filter(({ op }) => op === "Conv").map((n) => [n.outputs[0], n]));
  const pairs = new Map<Node, Node>();
  for (const node of nodes) {
    const conv = convs.get(node.inputs[0]);
    if (node.op !== "BatchNormalization" || conv === undefined) continue;
    const weights = [...conv.inputs.slice(1), ...node.inputs.slice(1)].filter((n) => n !== "");
    const understood = [...node.attributes.keys()].every((name) =>
      BatchNormalization.attributes.includes(name),
    );
    const fixed = intOf(node, "training_mode", 0) === 0 && node.outputs.length === 1;
    if (
      understood &&
      fixed &&
      reads.get(conv.outputs[0]) === 1 &&
      weights.every((n) => initializers.has(n))
    ) {
      pairs.set(node, conv);
    }
  }
  return pairs;
}

/** Writes each such pair as one Conv; the graph computes the same function. */
export function foldNormalization(graph: Graph, known: Shapes): ShapedGraph {
  const pairs = pairsOf(graph);
  const gone = new Set(pairs.values());
  const shapes = new Map(known);
  const b = createBuilder(graph, shapes, "temper/fold/");
  const made = (value: string, shape: Shape): string => {
    shapes.set(value, shape);
    return value;
  };
  const merge = (norm: Node, conv: Node): Node => {
    const [x, w, offset = ""] = conv.inputs;
    const [, scale, bias, mean, variance] = norm.inputs;
    const shape = b.shapeOf(w);
    const filters = [shape[0]];
    const make = (op: string, inputs: string[], of: Shape = filters): string =>
      made(b.op(op, inputs), of);
    const epsilon = scalar(b, floatOf(norm, "epsilon", 1e-5));
    const ratio = make("Div", [scale, make("Sqrt", [make("Add", [variance, epsilon])])]);
    const perFilter = [shape[0], ...shape.slice(1).map(() => 1)];
    const weight = make("Mul", [w, made(reshape(b, ratio, perFilter), perFilter)], shape);
    const centre = offset === "" ? make("Neg", [mean]) : make("Sub", [offset, mean]);
    const shift = make("Add", [make("Mul", [centre, ratio]), bias]);
    return { ...conv, inputs: [x, weight, shift], outputs: norm.outputs };
  };
  const nodes = graph.nodes
    .filter((node) => !gone.has(node))
    .map((node) => {
      const conv = pairs.get(node);
      return conv === undefined ? node : merge(node, conv);
    });
  return {
    shapes,
    graph: {
      ...graph,
      initializers: new Map([...graph.initializers, ...b.initializers]),
      nodes: [...b.nodes, ...nodes],
    },
  };
}
