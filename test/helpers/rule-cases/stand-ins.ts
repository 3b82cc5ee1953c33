// Cases of the rules that pass gradients straight through: what has no differences to be checked by.
import type { Tensor } from "../../../src/onnx/graph.ts";
import { node, tensor } from "../graph-builder.ts";
import { scalar } from "../operator-cases/case.ts";
import { one, type RuleCase } from "./case.ts";

/** Quantised to whole numbers and back. */
export interface Quantised {
  readonly scale: Tensor;
  readonly zero?: Tensor;
  readonly axis?: number;
}

/** Scales that hold a normal value in part: some 1 of either sign, or less, or one sign only. */
export const quantisations: readonly Quantised[] = [
  { scale: scalar(1 / 128), zero: scalar(0, "int8") },
  { scale: scalar(1 / 64), zero: scalar(-100, "int8") },
  { scale: tensor([1], [1 / 128]), zero: tensor([1], [128], "uint8") },
  { scale: scalar(1 / 128) },
  { scale: tensor([3], [1 / 64, 1 / 128, 1]), zero: tensor([3], [0, 5, -128], "int8") },
  {
    scale: tensor(
      [4],
      [1, 2, 3, 4].map((i) => i / 256),
    ),
    axis: -1,
  },
];

export const quantised = ({ scale, zero, axis }: Quantised): RuleCase => {
  const inputs = ["scale", ...(zero === undefined ? [] : ["zero"])];
  const attributes = axis === undefined ? {} : { axis };
  return {
    op: "QuantizeLinear",
    image: [3, 4],
    parameters: { scale, ...(zero === undefined ? {} : { zero }) },
    nodes: [
      node("QuantizeLinear", ["x", ...inputs], ["q"], attributes),
      node("DequantizeLinear", ["q", ...inputs], ["y"], attributes),
    ],
  };
};

export function standIns(): RuleCase[] {
  const pairs = quantisations.map(quantised);
  return [
    one("Sign", [4, 5]),
    one("Sign", [], {}),
    ...pairs,
    ...pairs.map((c) => ({ ...c, op: "DequantizeLinear" })),
  ];
}
