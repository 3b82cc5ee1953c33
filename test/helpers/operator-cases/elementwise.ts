// Cases of the operators that work value by value.
import type { Random } from "../../../src/tensor/random.ts";
import { int64s, tensor } from "../graph-builder.ts";
import { bools, type Case, positive, scalar, whole } from "./case.ts";

export function elementwise(random: Random): Case[] {
  const shapes = [
    [
      [2, 3, 4],
      [3, 1],
    ],
    [[4], [2, 1, 4]],
    [[], [2, 2]],
    [
      [5, 1, 2],
      [1, 3, 1],
    ],
  ];
  const unary = ["Neg", "Abs", "Sign", "Exp", "Erf", "Round", "Identity"];
  const binary = ["Add", "Sub", "Mul", "Sum", "Mean", "Max", "Min"];
  const compare = ["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"];
  return [
    ...unary.flatMap((op) => [[2, 3], []].map((dims) => ({ op, inputs: [dims] }))),
    ...["Log", "Sqrt", "Reciprocal"].map((op) => ({ op, inputs: [positive(random, [2, 5])] })),
    ...shapes.flatMap(([a, b]): Case[] => [
      ...binary.map((op) => ({ op, inputs: [a, b] })),
      {
        op: "Add",
        inputs: [whole(random, a, "int64"), whole(random, b, "int64")],
      },
      { op: "Div", inputs: [a, positive(random, b)] },
      { op: "Pow", inputs: [positive(random, a), b] },
      ...compare.map((op) => ({
        op,
        inputs: [whole(random, a), whole(random, b)],
      })),
      ...["And", "Or"].map((op) => ({ op, inputs: [bools(random, a), bools(random, b)] })),
      { op: "Where", inputs: [bools(random, a), b, [1]] },
      { op: "Where", inputs: [bools(random, [3, 1]), [1, 1], [2, 1, 4]] },
    ]),
    { op: "Not", inputs: [bools(random, [7])] },
    {
      op: "Div",
      inputs: [int64s(-7, -6, 7, 8, 0), int64s(2, -3, -2, 3, 5)],
    },
    { op: "Pow", inputs: [int64s(-3, 2, 5), int64s(3, 10, 0)] },
    ...["Sum", "Mean", "Max", "Min"].flatMap((op) => [
      { op, inputs: [[2, 3]] },
      { op, inputs: [[2, 3], [3], [2, 1]] },
    ]),
    { op: "Round", inputs: [tensor([7], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.4])] },
    { op: "Erf", inputs: [tensor([8], [-9, -5.5, -3, -0.01, 0, 2, 4.5, 7])] },
    { op: "Clip", inputs: [[20], scalar(-0.5), scalar(0.25)] },
    { op: "Clip", inputs: [[20], "", scalar(0.25)] },
    { op: "Clip", inputs: [[20], scalar(0.1)] },
    {
      op: "Cast",
      inputs: [tensor([4], [-1.7, -0.2, 0, 2.9])],
      attributes: { to: 7 },
    },
    {
      op: "Cast",
      inputs: [tensor([4], [-1.7, 0, 0.2, 2.9])],
      attributes: { to: 9 },
    },
    { op: "Cast", inputs: [int64s(-3, 0, 9)], attributes: { to: 1 } },
    { op: "Cast", inputs: [bools(random, [5])], attributes: { to: 6 } },
    { op: "CastLike", inputs: [[3, 2], scalar(0)] },
    { op: "CastLike", inputs: [int64s(-3, 0, 9), [2]] },
  ];
}

export function activations(): Case[] {
  const plain = [
    ...["Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "HardSwish", "Mish"],
    ...["LeakyRelu", "Elu", "Celu", "Selu", "ThresholdedRelu", "HardSigmoid"],
  ];
  const set: [string, Case["attributes"]][] = [
    ...["LeakyRelu", "Elu", "Celu", "ThresholdedRelu"].map((op): [string, Case["attributes"]] => [
      op,
      { alpha: 0.3 },
    ]),
    ["Selu", { alpha: 2, gamma: 0.5 }],
    ["HardSigmoid", { alpha: 0.5, beta: 0.25 }],
  ];
  const wide = tensor([9], [-50, -4, -2.5, -1, 0, 0.5, 2.9, 3.5, 60]);
  return [
    ...plain.flatMap((op) => [[2, 3], [], wide].map((input) => ({ op, inputs: [input] }))),
    ...set.map(([op, attributes]) => ({ op, inputs: [[3, 4]], attributes })),
    ...["none", "tanh"].map((approximate) => ({
      op: "Gelu",
      inputs: [[3, 4]],
      attributes: { approximate },
      opset: 20,
    })),
    { op: "Gelu", inputs: [wide], opset: 20 },
    { op: "Swish", inputs: [[3, 4]], opset: 24 },
    { op: "Swish", inputs: [wide], attributes: { alpha: 1.5 }, opset: 24 },
    {
      op: "PRelu",
      inputs: [
        [2, 3, 4],
        [3, 1],
      ],
    },
    { op: "PRelu", inputs: [[2, 3], [1]] },
  ];
}
