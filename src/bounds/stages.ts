// The graphs of CROWN's stages: bounds of what each activation is given, from those of the activations before it.
//
// Intervals grow from layer to layer; a linear bound of each layer's values, through the layers before it, does so far
// less (Zhang et al., arXiv 1811.00866). It costs a way back for every value, so only those are bounded anew that an
// interval leaves on both sides of a bend.
import { createBuilder } from "../autodiff/builder.ts";
import type { ShapedGraph } from "../autodiff/shape.ts";
import { elementCount, type Graph, type Node, type ValueInfo } from "../onnx/graph.ts";
import { madeOf, neededFor } from "../onnx/paths.ts";
import { upperBound } from "./backward.ts";
import { between, type Interval } from "./interval.ts";
import { boundedNodes, intervals, ruleOf } from "./intervals.ts";

/** The names of the graphs' inputs: the ends of each pixel, [n, ...], and the rows to bound, [n * R, ...]. */
export const LOWER = "temper/lower";
export const UPPER = "temper/upper";
export const ROWS = "temper/rows";

/** The names of the ends of a value that earlier stages have bounded. */
export const endsOf = (value: string): readonly [lower: string, upper: string] => [
  `temper/lower/${value}`,
  `temper/upper/${value}`,
];

/** A value that an activation is given. */
export interface Stage {
  readonly value: string;
  /** Of one image, without the batch. */
  readonly dims: readonly number[];
  /**
   * Whether other activations come before it, with an affine operator between: without, its interval is as good as a
   * linear bound.
   */
  readonly deep: boolean;
  /** Whether the activation bends at 0 alone, so that a value on one side of it needs no closer bound. */
  readonly kinked: boolean;
}

const kinked: ReadonlySet<string> = new Set(["LeakyRelu", "PRelu", "Relu"]);

/** The values that activations are given, in order. */
export function stagesOf({ graph, shapes }: ShapedGraph): readonly Stage[] {
  const bounded = [...boundedNodes(graph)];
  const curved = bounded.filter((node) => ruleOf(node).kind === "curved");
  const behind = madeOf(
    graph,
    curved.flatMap(({ outputs }) => outputs),
  );
  const makers = new Map(bounded.flatMap((node) => node.outputs.map((name) => [name, node])));
  /** Whether the bounds of stages before give its own entry by entry. */
  const follows = (value: string): boolean => {
    const maker = makers.get(value);
    if (maker === undefined) return true;
    const { kind } = ruleOf(maker);
    return kind === "curved" || (kind === "moving" && maker.inputs.every(follows));
  };
  const readers = new Map<string, Node[]>();
  for (const node of curved) {
    readers.set(node.inputs[0], [...(readers.get(node.inputs[0]) ?? []), node]);
  }
  return [...readers].map(([value, nodes]) => ({
    value,
    dims: shapes.get(value)!.slice(1),
    deep: behind.has(value) && !follows(value),
    kinked: nodes.every(({ op }) => kinked.has(op)),
  }));
}

export const sizeOf = ({ dims }: Stage): number => elementCount(dims);

/** What a graph of a stage is made of. */
interface StageRequest extends ShapedGraph {
  /** The value that is bounded, and the stages before it. */
  readonly value: string;
  readonly before: readonly Stage[];
}

/** The graph of the interval of a value: its outputs are the lower and the upper ends, [n, ...]. */
export function endsGraph(request: StageRequest): Graph {
  const { b, bounds, inputs } = begun(request);
  const ends = bounds.get(request.value)!;
  return ended(request.graph, b, inputs, [ends.lower(), ends.upper()]);
}

/** The graph of upper bounds of rows of a value, [n, R]. */
export function rowsGraph(request: StageRequest): Graph {
  const { graph, shapes, value } = request;
  const { b, bounds, inputs } = begun(request);
  const bound = upperBound({
    ...{ graph, b, bounds, of: value, rows: ROWS },
    ...{ through: true, widen: true },
  });
  const rows: ValueInfo = {
    name: ROWS,
    type: "float32",
    dims: ["rows", ...shapes.get(value)!.slice(1)],
  };
  return ended(graph, b, [...inputs, rows], [bound]);
}

function begun({ graph, shapes, before }: StageRequest) {
  const b = createBuilder(graph, shapes, "temper/bounds/");
  const [image] = graph.inputs;
  const dims = shapes.get(image.name)!.slice(1);
  const named = [
    { value: image.name, dims, ends: [LOWER, UPPER] as const },
    ...before.map((stage) => ({ ...stage, ends: endsOf(stage.value) })),
  ];
  const known = new Map(
    named.map(({ value, ends: [low, high] }): [string, Interval] => [value, between(b, low, high)]),
  );
  const inputs = named.flatMap(({ dims: each, ends }) =>
    ends.map((name): ValueInfo => ({ name, type: "float32", dims: ["batch", ...each] })),
  );
  return { b, inputs, bounds: intervals(graph, b, known, true) };
}

/** The nodes that make the outputs, as a graph; inputs that nothing reads stay. */
function ended(
  graph: Graph,
  b: { readonly nodes: readonly Node[]; readonly initializers: Graph["initializers"] },
  inputs: readonly ValueInfo[],
  outputs: readonly string[],
): Graph {
  const needed = neededFor({ nodes: b.nodes }, outputs);
  return {
    ...graph,
    inputs,
    outputs: outputs.map((name) => ({ name, type: null, dims: [] })),
    initializers: new Map([...graph.initializers, ...b.initializers]),
    nodes: b.nodes.filter((node) => node.outputs.some((name) => needed.has(name))),
  };
}
