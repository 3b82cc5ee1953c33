// Cases of the rules that work value by value: broadcasting both ways, and activations.
import type { Tensor } from "../../../src/onnx/graph.ts";
import type { Random } from "../../../src/tensor/random.ts";
import { int64s, node, tensor } from "../graph-builder.ts";
import { scalar } from "../operator-cases/case.ts";
import { randomArray } from "../random-array.ts";
import { above, apart, away, large, one, type RuleCase } from "./case.ts";

/** Images and what broadcasts with them, either way. */
const shapes: [number[], number[]][] = [
  [[3, 4], [4]],
  [
    [3, 4],
    [3, 1],
  ],
  [[3, 4], []],
  [[3, 4], [1]],
  [
    [3, 4],
    [1, 3, 4],
  ],
  [
    [3, 4],
    [2, 1, 1, 4],
  ],
  [
    [1, 4],
    [3, 1],
  ],
  [[1], [1, 5]],
  [
    [1, 1],
    [2, 1, 2, 3],
  ],
  [[], [3, 1]],
];

export function arithmetic(): RuleCase[] {
  return ["Add", "Sub", "Mul", "Div"].flatMap((op) => [
    ...shapes.flatMap(([image, w]) => [
      one(op, image, { w: large(w) }),
      one(op, large(image), { w }, {}, ["w", "x"]),
    ]),
    one(op, large([2, 3]), {}, {}, ["x", "x"]),
  ]);
}

export function powers(): RuleCase[] {
  const constants = [2, 3, -1, 0.5, 1].map((value) => scalar(value));
  return [
    ...shapes.flatMap(([image, w]) => [
      one("Pow", above(image), { w }),
      one("Pow", image, { w: above(w) }, {}, ["w", "x"]),
    ]),
    one("Pow", above([3]), {}, {}, ["x", "x"]),
    ...constants.map((c) => one("Pow", above([2, 3]), { c })),
    // A negative base with a whole exponent, also one of another type.
    one("Pow", large([2, 3]), { c: scalar(3) }),
    one("Pow", large([2, 3]), { c: int64s(1, 2, 3) }),
    one("Pow", large([4]), { c: scalar(-2, "int32") }),
    one("Pow", [3], { w: [3], two: scalar(2) }, {}, ["w", "two"]),
  ].map((c) => (c.nodes[0].inputs.includes("x") ? c : timesImage(c)));
}

/** A case of parameters alone, made to depend on the image: y times x. */
export const timesImage = (c: RuleCase): RuleCase => ({
  ...c,
  nodes: [{ ...c.nodes[0], outputs: ["p"] }, node("Mul", ["x", "p"], ["y"])],
});

export function functions(): RuleCase[] {
  return [
    ...[[3, 4], []].flatMap((image) => [
      ...["Neg", "Exp", "Erf"].map((op) => one(op, image)),
      ...["Sqrt", "Log"].map((op) => one(op, above(image))),
      one("Reciprocal", large(image)),
      one("Abs", away(image, 0)),
    ]),
  ];
}

export function choices(): RuleCase[] {
  const condition = (dims: readonly number[], ...values: number[]): Tensor =>
    tensor(dims, values, "bool");
  return [
    one("Where", [2, 3], { c: condition([3], 1, 0, 1), w: [3] }, {}, ["c", "x", "w"]),
    one("Where", [2, 3], { c: condition([2, 1], 1, 0), w: [] }, {}, ["c", "w", "x"]),
    one("Where", [1, 3], { c: condition([2, 1], 1, 0), w: [3, 1, 1, 3] }, {}, ["c", "x", "w"]),
    one("Where", [3], { c: condition([], 1) }, {}, ["c", "x", "x"]),
    {
      // The condition is computed from the image.
      op: "Where",
      image: away([2, 3], 0),
      parameters: { zero: scalar(0), w: [3] },
      nodes: [node("Greater", ["x", "zero"], ["c"]), node("Where", ["c", "x", "w"], ["y"])],
    },
  ];
}

