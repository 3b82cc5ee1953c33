// Describes the shapes of a graph's values with the batch size left open.
import type { Graph } from "../onnx/graph.ts";

/**
 * One shape for every batch size. An entry d >= 0 is that size, and an entry -c stands for c times the batch: -1
 * is the batch itself, -49 a batch of 7 x 7 windows that were flattened together.
 */
export type Shape = readonly number[];

/** The shape of every value of a graph, by name. The engine measures them by running the graph. */
export type Shapes = ReadonlyMap<string, Shape>;

/** A graph with the shape of each of its values. */
export interface ShapedGraph {
  readonly graph: Graph;
  readonly shapes: Shapes;
}

/** Tells whether an entry grows with the batch. */
export const isBatch = (dim: number): boolean => dim < 0;

/** Returns the shape that explains what was measured at two batch sizes, or undefined where none does. */
export function openShape(
  first: readonly number[],
  second: readonly number[],
  firstBatch: number,
  secondBatch: number,
): Shape | undefined {
  if (first.length !== second.length) return undefined;
  const shape = first.map((dim, i) => {
    if (dim === second[i]) return dim;
    const perImage = dim / firstBatch;
    return Number.isInteger(perImage) && second[i] === perImage * secondBatch
      ? -perImage
      : undefined;
  });
  return shape.includes(undefined) ? undefined : (shape as number[]);
}
