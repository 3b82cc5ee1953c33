// Cases of the matrix products' rules: the batch and the weight on either side, transposed, scaled, broadcast.
import { int64s, node, tensor } from "../graph-builder.ts";
import { one, type RuleCase } from "./case.ts";

const flags = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;
const [m, k, n] = [2, 4, 3];
const bias = (dims: readonly number[] | undefined) => (dims === undefined ? {} : { c: dims });

/** x [batch, k], or its transpose where Gemm is told to transpose it back. */
const imageAs = (transposed: boolean) =>
  transposed ? [node("Transpose", ["x"], ["t"], { perm: [1, 0] })] : [];

export function gemm(): RuleCase[] {
  const scales = [{}, { alpha: 0.5 }, { alpha: -2, beta: 3 }, { beta: 0.25 }];
  const onTheRight = flags.flatMap(([transA, transB], i): RuleCase[] =>
    [undefined, [n], [1, n], [1], [1, 1], []].map((c, j) => ({
      op: "Gemm",
      image: [k],
      parameters: { w: transB === 1 ? [n, k] : [k, n], ...bias(c) },
      nodes: [
        ...imageAs(transA === 1),
        node("Gemm", [transA === 1 ? "t" : "x", "w", ...Object.keys(bias(c))], ["y"], {
          transA,
          transB,
          ...scales[(i + j) % scales.length],
        }),
      ],
    })),
  );
  const onTheLeft = flags.flatMap(([transA, transB], i): RuleCase[] =>
    [undefined, [m, 1], []].map((c, j) => ({
      op: "Gemm",
      image: [k],
      parameters: { w: transA === 1 ? [k, m] : [m, k], ...bias(c) },
      nodes: [
        ...imageAs(transB === 0),
        node("Gemm", ["w", transB === 0 ? "t" : "x", ...Object.keys(bias(c))], ["y"], {
          transA,
          transB,
          ...scales[(i + j + 1) % scales.length],
        }),
      ],
    })),
  );
  // C of the whole output's shape, and one column of it.
  const computed = [
    one("Gemm", [k], { w: [k, k] }, { beta: 2 }, ["x", "w", "x"]),
    {
      op: "Gemm",
      image: [k],
      parameters: { w: [k, n], v: [k, 1] },
      nodes: [node("MatMul", ["x", "v"], ["c"]), node("Gemm", ["x", "w", "c"], ["y"])],
    },
  ];
  return [
    ...onTheRight,
    ...onTheLeft,
    ...computed,
    one("Gemm", [k], { w: [k, n] }, {}, ["x", "w", ""]),
  ];
}

export function matMul(): RuleCase[] {
  const onTheRight: [number[], number[]][] = [
    [[4], [4, 3]],
    [
      [3, 4],
      [4, 2],
    ],
    [
      [2, 3, 4],
      [4, 2],
    ],
    [
      [2, 3, 4],
      [2, 4, 2],
    ],
    [
      [1, 3, 4],
      [5, 4, 2],
    ],
    [
      [5, 3, 4],
      [1, 4, 2],
    ],
    [[4], [2, 4, 3]],
    [[4], [1, 4, 3]],
  ];
  const onTheLeft: [number[], number[]][] = [
    [
      [3, 4],
      [2, 3],
    ],
    [
      [1, 3, 4],
      [5, 2, 3],
    ],
    [
      [2, 3, 1],
      [1, 1, 3],
    ],
  ];
  return [
    ...onTheRight.map(([image, w]) => one("MatMul", image, { w })),
    ...onTheLeft.map(([image, w]) => one("MatMul", image, { w }, {}, ["w", "x"])),
    // Vectors on either side, and both.
    one("MatMul", [4], { w: [4] }),
    one("MatMul", [3, 4], { w: [4] }),
    one("MatMul", [3, 4], { w: [3] }, {}, ["w", "x"]),
    ...[
      [[4], [4]],
      [[4], [4, 3]],
      [[2, 4], [4]],
      [[4], [2, 4, 3]],
      [[2, 3, 4], [4]],
    ].map(
      ([v, w]): RuleCase => ({
        op: "MatMul",
        image: [1, 1, 1],
        parameters: { v, w },
        nodes: [node("MatMul", ["v", "w"], ["p"]), node("Mul", ["x", "p"], ["y"])],
      }),
    ),
    // Stacks that broadcast against each other, on both sides.
    one("MatMul", [1, 3, 2], { w: [1, 4, 2, 3] }),
    one("MatMul", [2, 3, 2], { w: [2, 1, 1, 2, 3] }),
    one("MatMul", [4, 1, 2, 3], { w: [3, 3, 2] }),
    one("MatMul", [3, 3], {}, {}, ["x", "x"]),
    {
      op: "MatMul",
      image: [2, 3],
      parameters: {},
      nodes: [
        node("Transpose", ["x"], ["t"], { perm: [0, 2, 1] }),
        node("MatMul", ["x", "t"], ["y"]),
      ],
    },
  ];
}