/** Any number of values, broadcast together. */
export function meetingMany(): RuleCase[] {
  return ["Sum", "Mean", "Max", "Min"].flatMap((op) => [
    ...shapes.map(([image, w]) => one(op, apart(image), { w: shifted(w) })),
    one(op, [2, 3], {}, {}, ["x"]),
    one(op, apart([2, 3]), { v: shifted([3]), w: twiceShifted([1, 2, 1]) }),
    one(op, apart([2, 3]), { v: shifted([3]) }, {}, ["v", "x", "x"]),
  ]);
}

// Three sets of values that never tie: multiples of 0.1, and two shifts of them.
const shifted = (dims: readonly number[]) => offGrid(dims, 0.033);
const twiceShifted = (dims: readonly number[]) => offGrid(dims, 0.066);
const offGrid = (dims: readonly number[], by: number): RuleCase["image"] => ({
  dims,
  draw: (random, size) =>
    Float64Array.from({ length: size }, () => by + (random.below(9) - 4) / 10),
});

export function activations(): RuleCase[] {
  const image = [3, 4];
  const bounds = { low: scalar(-0.5), high: scalar(0.75) };
  return [
    ...["Sigmoid", "Tanh", "Identity", "Dropout"].map((op) => one(op, image)),
    one("Dropout", image, { ratio: scalar(0.3), training: scalar(0, "bool") }),
    one("Dropout", image, {}, { seed: 7 }),
    one("Dropout", image, { ratio: scalar(0), training: scalar(1, "bool") }),
    one("Relu", away(image, 0)),
    one("LeakyRelu", away(image, 0)),
    one("LeakyRelu", away(image, 0), {}, { alpha: 0.25 }),
    one("Clip", image),
    one("Clip", away(image, -0.5), { low: bounds.low }),
    one("Clip", away(image, 0.75), { high: bounds.high }, {}, ["x", "", "high"]),
    one("Clip", away(image, -0.5, 0.75), bounds),
    ...["Softplus", "Softsign", "Mish"].map((op) =>
      one(op, op === "Softsign" ? away(image, 0) : image),
    ),
    ...["Elu", "Celu", "Selu"].map((op) => one(op, away(image, 0))),
    ...["Elu", "Celu"].map((op) => one(op, away(image, 0), {}, { alpha: 0.5 })),
    one("Selu", away(image, 0), {}, { alpha: 2, gamma: 0.5 }),
    one("ThresholdedRelu", away(image, 1)),
    one("ThresholdedRelu", away(image, 0.25), {}, { alpha: 0.25 }),
    one("HardSigmoid", away(image, -2.5, 2.5)),
    one("HardSigmoid", away(image, -0.5, 1.5), {}, { alpha: 0.5, beta: 0.25 }),
    one("HardSwish", { dims: [20], draw: wide(-3, 3) }),
    ...["none", "tanh"].map((approximate) => at(20, one("Gelu", image, {}, { approximate }))),
    at(20, one("Gelu", [])),
    at(24, one("Swish", image)),
    at(24, one("Swish", image, {}, { alpha: 1.5 })),
    ...[[4], [3, 1], [], [1], [1, 1, 4]].map((slope) => one("PRelu", away(image, 0), { slope })),
    // A bound is no parameter, even where it is a tensor of its own shape.
    one("Clip", away([6], 0), { low: tensor([], [0]) }),
  ];
}

/** A case in a newer form than that of opset 18. */
export const at = (opset: number, c: RuleCase): RuleCase => ({ ...c, opset });

/** Values on both sides of two kinks. */
const wide =
  (...kinks: readonly number[]) =>
  (random: Random, size: number): Float64Array =>
    randomArray(random, size, { awayFrom: kinks.map((k) => k / 3), gap: 0.05 }).map((v) => 3 * v);
