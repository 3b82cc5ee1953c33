// Reverse mode over an ONNX graph: gradients flow from the output back, and add up where paths meet.
// The sweep knows no operator; each one's derivative is a rule in rules.ts.
import { TemperError } from "../errors.ts";
import { type Graph, type Node, nodeLabel } from "../onnx/graph.ts";
import type { Builder } from "./builder.ts";
import { type Call, discrete, type Factors, isStep, type Rule } from "./rule.ts";

export interface SweepRequest {
  readonly rules: ReadonlyMap<string, Rule>;
  /** The value whose covector-weighted sum is differentiated, and the covector (a value of its shape). */
  readonly output: string;
  readonly covector: string;
  /** The values to differentiate in: the input, parameters. */
  readonly wrt: readonly string[];
  /** Dense weights whose gradient is wanted as factors instead of a matrix, where a rule can. */
  readonly factored?: ReadonlySet<string>;
  /** Lets gradients end at a node with steps, as at a whole number, instead of refusing it. */
  readonly endAtSteps?: boolean;
}

export interface SweepResult {
  /** Gradient of each wanted value that the output depends on. */
  readonly gradients: ReadonlyMap<string, string>;
  readonly factors: ReadonlyMap<string, Factors>;
}

/** The inputs of a node that may carry a gradient. */
export function differentiableInputs(node: Node, rule: Rule | undefined): readonly string[] {
  if (discrete.has(node.op)) return [];
  const inputs = rule?.differentiable?.map((i) => node.inputs[i] ?? "") ?? node.inputs;
  return inputs.filter((name) => name !== "");
}

/** Values on a path from a wanted value to the output; only these need gradients. */
function onPath(
  graph: Graph,
  { rules, output, wrt, endAtSteps = false }: SweepRequest,
): Set<string> {
  const inputsOf = (node: Node): readonly string[] =>
    endAtSteps && isStep(node) ? [] : differentiableInputs(node, rules.get(node.op));
  const fromWanted = new Set(wrt);
  for (const node of graph.nodes) {
    if (inputsOf(node).some((name) => fromWanted.has(name))) {
      for (const name of node.outputs) if (name !== "") fromWanted.add(name);
    }
  }
  const toOutput = new Set([output]);
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => toOutput.has(name))) continue;
    for (const name of inputsOf(node)) toOutput.add(name);
  }
  return new Set([...fromWanted].filter((name) => toOutput.has(name)));
}

/** Every node on the way that has no rule, an attribute no rule reads, or a second output in use. */
function checkRules(
  nodes: readonly Node[],
  path: ReadonlySet<string>,
  rules: SweepRequest["rules"],
): void {
  const without = nodes.filter((node) => !rules.has(node.op));
  if (without.length > 0) {
    const named = without.slice(0, 4).map(nodeLabel).join(", ");
    const more = without.length > 4 ? ` and ${without.length - 4} more` : "";
    throw new TemperError(
      "model-unsupported",
      `no gradient rule for ${named}${more}\n"temper inspect" lists every operator and whether it has a rule`,
    );
  }
  for (const node of nodes) {
    const known = rules.get(node.op)!.attributes;
    const unknown = [...node.attributes.keys()].find((name) => !known.includes(name));
    if (unknown !== undefined) {
      throw new TemperError(
        "model-unsupported",
        `${nodeLabel(node)}: attribute ${unknown} is not supported; known are ${known.join(", ") || "none"}`,
      );
    }
    const second = node.outputs.slice(1).find((name) => path.has(name));
    if (second !== undefined && nodes.some(({ inputs }) => inputs.includes(second))) {
      throw new TemperError(
        "model-unsupported",
        `${nodeLabel(node)}: its output "${second}" is used, and only the first output has a gradient`,
      );
    }
  }
}

/**
 * Emits the nodes that compute, for every wanted value v, the gradient in v of
 * sum(covector * output). `b` receives the nodes; the forward graph's values keep their names.
 *
 * @throws TemperError `model-unsupported` naming every operator on the way without a rule
 */
export function sweep(graph: Graph, b: Builder, request: SweepRequest): SweepResult {
  const { rules, output, covector, wrt, factored } = request;
  const path = onPath(graph, request);
  const nodes = graph.nodes.filter(({ outputs }) => outputs.some((name) => path.has(name)));
  checkRules(nodes, path, rules);

  const uses = new Map<string, number>();
  for (const name of nodes.flatMap(({ inputs }) => inputs))
    uses.set(name, (uses.get(name) ?? 0) + 1);

  const parts = new Map<string, string[]>([[output, [covector]]]);
  const factors = new Map<string, Factors>();
  const total = (name: string): string | undefined =>
    parts.get(name)?.reduce((a, c) => b.op("Add", [a, c]));

  for (const node of nodes.toReversed()) {
    const g = total(node.outputs[0]);
    if (g === undefined) continue;
    const rule = rules.get(node.op)!;
    const call: Call = { b, node, x: node.inputs, y: node.outputs[0], g };
    const vjps = rule.vjps(call);
    for (const [i, name] of node.inputs.entries()) {
      const vjp = vjps[i];
      if (!path.has(name) || vjp === null || vjp === undefined) continue;
      if (i === 1 && factored?.has(name) && uses.get(name) === 1) {
        const pair = rule.factors?.(call);
        if (pair !== undefined) {
          factors.set(name, pair);
          continue;
        }
      }
      parts.set(name, [...(parts.get(name) ?? []), vjp()]);
    }
  }
  const gradients = new Map<string, string>();
  for (const name of wrt) {
    const gradient = total(name);
    if (gradient !== undefined) gradients.set(name, gradient);
  }
  return { gradients, factors };
}
