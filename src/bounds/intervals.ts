// Interval bounds of every value of a graph: from the image on, operator by operator (Gowal et al., arXiv 1810.12715).
import { type Builder, scalar } from "../autodiff/builder.ts";
import { sizing } from "../autodiff/rule.ts";
import { TemperError } from "../errors.ts";
import { type Graph, type Node, nodeLabel } from "../onnx/graph.ts";
import { madeOf } from "../onnx/paths.ts";
import { around, between, type Interval, magnitude } from "./interval.ts";
import { errorShare, TINY } from "./rounding.ts";
import { type AffineRule, type BoundCall, type BoundRule, refuseBound } from "./rule.ts";
import { boundRules } from "./rules.ts";

/** The bounds of values by name; what is the same for every image has none, and keeps its name. */
export type Intervals = ReadonlyMap<string, Interval>;

/**
 * Emits the bounds of every value of a graph that depends on the image.
 *
 * @param known bounds of the graph's one input, and of other values whose bounds are known already
 * @param widen by what float32 may round
 * @throws TemperError `model-unsupported` naming the operators that have no rule, or an attribute that none reads
 */
export function intervals(graph: Graph, b: Builder, known: Intervals, widen: boolean): Intervals {
  const bounds = new Map(known);
  const bounded = boundedNodes(graph);
  for (const node of graph.nodes) {
    const of = node.inputs.map((name) => bounds.get(name));
    if (bounded.has(node)) {
      for (const [name, made] of outputsOf(ruleOf(node), { b, node, of, widen })) {
        const { roundings } = made;
        bounds.set(name, { ...made, ...known.get(name), roundings });
      }
      continue;
    }
    // Of an image whose size alone is looked at, either end will do.
    const inputs = node.inputs.map((name, i) => of[i]?.lower() ?? name);
    b.nodes.push({ ...node, inputs });
  }
  return bounds;
}

/** The nodes whose values depend on the pixels, each of which has a rule that reads its attributes. */
export function boundedNodes(graph: Graph): Set<Node> {
  const valued = ({ op, inputs }: Node): readonly string[] => (sizing.has(op) ? [] : inputs);
  const made = madeOf(graph, [graph.inputs[0].name], valued);
  const nodes = graph.nodes.filter(({ outputs }) => outputs.some((name) => made.has(name)));
  const missing = nodes.filter(({ op }) => !boundRules.has(op));
  if (missing.length > 0) {
    const named = missing.slice(0, 4).map(nodeLabel).join(", ");
    const more = missing.length > 4 ? ` and ${missing.length - 4} more` : "";
    throw new TemperError(
      "model-unsupported",
      `no bound is known for ${named}${more}\n` +
        "docs/operators.md lists the operators that have one; what has none can be attacked, not proven",
    );
  }
  for (const node of nodes) {
    const { attributes } = ruleOf(node);
    const unknown = [...node.attributes.keys()].find((name) => !attributes.includes(name));
    if (unknown !== undefined) refuseBound(node, `its attribute ${unknown} is not supported`);
  }
  return new Set(nodes);
}

export const ruleOf = ({ op }: Node): BoundRule => boundRules.get(op)!;

/** The bounds of a node's outputs, by name. */
function outputsOf(rule: BoundRule, call: BoundCall): (readonly [string, Interval])[] {
  const { b, node, of, widen } = call;
  switch (rule.kind) {
    case "affine":
      return [[node.outputs[0], widen ? affineWidened(rule, call) : affine(rule, call)]];
    case "curved":
      return [[node.outputs[0], rule.interval(call, of[0]!)]];
    case "moving": {
      rule.check?.(call);
      const moved = (end: (x: Interval) => string): string[] => {
        const inputs = node.inputs.map((name, i) => (of[i] === undefined ? name : end(of[i])));
        return b.ops(node.op, inputs, node.outputs.length, Object.fromEntries(node.attributes));
      };
      const roundings = Math.max(...of.map((x) => x?.roundings ?? 0));
      const lower = moved((x) => x.lower());
      const upper = moved((x) => x.upper());
      return node.outputs.map((name, i) => [name, between(b, lower[i], upper[i], roundings)]);
    }
  }
}

/** The inputs of a node with other values in the place of those that depend on the image. */
export const replaced = ({ node, of }: BoundCall, value: (x: Interval) => string): string[] =>
  node.inputs.map((name, i) => (of[i] === undefined ? name : value(of[i])));

/** |W c + b - y| <= |W| r */
function affine(rule: AffineRule, call: BoundCall): Interval {
  const { b } = call;
  const roundings = rule.roundings(call);
  const centre = rule.apply(
    call,
    replaced(call, (x) => x.centre()),
  );
  const radius = rule.magnify(
    call,
    replaced(call, (x) => x.radius()),
    0,
  );
  return around(b, centre, radius, roundings);
}

/**
 * |fl(W c + b) - fl(y)| <= |W| (r + e (|c| + r)) + e |b|, where e has room for the roundings of either and of the
 * ends that are made of it (docs/guarantees.md proves it).
 */
function affineWidened(rule: AffineRule, call: BoundCall): Interval {
  const { b, node } = call;
  const roundings = rule.roundings(call);
  const share = errorShare(node, roundings);
  const wider = (x: Interval): string =>
    b.op("Add", [x.radius(), b.op("Mul", [magnitude(b, x), scalar(b, share)])]);
  const centre = rule.apply(
    call,
    replaced(call, (x) => x.centre()),
  );
  const radius = rule.magnify(call, replaced(call, wider), share);
  return around(b, centre, b.op("Add", [radius, scalar(b, TINY)]), roundings);
}
