// Sums of coefficients times values in boxes: where linear bounds become numbers.
import { type Builder, scalar, sumOver } from "../autodiff/builder.ts";
import { int } from "../onnx/attributes.ts";
import { elementCount } from "../onnx/graph.ts";
import type { Interval } from "./interval.ts";
import { errorShare } from "./rounding.ts";
import { type Rows, refuseBound } from "./rule.ts";

/** Around what a value lies, and how far from it; without a centre around 0. */
export interface Box {
  readonly centre?: string;
  readonly radius: string;
}

export const boxOf = (x: Interval): Box => ({ centre: x.centre(), radius: x.radius() });

export const scaled = (b: Builder, value: string, by: number): string =>
  b.op("Mul", [value, scalar(b, by)]);

/**
 * The largest value of sum(A x) over |x - c| <= r, which is sum(A c + |A| r), for every row: [B, R].
 *
 * @param of the name of the value, whose shape is known
 * @param coefficients A, [B * R, ...]
 */
export function largest(rows: Rows, of: string, coefficients: string, box: Box): string {
  const { b, node, widen } = rows;
  // A sum of sums has far fewer roundings than one sum.
  if (b.shapeOf(of)[0] >= 0) refuseBound(node, "its images do not lie along the first axis");
  const [first, second] = factors(elementCount(b.shapeOf(of).map(Math.abs)));
  const flat = (value: string): string => inRows(rows, value, [first, second]);
  const a = flat(coefficients);
  const c = box.centre === undefined ? undefined : flat(box.centre);
  const r = flat(box.radius);
  const share = errorShare(node, first + second);
  const wide = widen ? b.op("Add", [r, scaled(b, size(b, c, r), share)]) : r;
  const spread = b.op("Mul", [b.op("Abs", [a]), wide]);
  const all = c === undefined ? spread : b.op("Add", [b.op("Mul", [a, c]), spread]);
  return sumOver(b, sumOver(b, all, [3]), [2]);
}

const size = (b: Builder, c: string | undefined, r: string): string =>
  c === undefined ? r : b.op("Add", [b.op("Abs", [c]), r]);

/** The sum of such sums, and of what adding them up may round. */
export function summed({ b, node, widen }: Rows, terms: readonly string[]): string {
  const sum = terms.reduce((a, c) => b.op("Add", [a, c]));
  if (!widen) return sum;
  const sizes = terms.map((term) => b.op("Abs", [term])).reduce((a, c) => b.op("Add", [a, c]));
  return b.op("Add", [sum, scaled(b, sizes, errorShare(node, terms.length))]);
}

/** A value, or the coefficients of its rows, as [B, R, ...dims]; a value has one row. */
export function inRows({ b, image }: Rows, value: string, dims: readonly number[]): string {
  const batch = b.op("Slice", [b.op("Shape", [image]), b.ints([0]), b.ints([1])]);
  const shape = b.op("Concat", [batch, b.ints([-1, ...dims])], { axis: int(0) });
  return b.op("Reshape", [value, shape]);
}

/** The divisors of n nearest to its root. */
function factors(n: number): readonly [number, number] {
  let first = Math.floor(Math.sqrt(n));
  while (n % first !== 0) first--;
  return [first, n / first];
}
