// Cuts a graph in two where theta begins to matter: what is made of the image alone, and what is made of that.
//
// A correction of a part of the weights is then a correction of a smaller network, whose images are the values that
// cross the cut.
import { int } from "../onnx/attributes.ts";
import {
  elementCount,
  type Graph,
  intTensor,
  makersOf,
  type Node,
  type ValueInfo,
} from "../onnx/graph.ts";
import { OWN_NAMES } from "../onnx/lift.ts";
import { madeOf, neededFor } from "../onnx/paths.ts";
import { createBuilder } from "./builder.ts";
import { discrete } from "./rule.ts";
import type { Shape, ShapedGraph, Shapes } from "./shape.ts";

/** A classifier in two parts, the second of which has all that moves. */
export interface Split {
  /** Makes what crosses the cut of images. */
  readonly frozen: ShapedGraph;
  /** Makes the logits of what crosses the cut. */
  readonly moving: ShapedGraph;
  /** Of what crosses the cut, of one image. */
  readonly shape: readonly number[];
}

const PACKED = `${OWN_NAMES}crossing`;

/**
 * Cuts a classifier behind all that does not depend on the named weights.
 *
 * @returns undefined where the logits do not depend on them, or nothing but the image could cross
 */
export function splitAtTheta(
  { graph, shapes }: ShapedGraph,
  names: readonly string[],
): Split | undefined {
  const image = graph.inputs[0].name;
  const logits = graph.outputs[0].name;
  const crossing = crossingValues({ graph, shapes }, names);
  if (!madeOf(graph, names).has(logits) || crossing.includes(image)) return undefined;
  const shapesOf = crossing.map((name) => shapes.get(name)!.slice(1));
  return crossing.length === 1
    ? { ...withOneValue({ graph, shapes }, crossing[0]), shape: shapesOf[0] }
    : packed({ graph, shapes }, crossing);
}

/**
 * The values where the way back from the logits ends: floats, an image's in each row, that do not depend on theta.
 * What no row could hold, as the shape of a batch, is made on both sides.
 */
function crossingValues({ graph, shapes }: ShapedGraph, names: readonly string[]): string[] {
  const ofImage = madeOf(graph, [graph.inputs[0].name]);
  const moved = madeOf(graph, names);
  const makers = makersOf(graph);
  const crosses = (name: string): boolean =>
    ofImage.has(name) && !moved.has(name) && isRow(shapes.get(name), makers.get(name));
  const found = new Set<string>();
  neededFor(graph, [graph.outputs[0].name], ({ inputs }) =>
    inputs.filter((name) => {
      if (!crosses(name)) return true;
      found.add(name);
      return false;
    }),
  );
  return [...found];
}

/** Whether a value is floats with one row an image. */
const isRow = (shape: Shape | undefined, maker: Node | undefined): boolean =>
  shape?.[0] === -1 &&
  shape.slice(1).every((dim) => dim > 0) &&
  (maker === undefined || !(discrete.has(maker.op) || maker.op === "Cast"));

/** Where one value crosses, it is the output of one graph and the input of the other. */
function withOneValue(whole: ShapedGraph, name: string): Omit<Split, "shape"> {
  const dims = ["batch", ...whole.shapes.get(name)!.slice(1)];
  return {
    frozen: endingIn(whole, { name, type: null, dims: [] }),
    moving: beginningAt(whole, { name, type: "float32", dims }, [name]),
  };
}

/** Several are packed into one row an image. */
function packed({ graph, shapes }: ShapedGraph, crossing: readonly string[]): Split {
  const sizes = crossing.map((name) => elementCount(shapes.get(name)!.slice(1)));
  const width = sizes.reduce((a, c) => a + c, 0);
  const b = createBuilder(graph, shapes, `${PACKED}/`);
  const flat = crossing.map((name) => b.op("Flatten", [name], { axis: int(1) }));
  const all = b.op("Concat", flat, { axis: int(1) });
  const rows = new Map([
    ...flat.map((name, i) => [name, [-1, sizes[i]]] as const),
    [all, [-1, width]] as const,
  ]);
  const frozen = {
    graph: { ...graph, nodes: [...graph.nodes, ...b.nodes] },
    shapes: new Map([...shapes, ...rows]),
  };

  const parts = crossing.map((_, i) => `${PACKED}/part_${i}`);
  const node = (op: string, inputs: string[], outputs: string[], axis?: number): Node => ({
    ...{ op, name: outputs[0], inputs, outputs },
    attributes: new Map(axis === undefined ? [] : [["axis", int(axis)]]),
  });
  const dims = crossing.map((name) => [-1, ...shapes.get(name)!.slice(1)]);
  const constants = new Map([
    [`${PACKED}/sizes`, intTensor(sizes)] as const,
    ...dims.map((shape, i) => [`${PACKED}/shape_${i}`, intTensor(shape)] as const),
  ]);
  const unpacking = [
    node("Split", [PACKED, `${PACKED}/sizes`], parts, 1),
    ...crossing.map((name, i) => node("Reshape", [parts[i], `${PACKED}/shape_${i}`], [name])),
  ];
  const rest = beginningAt(
    { graph, shapes },
    { name: PACKED, type: "float32", dims: ["batch", width] },
    crossing,
  );
  return {
    frozen: endingIn(frozen, { name: all, type: null, dims: [] }),
    moving: {
      graph: {
        ...rest.graph,
        initializers: new Map([...rest.graph.initializers, ...constants]),
        nodes: [...unpacking, ...rest.graph.nodes],
      },
      shapes: new Map([
        ...rest.shapes,
        [PACKED, [-1, width]],
        ...parts.map((name, i) => [name, [-1, sizes[i]]] as const),
        ...[...constants].map(([name, tensor]) => [name, tensor.dims] as const),
      ]),
    },
    shape: [width],
  };
}

/** The graph up to an output. */
const endingIn = ({ graph, shapes }: ShapedGraph, output: ValueInfo): ShapedGraph =>
  pruned({ graph: { ...graph, outputs: [output] }, shapes }, []);

/** The graph from an input on; `given` are made by what comes before it. */
const beginningAt = (
  { graph, shapes }: ShapedGraph,
  input: ValueInfo,
  given: readonly string[],
): ShapedGraph => pruned({ graph: { ...graph, inputs: [input] }, shapes }, given);

/** What the outputs need, without the nodes that make what is given. */
function pruned({ graph, shapes }: ShapedGraph, given: readonly string[]): ShapedGraph {
  const makesGiven = ({ outputs }: Node): boolean => outputs.some((name) => given.includes(name));
  const rest: Pick<Graph, "nodes"> = { nodes: graph.nodes.filter((node) => !makesGiven(node)) };
  const needed = neededFor(
    rest,
    graph.outputs.map(({ name }) => name),
  );
  const nodes = rest.nodes.filter(({ outputs }) => outputs.some((name) => needed.has(name)));
  const initializers = new Map([...graph.initializers].filter(([name]) => needed.has(name)));
  const own: Shapes = new Map([...shapes].filter(([name]) => needed.has(name)));
  return { graph: { ...graph, nodes, initializers }, shapes: own };
}
