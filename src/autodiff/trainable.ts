// Finds the tensors that are theta: the float tensors of a classifier that training would move.
import type { Graph, Node, Tensor } from "../onnx/graph.ts";
import { layOut, type Parameter } from "../onnx/theta.ts";
import { rules } from "./rules.ts";
import { copied, linear, selectTrainable } from "./selection.ts";
import { differentiableInputs } from "./sweep.ts";

/** The input by which an operator takes its bias. A vector that an Add adds is a bias too. */
const biasInput = new Map([
  ["Conv", 2],
  ["ConvTranspose", 2],
  ["Gemm", 2],
  ["BatchNormalization", 2],
  ["GroupNormalization", 2],
  ["InstanceNormalization", 2],
  ["LayerNormalization", 2],
]);

/** The first of the inputs at which a tensor of the file is a bound, an exponent or a depth, which nobody trains. */
const settings: ReadonlyMap<string, number> = new Map([
  ["Max", 0],
  ["Min", 0],
  ["OneHot", 1],
  ["Pow", 1],
]);

/** Lists the inputs of a node that may hold parameters, or lead to some. */
function floatInputs(node: Node, isTensor: (name: string) => boolean): readonly string[] {
  const first = settings.get(node.op) ?? Number.POSITIVE_INFINITY;
  return differentiableInputs(node, rules.get(node.op)).filter(
    (name) => !(isTensor(name) && node.inputs.indexOf(name) >= first),
  );
}

/** Finds the values that are made of the image before a layer has seen it: its normalisation in the graph. */
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
 * Lists the nodes, in order, from which the logits are reached through floating-point inputs. The way back ends
 * where the image is normalised, and what only serves that is left out with it.
 */
function reachingNodes(graph: Graph, logits: string, isTensor: (name: string) => boolean): Node[] {
  const early = beforeFirstLayer(graph);
  const reached = new Set([logits]);
  const nodes = graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => reached.has(name) && !early.has(name))) return false;
    for (const name of floatInputs(node, isTensor)) reached.add(name);
    return true;
  });
  return nodes.reverse();
}

/**
 * Finds the running statistics, and what they are copies of: an exporter that stores equal tensors once makes the
 * variances of an untrained BatchNormalization copies of its scale.
 */
export function statisticsOf(nodes: readonly Node[]): Set<string> {
  const statistics = nodes.flatMap(({ op, inputs }) =>
    op === "BatchNormalization" ? inputs.slice(3) : [],
  );
  return new Set(statistics.flatMap((name) => copied(name, nodes)));
}

function isBias(node: Node, input: number, tensor: Tensor): boolean {
  return biasInput.get(node.op) === input || (node.op === "Add" && tensor.dims.length === 1);
}

/**
 * Lists theta's tensors in the order of the file. They are every float32 initializer of rank >= 1 that reaches the
 * logits through floating-point inputs, and Constant nodes that are the weight or bias of a Conv, ConvTranspose,
 * Einsum, Gemm or MatMul. Not among them are running statistics (nor a tensor that serves as one and as a scale
 * too), bounds, exponents, scalars, and constants that are applied to the image before the first layer. A tensor
 * that is used twice is listed once.
 *
 * @param graph as read, Constant nodes and all
 * @param constants the tensors of its Constant nodes, by output name
 * @param pattern selects some of them (selection.ts); by default it is all of them
 * @throws TemperError `bad-option` where the pattern selects none
 */
export function trainableParameters(
  graph: Graph,
  constants: ReadonlyMap<string, Tensor>,
  logits: string,
  pattern?: string,
): Parameter[] {
  const isTensor = (name: string): boolean => graph.initializers.has(name) || constants.has(name);
  const nodes = reachingNodes(graph, logits, isTensor);
  const statistics = statisticsOf(graph.nodes);
  const found = new Map<string, { name: string; tensor: Tensor; kind: "weight" | "bias" }>();
  for (const node of nodes) {
    for (const name of floatInputs(node, isTensor)) {
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
