// Cases of the matrix products' rules: the batch and the weight on either side, transposed, scaled, broadcast.
import { node } from "../graph-builder.ts";
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
