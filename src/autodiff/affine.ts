// Tells whether the logits are affine in the tensors that may move: then a cut made at one anchor is exact everywhere.
import type { Graph, Node } from "../onnx/graph.ts";
import { madeOf, neededFor } from "../onnx/paths.ts";
import { isStep } from "./rule.ts";

/** Operators that are affine in all their inputs together. */
const affine = new Set([
  ...["Add", "AveragePool", "Cast", "Concat", "DepthToSpace", "Dropout", "Expand", "Flatten"],
  ...["GlobalAveragePool", "Identity", "Mean", "Neg", "Pad", "ReduceMean", "ReduceSum", "Reshape"],
  ...["Resize", "Slice", "SpaceToDepth", "Split", "Squeeze", "Sub", "Sum", "Tile", "Transpose"],
  ...["Trilu", "Unsqueeze"],
]);

/** Operators that are affine in either of their first two inputs while the other is fixed. */
const bilinear = new Set(["BatchNormalization", "Conv", "ConvTranspose", "Gemm", "MatMul", "Mul"]);

/** The input by which an operator chooses or divides: where it is fixed, the operator is affine in the others. */
const choosing: ReadonlyMap<string, number> = new Map([
  ["Div", 1],
  ["Gather", 1],
  ["GatherElements", 1],
  ["ScatterElements", 1],
  ["Where", 0],
]);

/** Whether the node's outputs are affine in its moving inputs, one at a time or together. */
function isAffine(node: Node, moves: (name: string) => boolean): boolean {
  const { op, inputs } = node;
  if (isStep(node)) return false;
  if (affine.has(op)) return true;
  // A third input is added; those behind it are a normalisation's statistics.
  if (bilinear.has(op)) {
    return !(moves(inputs[0]) && moves(inputs[1])) && !inputs.slice(3).some(moves);
  }
  if (op === "Einsum") return inputs.filter(moves).length === 1;
  const chooser = choosing.get(op);
  return chooser !== undefined && !moves(inputs[chooser]);
}

/** Whether each output of the graph is an affine function of the named tensors, the input held fixed. */
export function isAffineIn({ nodes, outputs }: Graph, names: Iterable<string>): boolean {
  const outputNames = outputs.map(({ name }) => name);
  const needed = neededFor({ nodes }, outputNames);
  const moving = madeOf({ nodes }, names);
  return nodes
    .filter((node) => node.outputs.some((name) => needed.has(name)))
    .filter((node) => node.inputs.some((name) => moving.has(name)))
    .every((node) => isAffine(node, (name) => moving.has(name)));
}
