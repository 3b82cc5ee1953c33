// What a case of a gradient rule is: a small graph of an image x and parameters, drawn away from kinks.
import type { Node, Tensor } from "../../../src/onnx/graph.ts";
import type { Random } from "../../../src/tensor/random.ts";
import { node } from "../graph-builder.ts";
import { randomArray, spreadArray } from "../random-array.ts";

type Draw = (random: Random, size: number) => Float64Array;

/** Dims of normal values, or dims and how to draw them, or a constant that is not differentiated. */
export type Value =
  | readonly number[]
  | { readonly dims: readonly number[]; readonly draw: Draw }
  | Tensor;

export interface RuleCase {
  /** The operator under test. */
  readonly op: string;
  /** x, without the batch. */
  readonly image: Exclude<Value, Tensor>;
  readonly parameters: Readonly<Record<string, Value>>;
  /** The last node's first output is what is differentiated. */
  readonly nodes: readonly Node[];
  readonly opset?: number;
}

type Attributes = Parameters<typeof node>[3];

/** One call of one operator, its inputs x and then the parameters unless they are named. */
export function one(
  op: string,
  image: RuleCase["image"],
  parameters: RuleCase["parameters"] = {},
  attributes: Attributes = {},
  inputs: readonly string[] = ["x", ...Object.keys(parameters)],
): RuleCase {
  return { op, image, parameters, nodes: [node(op, inputs, ["y"], attributes)] };
}

/** Normal values at a distance from kinks. */
export const away = (dims: readonly number[], ...kinks: readonly number[]): RuleCase["image"] => ({
  dims,
  draw: (random, size) => randomArray(random, size, { awayFrom: kinks }),
});

/** No two values close: no ties for a maximum. */
export const apart = (dims: readonly number[]): RuleCase["image"] => ({ dims, draw: spreadArray });

/** Far from 0, of both signs: denominators. */
export const large = (dims: readonly number[]): RuleCase["image"] => ({
  dims,
  draw: (random, size) => randomArray(random, size).map((v) => v + 2 * (v < 0 ? -1 : 1)),
});

/** Above 0 and not close to it. */
export const above = (dims: readonly number[]): RuleCase["image"] => ({
  dims,
  draw: (random, size) => randomArray(random, size).map((v) => 0.3 + Math.abs(v)),
});
