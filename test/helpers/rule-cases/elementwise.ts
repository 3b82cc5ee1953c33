// Cases of the rules that work value by value: broadcasting both ways, activations, batch normalisation.
import type { Node } from "../../../src/onnx/graph.ts";
import type { Random } from "../../../src/tensor/random.ts";
import { node, tensor } from "../graph-builder.ts";
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

/** Right after a convolution, whose weights can take it in, and after ones whose weights cannot. */
function afterConvolution(random: Random): RuleCase[] {
  const norm = {
    scale: [2],
    bias: [2],
    mean: normal(random, [2]),
    variance: positive(random, [2]),
  };
  const normalize = (x: string, y: string, attributes = {}): Node =>
    node("BatchNormalization", [x, ...Object.keys(norm)], [y], attributes);
  const of = (parameters: RuleCase["parameters"], ...nodes: Node[]): RuleCase => ({
    op: "BatchNormalization",
    image: [2, 3],
    parameters: { w: [2, 2, 2], ...parameters, ...norm },
    nodes,
  });
  const conv = node("Conv", ["x", "w"], ["c"]);
  return [
    of({}, conv, normalize("c", "y")),
    of({ b: [2] }, node("Conv", ["x", "w", "b"], ["c"]), normalize("c", "y", { epsilon: 0.25 })),
    // Twice, with the same weights.
    of({}, conv, normalize("c", "n"), node("Conv", ["n", "w"], ["d"]), normalize("d", "y")),
    // Another reads the convolution too; its weights are computed.
    of({}, conv, normalize("c", "n"), node("Mul", ["c", "n"], ["y"])),
    of({}, node("Tanh", ["w"], ["v"]), node("Conv", ["x", "v"], ["c"]), normalize("c", "y")),
  ];
}

export function normalization(random: Random): RuleCase[] {
  return [...onItsOwn(random), ...afterConvolution(random)];
}

function onItsOwn(random: Random): RuleCase[] {
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
