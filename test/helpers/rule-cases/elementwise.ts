// Cases of the rules that work value by value: broadcasting both ways, activations, batch normalisation.
import type { Random } from "../../../src/tensor/random.ts";
import { tensor } from "../graph-builder.ts";
import { normal, positive, scalar } from "../operator-cases/case.ts";
import { away, large, one, type RuleCase } from "./case.ts";

export function arithmetic(): RuleCase[] {
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
  return ["Add", "Sub", "Mul", "Div"].flatMap((op) => [
    ...shapes.flatMap(([image, w]) => [
      one(op, image, { w: large(w) }),
      one(op, large(image), { w }, {}, ["w", "x"]),
    ]),
    one(op, large([2, 3]), {}, {}, ["x", "x"]),
  ]);
}

export function activations(): RuleCase[] {
  const image = [3, 4];
  const bounds = { low: scalar(-0.5), high: scalar(0.75) };
  return [
    ...["Sigmoid", "Tanh", "Identity", "Dropout"].map((op) => one(op, image)),
    one("Dropout", image, { ratio: scalar(0.3), training: scalar(0, "bool") }),
    one("Dropout", image, {}, { seed: 7 }),
    one("Relu", away(image, 0)),
    one("LeakyRelu", away(image, 0)),
    one("LeakyRelu", away(image, 0), {}, { alpha: 0.25 }),
    one("Clip", image),
    one("Clip", away(image, -0.5), { low: bounds.low }),
    one("Clip", away(image, 0.75), { high: bounds.high }, {}, ["x", "", "high"]),
    one("Clip", away(image, -0.5, 0.75), bounds),
    // A bound is no parameter, even where it is a tensor of its own shape.
    one("Clip", away([6], 0), { low: tensor([], [0]) }),
  ];
}

export function normalization(random: Random): RuleCase[] {
  return [[3], [3, 2], [2, 3, 2], [1, 2], [2, 2, 1, 2]].flatMap((image) =>
    [{}, { epsilon: 0.125, momentum: 0.5, training_mode: 0 }].map((attributes) => {
      const channels = [image[0]];
      const statistics = { mean: normal(random, channels), variance: positive(random, channels) };
      return one(
        "BatchNormalization",
        image,
        { scale: channels, bias: channels, ...statistics },
        attributes,
      );
    }),
  );
}
