// Cases of the operators that rearrange, index or make values.

import type { Tensor } from "../../../src/onnx/graph.ts";
import type { Random } from "../../../src/tensor/random.ts";
import { int64s, tensor } from "../graph-builder.ts";
import { type Case, normal, scalar, whole } from "./case.ts";

export function shapes(random: Random): Case[] {
  const x = [2, 3, 4];
  const max = Number.MAX_SAFE_INTEGER;
  return [
    {
      op: "Concat",
      inputs: [
        [2, 3],
        [2, 1],
        [2, 4],
      ],
      attributes: { axis: 1 },
    },
    {
      op: "Concat",
      inputs: [
        [1, 3, 2],
        [4, 3, 2],
      ],
      attributes: { axis: -3 },
    },
    { op: "Slice", inputs: [[6, 7], int64s(1, -3), int64s(5, max)] },
    { op: "Slice", inputs: [[6, 7], int64s(0), int64s(-1), int64s(-1), int64s(2)] },
    { op: "Slice", inputs: [[6, 7], int64s(-1, 5), int64s(-max, 1), int64s(0, 1), int64s(-1, -2)] },
    { op: "Slice", inputs: [[6], int64s(20), int64s(0), int64s(0), int64s(-4)] },
    { op: "Slice", inputs: [[6, 2], int64s(4), int64s(2), int64s(0)] },
    { op: "Transpose", inputs: [x] },
    { op: "Transpose", inputs: [x], attributes: { perm: [1, 2, 0] } },
    { op: "Squeeze", inputs: [[1, 3, 1, 2]] },
    { op: "Squeeze", inputs: [[1, 3, 1, 2], int64s(-2)] },
    { op: "Unsqueeze", inputs: [x, int64s(0, -1)] },
    { op: "Unsqueeze", inputs: [x, int64s(3, 1)] },
    ...[1, 0, 3, -1].map((axis) => ({ op: "Flatten", inputs: [x], attributes: { axis } })),
    { op: "Flatten", inputs: [x] },
    { op: "Reshape", inputs: [x, int64s(0, -1)] },
    { op: "Reshape", inputs: [x, int64s(4, 3, 2)] },
    { op: "Reshape", inputs: [[0, 3], int64s(3, 0)], attributes: { allowzero: 1 } },
    { op: "Expand", inputs: [[3, 1], int64s(2, 1, 6)] },
    { op: "Expand", inputs: [[3, 4], int64s(4)] },
    { op: "Tile", inputs: [[2, 3], int64s(2, 3)] },
    { op: "Pad", inputs: [x, int64s(0, 1, 2, 1, 0, 3)] },
    { op: "Pad", inputs: [x, int64s(1, -1, -1, 2), scalar(7), int64s(-1, 0)] },
    ...["reflect", "edge", "wrap"].flatMap((mode): Case[] => [
      { op: "Pad", inputs: [x, int64s(0, 1, 2, 1, 2, 3)], attributes: { mode }, opset: 19 },
      { op: "Pad", inputs: [x, int64s(2, 1), "", int64s(-1)], attributes: { mode }, opset: 19 },
    ]),
    { op: "Split", inputs: [[7, 2]], attributes: { num_outputs: 3 }, outputs: 3 },
    { op: "Split", inputs: [[2, 7], int64s(1, 4, 2)], attributes: { axis: -1 }, outputs: 3 },
    ...["DCR", "CRD"].map((mode) => ({
      op: "DepthToSpace",
      inputs: [[2, 8, 2, 3]],
      attributes: { mode, blocksize: 2 },
    })),
    { op: "SpaceToDepth", inputs: [[2, 2, 4, 6]], attributes: { blocksize: 2 } },
    { op: "Trilu", inputs: [[2, 3, 4]] },
    { op: "Trilu", inputs: [[3, 4], scalar(-1, "int64")], attributes: { upper: 0 } },
    { op: "Trilu", inputs: [[3, 4], scalar(2, "int64")], attributes: { upper: 1 } },
    { op: "Dropout", inputs: [[4, 5]], outputs: 2 },
    {
      op: "Dropout",
      inputs: [[4, 5], scalar(0.3), scalar(0, "bool")],
      outputs: 2,
    },
    { op: "ArgMax", inputs: [whole(random, x)] },
    { op: "ArgMax", inputs: [x], attributes: { axis: -1, keepdims: 0 } },
    { op: "Gather", inputs: [x, int64s(1, -1, 0)], attributes: { axis: 1 } },
    { op: "Gather", inputs: [x, scalar(1, "int64")] },
    { op: "Gather", inputs: [x, tensor([2, 2], [3, -4, 1, 0], "int64")], attributes: { axis: -1 } },
    {
      op: "GatherElements",
      inputs: [[3, 4], tensor([2, 4], [0, -1, 2, 1, 1, 1, 0, 2], "int64")],
    },
    {
      op: "GatherElements",
      inputs: [[3, 4], tensor([3, 2], [0, -1, 2, 1, 3, 3], "int64")],
      attributes: { axis: 1 },
    },
    {
      op: "ScatterElements",
      inputs: [[3, 4], tensor([2, 3], [0, -1, 2, 1, 2, 0], "int64"), [2, 3]],
    },
    {
      op: "ScatterElements",
      inputs: [[2, 5], tensor([2, 3], [0, 1, 1, -1, 2, 4], "int64"), normal(random, [2, 3])],
      attributes: { axis: 1, reduction: "add" },
    },
  ];
}

