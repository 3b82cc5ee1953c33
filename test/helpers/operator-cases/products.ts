// Cases of matrix products and reductions.
import type { Random } from "../../../src/tensor/random.ts";
import { int64s, tensor } from "../graph-builder.ts";
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
  const names = ["Sum", "Mean", "Max", "Min", "L1", "L2", "SumSquare", "LogSumExp"];
  const reduce = names
    .map((name) => `Reduce${name}`)
    .flatMap((op): Case[] => [
      { op, inputs: [[2, 3, 4]] },
      { op, inputs: [[2, 3, 4]], attributes: { keepdims: 0 } },
      { op, inputs: [[2, 3, 4], int64s(1)] },
      { op, inputs: [[2, 3, 4, 2], int64s(-1, 1)], attributes: { keepdims: 0 } },
      ...(/Sum$|Mean|Max|Min/.test(op)
        ? [{ op, inputs: [[2, 3]], attributes: { noop_with_empty_axes: 1 } }]
        : []),
      { op, inputs: [[2, 3], int64s()], attributes: { keepdims: 0 } },
    ]);
  const softmax = ["Softmax", "LogSoftmax"].flatMap((op): Case[] => [
    { op, inputs: [[3, 5]] },
    { op, inputs: [[2, 3, 4]], attributes: { axis: 1 } },
    { op, inputs: [[2, 3, 4]], attributes: { axis: -3 } },
  ]);
  const lines = [1, 2].flatMap((p): Case[] => [
    { op: "LpNormalization", inputs: [[2, 3, 4]], attributes: { p } },
    { op: "LpNormalization", inputs: [[2, 3, 4]], attributes: { p, axis: 1 } },
  ]);
  return [...reduce, ...softmax, ...lines];
}

export function contractions(): Case[] {
  const einsum = (equation: string, ...inputs: (readonly number[])[]): Case => ({
    op: "Einsum",
    inputs,
    attributes: { equation },
  });
  return [
    einsum("ij,jk->ik", [2, 3], [3, 4]),
    einsum("bhid, bhjd -> bhij", [2, 3, 4, 2], [2, 3, 5, 2]),
    einsum("bhij,bhjd->bihd", [2, 3, 4, 5], [2, 3, 5, 2]),
    einsum("...ij,...jk->...ik", [2, 1, 3, 4], [1, 5, 4, 2]),
    einsum("ij,jk", [2, 3], [3, 4]),
    einsum("...i,i", [2, 3, 4], [4]),
    einsum("ij->", [2, 3]),
    einsum("ij->j", [2, 3]),
    einsum("ji", [2, 3]),
    einsum("ij,ij->ij", [1, 3], [2, 1]),
    einsum("i,j,k->kij", [2], [3], [4]),
    einsum("bij,jk,bk->bi", [2, 3, 4], [4, 5], [2, 5]),
  ];
}

export function attention(): Case[] {
  const [q, k, v] = [
    [2, 4, 3, 5],
    [2, 4, 6, 5],
    [2, 4, 6, 2],
  ];
  const mask = tensor(
    [3, 6],
    [...Array(18).keys()].map((i) => (i % 4 === 1 ? 0 : 1)),
    "bool",
  );
  const flat = { q_num_heads: 4, kv_num_heads: 4 };
  const calls: Omit<Case, "op" | "opset">[] = [
    { inputs: [q, k, v] },
    { inputs: [q, k, v], attributes: { scale: 0.5, is_causal: 1 } },
    { inputs: [q, k, v, [3, 6]] },
    { inputs: [q, k, v, [2, 1, 3, 6]] },
    { inputs: [q, k, v, mask] },
    { inputs: [q, [2, 2, 6, 5], [2, 2, 6, 2]] },
    {
      inputs: [
        [2, 3, 20],
        [2, 6, 20],
        [2, 6, 8],
      ],
      attributes: flat,
    },
    {
      inputs: [
        [2, 3, 20],
        [2, 6, 10],
        [2, 6, 4],
      ],
      attributes: { ...flat, kv_num_heads: 2 },
    },
  ];
  return calls.map((call) => ({ op: "Attention", opset: 23, ...call }));
}
