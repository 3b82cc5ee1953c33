// Cases of matrix products and reductions.
import type { Random } from "../../../src/tensor/random.ts";
import { int64s } from "../graph-builder.ts";
import { type Case, normal } from "./case.ts";

export function products(random: Random): Case[] {
  const pairs = [
    [
      [3, 4],
      [4, 2],
    ],
    [[4], [4]],
    [[4], [4, 3]],
    [[3, 4], [4]],
    [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
    [[4], [2, 4, 3]],
    [[2, 3, 4], [4]],
    [
      [2, 3, 4],
      [1, 4, 2],
    ],
  ];
  return [
    ...pairs.map((inputs) => ({ op: "MatMul", inputs })),
    {
      op: "Gemm",
      inputs: [
        [3, 4],
        [4, 2],
      ],
    },
    { op: "Gemm", inputs: [[3, 4], [4, 2], [2]], attributes: { alpha: 2, beta: 0.5 } },
    {
      op: "Gemm",
      inputs: [
        [4, 3],
        [4, 2],
        [3, 1],
      ],
      attributes: { transA: 1 },
    },
    { op: "Gemm", inputs: [[3, 4], [2, 4], []], attributes: { transB: 1, beta: 3 } },
    {
      op: "Gemm",
      inputs: [[4, 3], [2, 4], normal(random, [3, 2])],
      attributes: { transA: 1, transB: 1 },
    },
  ];
}

export function reductions(): Case[] {
  const reduce = ["ReduceSum", "ReduceMean", "ReduceMax"].flatMap((op): Case[] => [
    { op, inputs: [[2, 3, 4]] },
    { op, inputs: [[2, 3, 4]], attributes: { keepdims: 0 } },
    { op, inputs: [[2, 3, 4], int64s(1)] },
    { op, inputs: [[2, 3, 4, 2], int64s(-1, 1)], attributes: { keepdims: 0 } },
    { op, inputs: [[2, 3]], attributes: { noop_with_empty_axes: 1 } },
    { op, inputs: [[2, 3], int64s()], attributes: { keepdims: 0 } },
  ]);
  const softmax = ["Softmax", "LogSoftmax"].flatMap((op): Case[] => [
    { op, inputs: [[3, 5]] },
    { op, inputs: [[2, 3, 4]], attributes: { axis: 1 } },
    { op, inputs: [[2, 3, 4]], attributes: { axis: -3 } },
  ]);
  return [...reduce, ...softmax];
}
