// Whether the logits are affine in the tensors that may move: then a cut at one anchor holds exactly at all.
import type { Graph, Node } from "../onnx/graph.ts";

/** Affine in their first input; the others say how, or are added to it. */
const affine = new Set([
  "AveragePool",
  "Concat",
  "Dropout",
  "Expand",
  "Flatten",
  "Gather",
  "GlobalAveragePool",
  "Identity",
  "Neg",
  "ReduceMean",
  "ReduceSum",
  "Reshape",
  "Slice",
  "Split",
  "Squeeze",
  "Sub",
  "Add",
  "Sum",
  "Transpose",
  "Unsqueeze",
]);

/** Affine in either of the first two inputs while the other is fixed, and in a third that is added. */
const bilinear = new Set(["BatchNormalization", "Conv", "ConvTranspose", "Gemm", "MatMul", "Mul"]);

/** Whether the node's outputs are affine in its moving inputs, one at a time or together. */
function isAffine({ op, inputs }: Node, moves: (name: string) => boolean): boolean {
  if (affine.has(op)) return true;
  if (bilinear.has(op)) return !(moves(inputs[0]) && moves(inputs[1]));
  return op === "Div" && !moves(inputs[1]);
}

/** Whether each output of the graph is an affine function of the named tensors, the input held fixed. */
export function isAffineIn({ nodes, outputs }: Graph, names: Iterable<string>): boolean {
  const needed = new Set(outputs.map(({ name }) => name));
  for (const { inputs, outputs: made } of nodes.toReversed()) {
    if (made.some((name) => needed.has(name))) for (const name of inputs) needed.add(name);
  }
  const moving = new Set(names);
  return nodes.every((node) => {
    if (!node.outputs.some((name) => needed.has(name))) return true;
    if (!node.inputs.some((name) => moving.has(name))) return true;
    for (const name of node.outputs) if (name !== "") moving.add(name);
    return isAffine(node, (name) => moving.has(name));
  });
}
