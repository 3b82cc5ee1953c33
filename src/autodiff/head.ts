// Finds the end of a classifier: the value that holds the logits, of which it makes rows [batch, labels].
import { TemperError } from "../errors.ts";
import { intOf } from "../onnx/attributes.ts";
import {
  floatTensor,
  type Graph,
  intTensor,
  makersOf,
  type Node,
  nodeLabel,
  type Tensor,
  type ValueInfo,
} from "../onnx/graph.ts";
import { OWN_NAMES } from "../onnx/lift.ts";
import { fromFront } from "./builder.ts";
import { doubtOf, endingOf } from "./ending.ts";
import type { Shape, ShapedGraph, Shapes } from "./shape.ts";

/** How the file's own answer says which label wins. */
export type Answer =
  /** The label with the largest number wins. */
  | { readonly kind: "scores" }
  /** There is one number: above this threshold label 1 wins, and below it label 0. */
  | { readonly kind: "threshold"; readonly threshold: number }
  /** The answer is the index of the label. */
  | { readonly kind: "index" };

export interface Head {
  /** The output of the file that answers. */
  readonly output: string;
  /** The value of the file that the logits are. */
  readonly value: string;
  readonly labels: number;
  readonly answer: Answer;
  /** The step that the file ends in and that is not used, as messages name it. */
  readonly cut: string | undefined;
  /** What is to be said about the reading of the output; undefined where it is plain. */
  readonly note: string | undefined;
}

/** The axis and the number of the labels in the shape of a value. */
interface LabelAxis {
  readonly axis: number;
  readonly labels: number;
}

/**
 * Finds the labels of a value [batch, labels], in which further axes may have the size 1; undefined for any other.
 *
 * @param images how many images each run has, where that is fixed; the batch is open otherwise
 */
function labelAxis(shape: Shape | undefined, images: number | undefined): LabelAxis | undefined {
  if (shape === undefined) return undefined;
  const batch = images === undefined ? -1 : images;
  const whole = [...shape.entries()].filter(([, dim]) => dim !== 1);
  // A batch of one image is like any other axis of size 1.
  const [first, ...others] = batch === 1 ? [[-1, 1] as const, ...whole] : whole;
  if (first === undefined || first[1] !== batch || others.length > 1) return undefined;
  if (others.some(([, dim]) => dim < 2)) return undefined;
  const [[axis, labels]] = others.length === 0 ? [[shape.length - 1, 1] as const] : others;
  return { axis, labels };
}

/**
 * Leaves a graph one output alone, which may be any value that a node makes.
 *
 * @throws TemperError `bad-option` where nothing has the name
 */
export function withOutput(graph: Graph, name: string | undefined): Graph {
  if (name === undefined) return graph;
  const declared = graph.outputs.find((output) => output.name === name);
  if (declared === undefined && !makersOf(graph).has(name)) {
    const names = [...new Set(graph.outputs.map((output) => `"${output.name}"`))].join(", ");
    throw new TemperError(
      "bad-option",
      `the model has the outputs ${names}, not "${name}"\n` +
        "name the one that holds the logits with output (--output NAME)",
    );
  }
  return { ...graph, outputs: [declared ?? { name, type: null, dims: [] }] };
}

/**
 * Finds the logits: of the only output that can hold them.
 *
 * @param graph lifted, with the outputs that the file declares, or the one that is named
 * @param images how many images each run has, where that is fixed
 * @throws TemperError `bad-option` where several outputs can be the logits, `model-unsupported` where none
 */
export function headOf(graph: Graph, shapes: Shapes, images?: number): Head {
  const outputs = [...new Set(graph.outputs.map(({ name }) => name))];
  const axisOf = (value: string): LabelAxis | undefined => labelAxis(shapes.get(value), images);
  const isOver = (value: string, axis: number): boolean => {
    const rank = shapes.get(value)?.length ?? 0;
    const over = axisOf(value);
    return over !== undefined && over.labels > 1 && over.axis === fromFront(axis, rank);
  };
  const heads = outputs.flatMap(
    (output) =>
      indexHead(graph, output, axisOf, isOver) ?? scoreHead(graph, output, axisOf, isOver) ?? [],
  );
  const best = ["scores", "index", "threshold"]
    .map((kind) => heads.filter(({ answer }) => answer.kind === kind))
    .find((some) => some.length > 0);
  if (best === undefined) throw notAClassifier(outputs, shapes);
  const [head] = best;
  if (best.some(({ value }) => value !== head.value)) {
    const listed = best.map(({ output, labels }) => `"${output}" of ${labels} labels`).join(", ");
    throw new TemperError(
      "bad-option",
      `the model has several outputs that can be the logits: ${listed}\n` +
        "name the one that holds them with output (--output NAME)",
    );
  }
  return head;
}