const tokens = [3, 4];

export function einsum(): RuleCase[] {
  const contraction = (
    equation: string,
    image: readonly number[],
    parameters: RuleCase["parameters"] = {},
    inputs?: readonly string[],
  ): RuleCase => one("Einsum", image, parameters, { equation }, inputs);
  return [
    contraction("bi,ij->bj", [3], { w: [3, 2] }),
    contraction("bij, jk -> bik", tokens, { w: [4, 2] }),
    contraction("...i,ji", tokens, { w: [2, 4] }),
    contraction("...ij,...jk->...ik", [2, 3, 4], { w: [1, 2, 4, 2] }),
    contraction("...ij,...jk->...ik", [1, 3, 4], { w: [1, 2, 4, 2] }),
    // Scores of heads, and the values they weigh.
    contraction("bhid,bhjd->bhij", [2, 3, 2], {}, ["x", "x"]),
    contraction("bhij,bhjd->bihd", [2, 3, 3], { w: [1, 2, 3, 2] }),
    // Labels that only one operand has, summed there.
    contraction("bij->bj", tokens),
    contraction("bij,k->bj", tokens, { w: [2] }),
    contraction("bij,jk,k->bi", tokens, { w: [4, 2], v: [2] }),
    // A transpose, and sizes of 1.
    contraction("bij->bji", tokens),
    contraction("bij,ij->bij", [1, 4], { w: [3, 1] }),
    contraction("ij,bj->bi", [4], { w: [3, 4] }, ["w", "x"]),
  ];
}

export function attention(): RuleCase[] {
  const attend = (
    image: readonly number[],
    parameters: RuleCase["parameters"],
    attributes: Parameters<typeof node>[3] = {},
    inputs?: readonly string[],
  ): RuleCase => ({ ...one("Attention", image, parameters, attributes, inputs), opset: 23 });
  const itself = ["x", "x", "x"];
  const flat = { q_num_heads: 2, kv_num_heads: 2 };
  const hidden = [1, 0, 1, 1, 1, 1, 0, 1, 1];
  return [
    attend([2, 3, 2], {}, {}, itself),
    attend([2, 3, 2], {}, { is_causal: 1, scale: 0.75 }, itself),
    attend([2, 3, 2], { mask: [3, 3] }, {}, [...itself, "mask"]),
    attend([2, 3, 2], { mask: [2, 3, 3] }, {}, [...itself, "mask"]),
    attend([2, 3, 2], { mask: tensor([3, 3], hidden, "bool") }, {}, [...itself, "mask"]),
    attend([3, 4], {}, flat, itself),
    attend([2, 6], { mask: [1, 1, 2, 2] }, { q_num_heads: 3, kv_num_heads: 3 }, [
      ...itself,
      "mask",
    ]),
    // Keys and values of other sizes, those of two heads of queries shared.
    {
      ...attend([4, 3, 3], {}),
      nodes: [
        node("Gather", ["x", "two"], ["pair"], { axis: 1 }),
        node("MatMul", ["pair", "more"], ["k"]),
        node("Slice", ["k", "zero", "end", "axis"], ["v"]),
        node("Attention", ["x", "k", "v"], ["y"]),
      ],
      parameters: {
        two: int64s(0, 2),
        more: [3, 3],
        zero: int64s(0),
        end: int64s(2),
        axis: int64s(3),
      },
    },
    {
      ...attend([3, 8], {}),
      nodes: [
        node("MatMul", ["x", "wk"], ["k"]),
        node("MatMul", ["x", "wv"], ["v"]),
        node("Attention", ["x", "k", "v"], ["y"], { q_num_heads: 4, kv_num_heads: 2 }),
      ],
      parameters: { wk: [8, 4], wv: [8, 6] },
    },
  ];
}
