// Cases of the normalisations: by constant statistics, by the image's own, by neighbouring channels and norms.
import type { Node } from "../../../src/onnx/graph.ts";
import type { Random } from "../../../src/tensor/random.ts";
import { int64s, node } from "../graph-builder.ts";
import { normal, positive } from "../operator-cases/case.ts";
import { apart, away, one, type RuleCase } from "./case.ts";
import { at } from "./elementwise.ts";

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

export function batchNormalization(random: Random): RuleCase[] {
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

export function ownStatistics(): RuleCase[] {
  const perChannel = (c: number) => ({ scale: [c], bias: [c] });
  const image = [4, 3, 2];
  return [
    ...[
      [3, 4],
      [2, 2, 3],
      [2, 2, 1, 3],
    ].map((x) => one("InstanceNormalization", x, perChannel(x[0]))),
    one("InstanceNormalization", [2, 5], perChannel(2), { epsilon: 0.5 }),
    ...[1, 2, 4].flatMap((num_groups) => [
      at(21, one("GroupNormalization", image, perChannel(4), { num_groups, epsilon: 0.01 })),
      one("GroupNormalization", image, perChannel(num_groups), { num_groups }),
    ]),
    at(21, one("GroupNormalization", [8], perChannel(8), { num_groups: 2 })),
    one("LayerNormalization", image, perChannel(2)),
    one("LayerNormalization", [5], { scale: [5] }, { epsilon: 0.1 }),
    one("LayerNormalization", image, { scale: [3, 2], bias: [3, 2] }, { axis: -2 }),
    one("LayerNormalization", image, { scale: image, bias: image }, { axis: 1, stash_type: 1 }),
    // One scale for all, and one for rows.
    one("LayerNormalization", image, { scale: [1], bias: [3, 1] }, { axis: 2 }),
    at(23, one("RMSNormalization", image, { scale: [2] })),
    at(23, one("RMSNormalization", image, { scale: [3, 2] }, { axis: -2, epsilon: 0.1 })),
    one("MeanVarianceNormalization", image, {}, { axes: [2, 3] }),
    one("MeanVarianceNormalization", [2, 3], {}, { axes: [-1] }),
  ];
}

export function neighbours(): RuleCase[] {
  return [
    ...[1, 3, 5].map((size) =>
      one("LRN", [4, 2, 2], {}, { size, alpha: 0.4, beta: 0.6, bias: 0.5 }),
    ),
    one("LRN", [3, 1, 2], {}, { size: 3 }),
    ...[1, 2].flatMap((p) => [
      one("LpNormalization", away([2, 4], 0), {}, { p }),
      one("LpNormalization", away([3, 2, 2], 0), {}, { p, axis: 1 }),
    ]),
    ...["Softmax", "LogSoftmax"].flatMap((op) => [
      one(op, [4]),
      one(op, [3, 4], {}, { axis: 1 }),
      one(op, [3, 2, 2], {}, { axis: -2 }),
    ]),
  ];
}

export function reductions(): RuleCase[] {
  const axes = [int64s(1), int64s(-1), int64s(2, 1), int64s(1, 2, 3)];
  const smooth = ["Sum", "SumSquare", "LogSumExp"].map((name) => [`Reduce${name}`, [2, 3, 2]]);
  const kinked = ["Max", "Min"].map((name) => [`Reduce${name}`, apart([2, 3, 2])]);
  const norms = ["L1", "L2"].map((name) => [`Reduce${name}`, away([2, 3, 2], 0)]);
  return [
    ...([...smooth, ...kinked, ...norms] as [string, RuleCase["image"]][]).flatMap(([op, image]) =>
      [0, 1].flatMap((keepdims) => axes.map((a) => one(op, image, { a }, { keepdims }))),
    ),
    ...["Sum", "Max", "Min"].map((name) =>
      one(`Reduce${name}`, [3], {}, { noop_with_empty_axes: 1 }),
    ),
    ...["Sum", "Max", "L2"].map((name) => ({
      // Without axes everything is reduced: here a parameter.
      op: `Reduce${name}`,
      image: [3],
      parameters: { w: apart([2, 3]) },
      nodes: [node(`Reduce${name}`, ["w"], ["r"], { keepdims: 0 }), node("Mul", ["x", "r"], ["y"])],
    })),
    ...[[4], [2, 3], [2, 2, 2]].map((spatial) => one("GlobalMaxPool", apart([2, ...spatial]))),
  ];
}