type AxisOf = (value: string) => LabelAxis | undefined;
type IsOver = (value: string, axis: number) => boolean;

const passing = new Set(["Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze"]);

/** Finds the index that a node looks up in a list of labels, where every label is its own index. */
function indexOfItself({ initializers }: Graph, { op, inputs }: Node): string | undefined {
  if (op !== "Gather" && op !== "ai.onnx.ml.ArrayFeatureExtractor") return undefined;
  const labels = initializers.get(inputs[0])?.values;
  return labels && Array.from(labels, Number).every((label, i) => label === i)
    ? inputs[1]
    : undefined;
}

/** Reads an output that is the label itself: the index of the largest of some scores. */
function indexHead(graph: Graph, output: string, axisOf: AxisOf, isOver: IsOver): Head | undefined {
  const maker = makersOf(graph);
  let node = maker.get(output);
  while (node !== undefined) {
    const index = passing.has(node.op) ? node.inputs[0] : indexOfItself(graph, node);
    if (index === undefined) break;
    node = maker.get(index);
  }
  if (node?.op !== "ArgMax" || !isOver(node.inputs[0], intOf(node, "axis", 0))) return undefined;
  const { value } = endingOf(graph, node.inputs[0], isOver);
  const { labels } = axisOf(node.inputs[0])!;
  const answer = { kind: "index" } as const;
  return { output, value, labels, answer, cut: nodeLabel(node), note: undefined };
}

/** Reads an output of one number a label, or of one number for two. */
function scoreHead(graph: Graph, output: string, axisOf: AxisOf, isOver: IsOver): Head | undefined {
  const { type } = graph.outputs.find(({ name }) => name === output) ?? { type: null };
  const found = axisOf(output);
  const sorted = makersOf(graph).get(output)?.op === "TopK";
  if (found === undefined || sorted || (type !== null && type !== "float32")) return undefined;
  const { value, cut, f } = endingOf(graph, output, isOver);
  const named = { output, value, cut: cut && nodeLabel(cut) };
  if (found.labels > 1) {
    const note = cut === undefined ? doubtOf(graph, value) : undefined;
    return { ...named, labels: found.labels, answer: { kind: "scores" }, note };
  }
  if (f === undefined) return undefined;
  const note =
    `the model answers with one number: it is taken as label 1's, ` +
    `which wins above ${f(0)}, against label 0`;
  return { ...named, labels: 2, answer: { kind: "threshold", threshold: f(0) }, note };
}

function notAClassifier(outputs: readonly string[], shapes: Shapes): TemperError {
  const shown = outputs.map((name) => {
    const dims = (shapes.get(name) ?? []).map((d) => (d >= 0 ? d : d === -1 ? "n" : `${-d} n`));
    return `"${name}" is [${dims.join(", ")}]`;
  });
  return new TemperError(
    "model-unsupported",
    `no output holds one number a label for each of n images: ${shown.join(", ")}\n` +
      "Temper corrects classifiers; of other networks it can be given the part that classifies",
  );
}

/** Makes rows of logits [batch, labels] of the head's value, and leaves the graph no other output. */
export function withHead(graph: Graph, known: Shapes, head: Head, images?: number): ShapedGraph {
  const batch = images ?? -1;
  const columns = head.answer.kind === "threshold" ? 1 : head.labels;
  const nodes = [...graph.nodes];
  const initializers = new Map(graph.initializers);
  const shapes = new Map(known);
  let logits = head.value;
  const append = (op: string, constant: Tensor, width: number): void => {
    const output = `${OWN_NAMES}head/${op}`;
    const inputs = [logits, `${output}/constant`];
    initializers.set(inputs[1], constant);
    shapes.set(inputs[1], constant.dims);
    shapes.set(output, [batch, width]);
    nodes.push({ op, name: output, inputs, outputs: [output], attributes: new Map() });
    logits = output;
  };
  const shape = shapes.get(logits);
  if (shape?.length !== 2 || shape[0] !== batch || shape[1] !== columns) {
    append("Reshape", intTensor([batch, columns]), columns);
  }
  if (columns === 1) {
    // One number z stands for the logits (0, z) of two labels.
    append("MatMul", floatTensor([1, 2], [0, 1]), 2);
  }
  const outputs: ValueInfo[] = [{ name: logits, type: "float32", dims: [] }];
  return { graph: { ...graph, nodes, initializers, outputs }, shapes };
}
