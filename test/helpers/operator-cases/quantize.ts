// Cases of quantisation, values beyond the range among them.
import type { Random } from "../../../src/tensor/random.ts";
import { tensor } from "../graph-builder.ts";
import { type Case, scalar, whole } from "./case.ts";

export function quantization(random: Random): Case[] {
  const wide = tensor([2, 3, 2], [-60, -3, -0.75, 0.3, 1.25, 9, 2, 7, 63.5, -32, 40, 5]);
  const scales = tensor([3], [0.5, 0.25, 0.125]);
  return [
    { op: "QuantizeLinear", inputs: [wide, scalar(0.25)] },
    { op: "QuantizeLinear", inputs: [wide, scalar(0.25), scalar(100, "uint8")] },
    { op: "QuantizeLinear", inputs: [wide, scalar(0.25), scalar(-9, "int8")] },
    { op: "QuantizeLinear", inputs: [wide, scales, tensor([3], [0, 9, 200], "uint8")] },
    {
      op: "QuantizeLinear",
      inputs: [[3, 2], scales, tensor([3], [0, 9, -100], "int8")],
      attributes: { axis: -2 },
    },
    {
      op: "QuantizeLinear",
      inputs: [wide, scalar(0.25)],
      attributes: { output_dtype: 3 },
      opset: 21,
    },
    { op: "DequantizeLinear", inputs: [whole(random, [2, 3], "int8"), scalar(0.5)] },
    {
      op: "DequantizeLinear",
      inputs: [tensor([2, 2], [0, 200, 255, 7], "uint8"), scalar(0.25), scalar(100, "uint8")],
    },
    {
      op: "DequantizeLinear",
      inputs: [whole(random, [3, 2], "int8"), scales, tensor([3], [0, 1, -2], "int8")],
      attributes: { axis: 0 },
    },
  ];
}
