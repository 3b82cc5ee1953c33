// Cases of the rules that move or average values, and of graphs in which gradients meet.
import { int64s, node } from "../graph-builder.ts";
import { scalar } from "../operator-cases/case.ts";
import { large, one, type RuleCase } from "./case.ts";

export function means(): RuleCase[] {
  const axes = [int64s(1), int64s(-1), int64s(2, 1), int64s(-2, 3), int64s(1, 2, 3)];
  return [0, 1].flatMap((keepdims) => [
    ...axes.map((a) => one("ReduceMean", [2, 3, 4], { a }, { keepdims })),
    one("ReduceMean", [3], { a: int64s() }, { keepdims, noop_with_empty_axes: 1 }),
    one("ReduceMean", [3], {}, { keepdims, noop_with_empty_axes: 1 }),
    {
      // Without axes everything is averaged: here a parameter.
      op: "ReduceMean",
      image: [3],
      parameters: { w: [2, 3], none: int64s() },
      nodes: [
        node("ReduceMean", keepdims === 0 ? ["w"] : ["w", "none"], ["m"], { keepdims }),
        node("Mul", ["x", "m"], ["y"]),
      ],
    },
  ]);
}

/** sizes = (1st dimension of x, 6): the batch kept by asking for it, as exporters do. */
const sizesOf = [
  node("Shape", ["x"], ["shape"]),
  node("Gather", ["shape", "zero"], ["batch"], { axis: 0 }),
  node("Unsqueeze", ["batch", "axes"], ["batches"]),
  node("Concat", ["batches", "rest"], ["sizes"], { axis: 0 }),
];

export function moves(): RuleCase[] {
  const x = [2, 3, 4];
  return [
    ...[0, 1, 2, 3, 4, -1].map((axis) => one("Flatten", x, {}, { axis })),
    one("Flatten", x),
    ...[int64s(0, -1), int64s(-1, 4, 6), int64s(0, 0, 2, 6), int64s(4, -1, 3)].map((shape) =>
      one("Reshape", x, { shape }),
    ),
    one("Reshape", x, { shape: int64s(-1, 24) }, { allowzero: 1 }),
    {
      op: "Reshape",
      image: [2, 3],
      parameters: { zero: scalar(0, "int64"), axes: int64s(0), rest: int64s(6) },
      nodes: [...sizesOf, node("Reshape", ["x", "sizes"], ["y"])],
    },
    {
      op: "Reshape",
      image: [3],
      parameters: { w: [2, 6], shape: int64s(3, 4) },
      nodes: [node("Reshape", ["w", "shape"], ["v"]), node("MatMul", ["x", "v"], ["y"])],
    },
    one("Squeeze", [1, 3, 1], { axes: int64s(1, -1) }),
    one("Squeeze", [1, 3, 1], { axes: int64s(-3) }),
    one("Squeeze", [1, 3, 1]),
    one("Unsqueeze", [3, 2], { axes: int64s(-1, 1) }),
    one("Unsqueeze", [3, 2], { axes: int64s(0, 2) }),
    one("Transpose", x),
    one("Transpose", x, {}, { perm: [0, 3, 1, 2] }),
    one("Transpose", x, {}, { perm: [2, 0, 3, 1] }),
    {
      op: "Transpose",
      image: [3],
      parameters: { w: [2, 3] },
      nodes: [node("Transpose", ["w"], ["t"]), node("MatMul", ["x", "t"], ["y"])],
    },
    one("Concat", [2, 3], {}, { axis: 1 }, ["x"]),
    one("Concat", [2, 3], {}, { axis: -1 }, ["x", "x", "x"]),
    {
      op: "Concat",
      image: [2, 3],
      parameters: { w: [2, 7], last: int64s(-1) },
      nodes: [
        node("Mul", ["x", "x"], ["a"]),
        node("ReduceMean", ["x", "last"], ["b"]),
        node("Concat", ["a", "x", "b"], ["c"], { axis: -1 }),
        node("Mul", ["c", "w"], ["y"]),
      ],
    },
    {
      op: "Concat",
      image: [3, 3],
      parameters: { v: [1, 3], w: [2, 3] },
      nodes: [node("Concat", ["v", "w"], ["u"], { axis: 0 }), node("Mul", ["x", "u"], ["y"])],
    },
  ];
}

/** Graphs in which several gradients are added. */
export function meetings(): RuleCase[] {
  return [
    {
      // A residual block.
      op: "Add",
      image: [2, 4, 4],
      parameters: { w1: [2, 2, 3, 3], b1: [2], w2: [2, 2, 3, 3] },
      nodes: [
        node("Conv", ["x", "w1", "b1"], ["c"], { pads: [1, 1, 1, 1] }),
        node("Tanh", ["c"], ["h"]),
        node("Conv", ["h", "w2"], ["d"], { pads: [1, 1, 1, 1] }),
        node("Add", ["h", "d"], ["y"]),
      ],
    },
    {
      // One weight in two layers and in a product.
      op: "Gemm",
      image: [3],
      parameters: { w: [3, 3] },
      nodes: [
        node("Gemm", ["x", "w"], ["a"]),
        node("Tanh", ["a"], ["h"]),
        node("Gemm", ["h", "w"], ["c"], { transB: 1 }),
        node("Add", ["c", "h"], ["d"]),
        node("Mul", ["d", "x"], ["y"]),
      ],
    },
    {
      // A value that also feeds integer and boolean paths, which carry no gradient.
      op: "Mul",
      image: large([3]),
      parameters: { w: large([3]), zero: scalar(0) },
      nodes: [
        node("Mul", ["x", "w"], ["a"]),
        node("Shape", ["a"], ["s"]),
        node("ConstantOfShape", ["s"], ["o"]),
        node("Greater", ["a", "zero"], ["p"]),
        node("Cast", ["p"], ["q"], { to: 1 }),
        node("Add", ["o", "q"], ["r"]),
        node("Mul", ["a", "r"], ["y"]),
      ],
    },
  ];
}
