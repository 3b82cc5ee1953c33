// Cases of the normalisations.
import type { Random } from "../../../src/tensor/random.ts";
import { type Case, positive } from "./case.ts";

export function normalizations(random: Random): Case[] {
  const x = [2, 6, 3, 2];
  const perChannel = (op: string): Case[] => [
    { op, inputs: [x, [6], [6]] },
    { op, inputs: [[2, 3, 5], [3], [3]], attributes: { epsilon: 0.1 } },
  ];
  return [
    { op: "BatchNormalization", inputs: [[2, 3, 4, 2], [3], [3], [3], positive(random, [3])] },
    {
      op: "BatchNormalization",
      inputs: [[4, 3], [3], [3], [3], positive(random, [3])],
      attributes: { epsilon: 0.1, momentum: 0.5 },
    },
    ...perChannel("InstanceNormalization"),
    ...[21, 18].flatMap((opset): Case[] =>
      [2, 3, 6].map((num_groups) => {
        const affine = opset === 21 ? [6] : [num_groups];
        const attributes = { num_groups, epsilon: 0.01 };
        return { op: "GroupNormalization", inputs: [x, affine, affine], attributes, opset };
      }),
    ),
    { op: "LayerNormalization", inputs: [x, [2], [2]] },
    { op: "LayerNormalization", inputs: [x, [2]], attributes: { stash_type: 1, epsilon: 0.1 } },
    { op: "LayerNormalization", inputs: [x, [6, 3, 2], [6, 3, 2]], attributes: { axis: 1 } },
    { op: "LayerNormalization", inputs: [x, [3, 2], [3, 2]], attributes: { axis: -2 } },
    { op: "RMSNormalization", inputs: [x, [2]], opset: 23 },
    { op: "RMSNormalization", inputs: [x, [3, 2]], attributes: { axis: -2 }, opset: 23 },
    { op: "MeanVarianceNormalization", inputs: [x] },
    { op: "MeanVarianceNormalization", inputs: [x], attributes: { axes: [2, 3] } },
    ...[1, 3, 5].map((size) => ({
      op: "LRN",
      inputs: [x],
      attributes: { size, alpha: 0.3, beta: 0.6, bias: 2 },
    })),
    { op: "LRN", inputs: [[2, 4, 3, 1]], attributes: { size: 3 } },
  ];
}
