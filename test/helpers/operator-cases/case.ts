// What an operator case is: one operator, its inputs and attributes; and the random tensors for it.
import type { ElementType, Tensor } from "../../../src/onnx/graph.ts";
import type { Random } from "../../../src/tensor/random.ts";
import { size } from "../evaluate/array.ts";
import { type node, tensor } from "../graph-builder.ts";

/** Dims of normal values, or a tensor, or nothing (an omitted optional input). */
export type Input = readonly number[] | Tensor | "";

/** One call of one operator; it has one output unless `outputs` says how many. */
export interface Case {
  readonly op: string;
  readonly inputs: readonly Input[];
  readonly attributes?: Parameters<typeof node>[3];
  readonly outputs?: number;
  readonly opset?: number;
}

export const isTensor = (input: Input): input is Tensor =>
  typeof input === "object" && "dims" in input;

type Dims = readonly number[];

function draw(dims: Dims, value: () => number, type: ElementType = "float32"): Tensor {
  return tensor(dims, Array.from({ length: size(dims) }, value), type);
}

export const normal = (random: Random, dims: Dims): Tensor => draw(dims, () => random.normal());

export const positive = (random: Random, dims: Dims): Tensor =>
  draw(dims, () => 0.1 + 2 * random.uniform());

/** Small whole numbers, so that equal values and zeros occur. */
export const whole = (random: Random, dims: Dims, type: ElementType = "float32"): Tensor =>
  draw(dims, () => random.below(5) - 2, type);

export const bools = (random: Random, dims: Dims): Tensor =>
  draw(dims, () => random.below(2), "bool");

export const scalar = (value: number, type: ElementType = "float32"): Tensor =>
  tensor([], [value], type);
