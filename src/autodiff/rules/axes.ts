// Serves operators that are linear along each axis: y = x M, where the operator itself makes the matrix of an axis.
import { elementCount } from "../../onnx/graph.ts";
import { type Builder, reshape, transpose } from "../builder.ts";
import type { Shape } from "../shape.ts";

/** Makes an identity matrix. What an operator makes of its rows are the rows of the operator's matrix. */
export const identity = (b: Builder, size: number): string =>
  b.op("EyeLike", [b.op("ConstantOfShape", [b.ints([size, size])])]);

/** The matrix M of one axis, [entries of x, entries of y]. */
export interface AxisMatrix {
  readonly axis: number;
  readonly matrix: string;
}

/** Multiplies by M' along each axis, which turns the gradient in y, of shape `from`, into that in x, of shape `to`. */
export function throughAxes(
  b: Builder,
  g: string,
  [from, to]: readonly [Shape, Shape],
  axes: readonly AxisMatrix[],
): string {
  let [value, shape] = [g, from];
  for (const { axis, matrix } of axes) {
    const next = shape.with(axis, to[axis]);
    if (axis === shape.length - 1) {
      value = b.op("MatMul", [value, transpose(b, matrix, [1, 0])]);
    } else {
      const [lead, rest] = [shape.slice(0, axis), shape.slice(axis + 1)].map(elementCount);
      const stacked = reshape(b, value, [lead, shape[axis], rest]);
      value = reshape(b, b.op("MatMul", [matrix, stacked]), next);
    }
    shape = next;
  }
  return value;
}
