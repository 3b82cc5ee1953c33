// Which tensors are theta: the float tensors of a classifier that training would move.
import type { Graph, Node, Tensor } from "../onnx/graph.ts";
import { layOut, type Parameter } from "../onnx/theta.ts";
import { rules } from "./rules.ts";
import { selectTrainable } from "./selection.ts";
import { differentiableInputs } from "./sweep.ts";

const linear = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

/** Where an operator takes its bias; an Add of a vector is one too. */
const biasInput = new Map([
  ["Conv", 2],
  ["ConvTranspose", 2],
  ["Gemm", 2],
  ["BatchNormalization", 2],
]);

/** Inputs that are never parameters even in operators without a gradient rule: shapes, bounds, exponents. */
const firstInputOnly = new Set([
  "Cast",
  "Expand",
  "Gather",
  "OneHot",
  "Pad",
  "Pow",
  "Resize",
  "Slice",
  "Split",
  "Tile",
]);

function floatInputs(node: Node): readonly string[] {
  if (firstInputOnly.has(node.op)) return node.inputs.slice(0, 1);
  return differentiableInputs(node, rules.get(node.op));
}

/** Values made from the image before any Conv, Gemm or MatMul saw it: normalisation in the graph. */
export function beforeFirstLayer({ nodes, inputs }: Graph): Set<string> {
  const early = new Set([inputs[0].name]);
  const late = new Set<string>();
  for (const node of nodes) {
    const isLate = linear.has(node.op) || node.inputs.some((name) => late.has(name));
    if (!isLate && !node.inputs.some((name) => early.has(name))) continue;
    for (const name of node.outputs) (isLate ? late : early).add(name);
  }
  return early;
}

/**
 * Nodes from which the logits are reached through floating-point inputs, in order. The way back ends
 * where the image is normalised: what only serves that is left out with it.
 */
function reachingNodes(graph: Graph, logits: string): Node[] {
  const early = beforeFirstLayer(graph);
  const reached = new Set([logits]);
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => reached.has(name) && !early.has(name))) return false;
    for (const name of floatInputs(node)) reached.add(name);
    return true;
  });
  return nodes.reverse();
}

function isBias(node: Node, input: number, tensor: Tensor): boolean {
  return biasInput.get(node.op) === input || (node.op === "Add" && tensor.dims.length === 1);
}

/**
 * theta's tensors, in the order of the file: every float32 initializer of rank >= 1 that reaches the
 * logits through floating-point inputs, and Constant nodes that are the weight or bias of a Conv,
 * ConvTranspose, Gemm or MatMul. Not running statistics (nor a tensor that serves as one and as a scale
 * too), bounds, exponents and scalars, nor constants applied to the image before the first layer. One used
 * twice is listed once.
 *
 * @param graph as read, Constant nodes and all
 * @param constants the tensors of its Constant nodes, by output name
 * @param pattern selects some of them (selection.ts); default all
 * @throws TemperError `bad-option` where the pattern selects none
 */
export function trainableParameters(
  graph: Graph,
  constants: ReadonlyMap<string, Tensor>,
  logits: string,
  pattern?: string,
): Parameter[] {
  const nodes = reachingNodes(graph, logits);
  const statistics = new Set(
    nodes.flatMap(({ op, inputs }) => (op === "BatchNormalization" ? inputs.slice(3) : [])),
  );
  const found = new Map<string, { name: string; tensor: Tensor; kind: "weight" | "bias" }>();
  for (const node of nodes) {
    for (const name of floatInputs(node)) {
      const constant = linear.has(node.op) ? constants.get(name) : undefined;
      const tensor = graph.initializers.get(name) ?? constant;
      if (tensor?.type !== "float32" || tensor.dims.length === 0 || found.has(name)) continue;
      if (statistics.has(name)) continue;
      const kind = isBias(node, node.inputs.indexOf(name), tensor) ? "bias" : "weight";
      found.set(name, { name, tensor, kind });
    }
  }
  const inFileOrder = [...graph.initializers.keys(), ...constants.keys()];
  const all = inFileOrder.flatMap((name) => found.get(name) ?? []);
  return layOut(pattern === undefined ? all : selectTrainable(all, pattern, nodes));
}
