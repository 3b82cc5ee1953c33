// Reverse mode over an ONNX graph: gradients flow from the output back, and add up where paths meet.
// The sweep knows no operator; each one's derivative is a rule in rules.ts.
import { TemperError } from "../errors.ts";
import { type Graph, type Node, nodeLabel } from "../onnx/graph.ts";
import { madeOf, neededFor } from "../onnx/paths.ts";
import type { Builder } from "./builder.ts";
import { type Call, type Convolved, discrete, type Factors, isStep, type Rule } from "./rule.ts";
import { lastLayer } from "./selection.ts";

export interface SweepRequest {
  readonly rules: ReadonlyMap<string, Rule>;
  /** The value whose covector-weighted sum is differentiated, and the covector (a value of its shape). */
  readonly output: string;
  readonly covector: string;
  /** The values to differentiate in: the input, or parameters. */
  readonly wrt: readonly string[];
  /** Dense weights whose gradient is wanted as factors instead of a matrix, where a rule can. */
  readonly factored?: ReadonlySet<string>;
  /** Convolutions' weights whose gradient is wanted in parts, where a rule can. */
  readonly convolved?: ReadonlySet<string>;
  /** Lets gradients end at a node with steps, as at a whole number, instead of refusing it. */
  readonly endAtSteps?: boolean;
}

export interface SweepResult {
  /** The gradient in each wanted value that the output depends on. */
  readonly gradients: ReadonlyMap<string, string>;
  readonly factors: ReadonlyMap<string, Factors>;
  readonly convolved: ReadonlyMap<string, Convolved>;
}

/** Lists the inputs of a node that may carry a gradient. */
export function differentiableInputs(node: Node, rule: Rule | undefined): readonly string[] {
  if (discrete.has(node.op)) return [];
  const inputs = rule?.differentiable?.map((i) => node.inputs[i] ?? "") ?? node.inputs;
  return inputs.filter((name) => name !== "");
}

/** Finds the values on a path from a wanted value to the output. Only these need gradients. */
export function onPath(
  graph: Graph,
  { rules, output, wrt, endAtSteps = false }: Omit<SweepRequest, "covector">,
): Set<string> {
  const inputsOf = (node: Node): readonly string[] =>
    endAtSteps && isStep(node) ? [] : differentiableInputs(node, rules.get(node.op));
  const toOutput = neededFor(graph, [output], inputsOf);
  return new Set([...madeOf(graph, wrt, inputsOf)].filter((name) => toOutput.has(name)));
}

const without = (nodes: readonly Node[], rules: SweepRequest["rules"]): Node[] =>
  nodes.filter((node) => !rules.has(node.op) || isStep(node));

const makesOne =
  (names: ReadonlySet<string>) =>
  ({ outputs }: Node): boolean =>
    outputs.some((name) => names.has(name));

/** Says what to do about operators without a rule. Where it helps, that is to move only what lies behind them. */
function adviceFor(graph: Graph, request: SweepRequest): string {
  const wanted = request.wrt.filter((name) => graph.initializers.has(name));
  const layer = lastLayer(graph.nodes, new Set(wanted));
  const last = wanted.filter((name) => layer.has(name));
  const path = onPath(graph, { ...request, wrt: last });
  const helps =
    last.length > 0 && without(graph.nodes.filter(makesOne(path)), request.rules).length === 0;
  return helps
    ? '"--trainable last" would work: the layer before the logits needs none of them'
    : '"temper inspect" lists every operator and whether it has a rule';
}

/** Refuses every node on the way that has no rule, an attribute that no rule reads, or a second output in use. */
function checkRules(
  graph: Graph,
  nodes: readonly Node[],
  path: ReadonlySet<string>,
  request: SweepRequest,
): void {
  const { rules } = request;
  const missing = without(nodes, rules);
  if (missing.length > 0) {
    const named = missing.slice(0, 4).map(nodeLabel).join(", ");
    const more = missing.length > 4 ? ` and ${missing.length - 4} more` : "";
    throw new TemperError(
      "model-unsupported",
      `no gradient rule for ${named}${more}\n${adviceFor(graph, request)}`,
    );
  }
  for (const node of nodes) {
    const { attributes: known, everyOutput = false } = rules.get(node.op)!;
    const unknown = [...node.attributes.keys()].find((name) => !known.includes(name));
    if (unknown !== undefined) {
      throw new TemperError(
        "model-unsupported",
        `${nodeLabel(node)}: attribute ${unknown} is not supported; known are ${known.join(", ") || "none"}`,
      );
    }
    const second = node.outputs.slice(1).find((name) => path.has(name));
    const used = (name: string): boolean => nodes.some(({ inputs }) => inputs.includes(name));
    if (!everyOutput && second !== undefined && used(second)) {
      throw new TemperError(
        "model-unsupported",
        `${nodeLabel(node)}: its output "${second}" is used, and only the first output has a gradient`,
      );
    }
  }
}

/**
 * Emits the nodes that compute, for every wanted value v, the gradient in v of sum(covector * output). The
 * builder receives them, and the values of the forward graph keep their names.
 *
 * @throws TemperError `model-unsupported` naming every operator on the way without a rule
 */
export function sweep(graph: Graph, b: Builder, request: SweepRequest): SweepResult {
  const { rules, output, covector, wrt, factored } = request;
  const path = onPath(graph, request);
  const nodes = graph.nodes.filter(makesOne(path));
  checkRules(graph, nodes, path, request);

  const uses = new Map<string, number>();
  for (const name of nodes.flatMap(({ inputs }) => inputs))
    uses.set(name, (uses.get(name) ?? 0) + 1);

  const parts = new Map<string, string[]>([[output, [covector]]]);
  const factors = new Map<string, Factors>();
  const convolved = new Map<string, Convolved>();
  const total = (name: string): string | undefined =>
    parts.get(name)?.reduce((a, c) => b.op("Add", [a, c]));

  for (const node of nodes.toReversed()) {
    const rule = rules.get(node.op)!;
    const gs = (rule.everyOutput ? node.outputs : node.outputs.slice(0, 1)).map(total);
    if (gs.every((g) => g === undefined)) continue;
    // A rule for every output reads gs; any other has the one gradient there is.
    const call: Call = { b, node, x: node.inputs, y: node.outputs[0], g: gs[0] ?? "", gs };
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
      const isApart = i === 1 && request.convolved?.has(name) && uses.get(name) === 1;
      if (isApart && rule.convolved !== undefined) {
        convolved.set(name, rule.convolved(call));
        continue;
      }
      parts.set(name, [...(parts.get(name) ?? []), vjp()]);
    }
  }
  const gradients = new Map<string, string>();
  for (const name of wrt) {
    const gradient = total(name);
    if (gradient !== undefined) gradients.set(name, gradient);
  }
  return { gradients, factors, convolved };
}
