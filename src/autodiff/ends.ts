// Where the gradient in the image ends before it arrives: operators with steps on every way to the logits.
import type { Graph, Node } from "../onnx/graph.ts";
import { isStep } from "./rule.ts";
import { rules } from "./rules.ts";
import { differentiableInputs } from "./sweep.ts";
import { beforeFirstLayer } from "./trainable.ts";

export interface GradientEnd {
  readonly node: Node;
  /** Whether no Conv, Gemm or MatMul comes before it: the image itself is quantised. */
  readonly early: boolean;
}

/** What only looks at sizes is no end: the image's values do not go through it. */
const sizes: ReadonlySet<string> = new Set(["Shape", "Size"]);

/**
 * The nodes at which the gradient of every logit in the image ends; empty where one gets through. The
 * gradient in the image is then 0 everywhere.
 *
 * @param graph a classifier (asClassifier, lifted)
 */
export function gradientEnds(graph: Graph): readonly GradientEnd[] {
  const logits = graph.outputs[0].name;
  const passing = (node: Node): readonly string[] =>
    isStep(node) ? [] : differentiableInputs(node, rules.get(node.op));
  const reached = new Set([graph.inputs[0].name]);
  for (const node of graph.nodes) {
    if (!passing(node).some((name) => reached.has(name))) continue;
    for (const name of node.outputs) if (name !== "") reached.add(name);
  }
  if (reached.has(logits)) return [];
  const needed = new Set([logits]);
  for (const { inputs, outputs } of graph.nodes.toReversed()) {
    if (!outputs.some((name) => needed.has(name))) continue;
    for (const name of inputs) if (name !== "") needed.add(name);
  }
  const early = beforeFirstLayer(graph);
  return graph.nodes
    .filter(
      ({ op, inputs, outputs }) =>
        !sizes.has(op) &&
        inputs.some((name) => reached.has(name)) &&
        outputs.some((name) => needed.has(name) && !reached.has(name)),
    )
    .map((node) => ({ node, early: early.has(node.outputs[0]) }));
}
