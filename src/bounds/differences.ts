// The graph of a network's certificate: upper bounds of the differences of logits over boxes of images.
import { type Builder, createBuilder, reshape } from "../autodiff/builder.ts";
import type { ShapedGraph } from "../autodiff/shape.ts";
import { int } from "../onnx/attributes.ts";
import { elementCount, type Graph } from "../onnx/graph.ts";
import { upperBound } from "./backward.ts";
import { between } from "./interval.ts";
import { intervals } from "./intervals.ts";

/** The input of the graph: a row an image, its box and the one-hot label, see `packBoxes`. */
export const BOXES = "temper/boxes";

export const boundMethods = ["ibp", "crown-ibp"] as const;
/**
 * How differences are bounded: `ibp` by intervals, folding the last layers into them; `crown-ibp` by linear bounds from
 * the logits to the image, between lines that the intervals of each activation give (Zhang et al., arXiv 1906.06316).
 */
export type BoundMethod = (typeof boundMethods)[number];

export interface DifferencesOptions {
  /** Default `ibp`. */
  readonly method?: BoundMethod | undefined;
  /** Whether the bounds hold of float32, for any order of summation; without it they are those of the literature. */
  readonly widen: boolean;
}

/**
 * Makes the graph of upper bounds of f_l(x) - f_y(x) over a box for each label l, [B, labels]: 0 at y, and all others
 * below 0 where the image is proven right in the whole box. The last layer is folded into the differences.
 *
 * @throws TemperError `model-unsupported` naming the operators that have no bound
 */
export function differencesGraph(
  { graph, shapes }: ShapedGraph,
  { method = "ibp", widen }: DifferencesOptions,
): Graph {
  const b = createBuilder(graph, shapes, "temper/bounds/");
  const [image] = graph.inputs;
  const dims = shapes.get(image.name)!.slice(1);
  const size = elementCount(dims);
  const logits = graph.outputs[0].name;
  const labels = shapes.get(logits)![1];
  const [low, high, onehot] = b.ops("Split", [BOXES, b.ints([size, size, labels])], 3, {
    axis: int(1),
  });
  const box = between(b, reshape(b, low, [-1, ...dims]), reshape(b, high, [-1, ...dims]));
  const bounds = intervals(graph, b, new Map([[image.name, box]]), widen);
  const rows = reshape(b, rivalsOf(b, onehot, labels), [-1, labels]);
  const through = method === "crown-ibp";
  const bound = upperBound({ graph, b, bounds, of: logits, rows, through, widen });
  // No row of the label itself: what rounding leaves of it is no bound of a rival.
  const rivals = b.op("Sub", [b.floats([], [1]), onehot]);
  const output = b.op("Mul", [bound, rivals]);
  return {
    ...graph,
    inputs: [{ name: BOXES, type: "float32", dims: ["batch", 2 * size + labels] }],
    outputs: [{ name: output, type: "float32", dims: ["batch", labels] }],
    initializers: new Map([...graph.initializers, ...b.initializers]),
    nodes: b.nodes,
  };
}

/** The rows e_l - e_y, [B, labels, labels]. */
function rivalsOf(b: Builder, onehot: string, labels: number): string {
  const identity = Array.from({ length: labels * labels }, (_, i) =>
    i % (labels + 1) === 0 ? 1 : 0,
  );
  const each = b.floats([1, labels, labels], identity);
  return b.op("Sub", [each, reshape(b, onehot, [-1, 1, labels])]);
}
