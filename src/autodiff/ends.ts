// Finds what weakens a gradient on its way: steps, at which it ends, and others, which it passes straight through.
import type { Graph, Node } from "../onnx/graph.ts";
import { madeOf, neededFor } from "../onnx/paths.ts";
import { isStep, sizing } from "./rule.ts";
import { rules } from "./rules.ts";
import { differentiableInputs, onPath } from "./sweep.ts";
import { beforeFirstLayer } from "./trainable.ts";

export interface GradientEnd {
  readonly node: Node;
  /** Whether no Conv, Gemm or MatMul comes before it: the image itself is quantised. */
  readonly early: boolean;
}

/**
 * Finds the nodes at which the gradient of every logit in the image ends, so that it is 0 everywhere. There are
 * none where some gradient gets through.
 *
 * @param graph a classifier (withHead, lifted)
 */
export function gradientEnds(graph: Graph): readonly GradientEnd[] {
  const logits = graph.outputs[0].name;
  const passing = (node: Node): readonly string[] =>
    isStep(node) ? [] : differentiableInputs(node, rules.get(node.op));
  const reached = madeOf(graph, [graph.inputs[0].name], passing);
  if (reached.has(logits)) return [];
  const needed = neededFor(graph, [logits]);
  const early = beforeFirstLayer(graph);
  return graph.nodes
    .filter(
      ({ op, inputs, outputs }) =>
        // What only looks at sizes is no end: the image's values do not go through it.
        !sizing.has(op) &&
        inputs.some((name) => reached.has(name)) &&
        outputs.some((name) => needed.has(name) && !reached.has(name)),
    )
    .map((node) => ({ node, early: early.has(node.outputs[0]) }));
}

/**
 * Finds the nodes through which the gradient of the logits in some values passes straight, as if these nodes had
 * no steps. An attack that follows such a gradient in the image follows a surrogate, and a cut made of such a
 * gradient in weights is no linearisation of the network.
 *
 * @param graph a classifier (withHead, lifted)
 * @param wrt the image's name, or names of parameters
 */
export function straightThrough(graph: Graph, wrt: readonly string[]): readonly Node[] {
  const path = onPath(graph, { rules, output: graph.outputs[0].name, wrt, endAtSteps: true });
  return graph.nodes.filter(
    ({ op, outputs }) => rules.get(op)?.straightThrough && outputs.some((name) => path.has(name)),
  );
}