export function constants(): Case[] {
  return [
    { op: "Constant", inputs: [], attributes: { value: tensor([2, 2], [1, 2, 3, 4]) } },
    { op: "Constant", inputs: [], attributes: { value_float: 3 } },
    { op: "Constant", inputs: [], attributes: { value_floats: [1, 2.5] } },
    { op: "Constant", inputs: [], attributes: { value_int: 3 } },
    { op: "Constant", inputs: [], attributes: { value_ints: [1, -2] } },
    { op: "ConstantOfShape", inputs: [int64s(2, 3)] },
    {
      op: "ConstantOfShape",
      inputs: [int64s(2)],
      attributes: { value: int64s(7) },
    },
    ...[{}, { start: 1 }, { start: -2, end: -1 }, { start: -9, end: 9 }].map(
      (attributes): Case => ({ op: "Shape", inputs: [[2, 3, 4]], attributes }),
    ),
    ...[{}, { k: 1 }, { k: -1, dtype: 1 }].map(
      (attributes): Case => ({ op: "EyeLike", inputs: [[3, 4]], attributes }),
    ),
    { op: "Range", inputs: [scalar(1), scalar(3), scalar(0.3)] },
    ...[
      [0, 5, 2],
      [10, 4, -3],
      [3, 0, 1],
    ].map(
      (values): Case => ({
        op: "Range",
        inputs: values.map((value) => scalar(value, "int64")),
      }),
    ),
    ...[-1, 0, 1].map(
      (axis): Case => ({
        op: "OneHot",
        inputs: [
          tensor([2, 3], [0, -1, 3, 2, -4, 9], "int64"),
          scalar(4, "int64"),
          tensor([2], [-1, 2]),
        ],
        attributes: { axis },
      }),
    ),
  ];
}

export function resizing(): Case[] {
  const transformations = [
    ...["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"],
    "half_pixel_symmetric",
  ];
  const x = [1, 2, 4, 6];
  const by = (...scales: number[]): Tensor => tensor([scales.length], scales);
  const modes = ["nearest", "linear", "cubic"];
  return [
    ...modes.flatMap((mode) =>
      transformations.flatMap((coordinate_transformation_mode): Case[] => {
        const attributes = { mode, coordinate_transformation_mode };
        const opset = 19;
        return [
          { op: "Resize", inputs: [x, "", by(1, 1, 2.3, 0.6)], attributes, opset },
          { op: "Resize", inputs: [x, "", "", int64s(1, 2, 3, 9)], attributes, opset },
        ];
      }),
    ),
    ...["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"].map(
      (nearest_mode): Case => ({
        op: "Resize",
        inputs: [x, "", by(1, 1, 1.5, 2)],
        attributes: { nearest_mode, coordinate_transformation_mode: "asymmetric" },
      }),
    ),
    { op: "Resize", inputs: [x, "", by(2, 1.5)], attributes: { mode: "linear", axes: [2, 3] } },
    {
      op: "Resize",
      inputs: [x, "", "", int64s(9, 8)],
      attributes: { mode: "cubic", axes: [-1, -2], cubic_coeff_a: -0.5 },
    },
    { op: "Resize", inputs: [[2, 5], "", by(1, 1.2)], attributes: { mode: "linear" } },
  ];
}
