// Batch normalisation in training (Ioffe & Szegedy, ICML 2015), as PyTorch has it: each channel is
// normalised by the mean and the biased variance of its minibatch, and what the finished network will
// normalise by is a running average of the means and the unbiased variances.
import { scalar, sumOver } from "../autodiff/builder.ts";
import type { Call, Rule } from "../autodiff/rule.ts";
import { rules } from "../autodiff/rules.ts";
import type { Shapes } from "../autodiff/shape.ts";
import { floatOf, int } from "../onnx/attributes.ts";
import { type Graph, type Node, nodeLabel, type Tensor } from "../onnx/graph.ts";
import { OWN_NAMES } from "../onnx/lift.ts";
import { typeCode } from "../onnx/tensor-proto.ts";
import { MOMENTUM } from "./layers.ts";

/** The statistics of one BatchNormalization node, per channel. */
export interface BatchStatistics {
  /** Values of the training graph: the mean and the biased variance of the batch. */
  readonly mean: string;
  readonly variance: string;
  /** The initializers of the network that hold their running averages. */
  readonly runningMean: string;
  readonly runningVariance: string;
  readonly channels: number;
  /** How many values an image has in a channel. */
  readonly perImage: number;
}

const AXES = `${OWN_NAMES}all but the channel`;
const FLAT = `${OWN_NAMES}flat`;

const int64s = (values: readonly number[]): Tensor => ({
  type: "int64",
  dims: [values.length],
  values: BigInt64Array.from(values, BigInt),
});

/** The nodes that compute what a BatchNormalization normalises by in training, and the node on them. */
function onItsBatch(node: Node): {
  readonly nodes: Node[];
  readonly mean: string;
  variance: string;
} {
  const [x, weight, bias] = node.inputs;
  const own = (part: string): string => `${OWN_NAMES}${node.outputs[0]}/${part}`;
  const make = (op: string, inputs: string[], part: string, keepdims?: number): Node => ({
    op,
    name: own(part),
    inputs,
    outputs: [own(part)],
    attributes: new Map(keepdims === undefined ? [] : [["keepdims", int(keepdims)]]),
  });
  const [mean, variance] = [own("mean"), own("variance")];
  return {
    mean,
    variance,
    nodes: [
      make("ReduceMean", [x, AXES], "means", 1),
      make("Sub", [x, own("means")], "centred"),
      make("Mul", [own("centred"), own("centred")], "squares"),
      make("ReduceMean", [own("squares"), AXES], "variance", 0),
      make("Reshape", [own("means"), FLAT], "mean"),
      { ...node, inputs: [x, weight, bias, mean, variance] },
    ],
  };
}

/**
 * The network as it is trained: every BatchNormalization normalises by its own batch. Without one it is
 * the network itself.
 *
 * @param graph lifted to opset 18, images [batch, channels, height, width]
 */
export function trainingGraph(
  graph: Graph,
  shapes: Shapes,
): { readonly graph: Graph; readonly statistics: readonly BatchStatistics[] } {
  const statistics: BatchStatistics[] = [];
  const nodes = graph.nodes.flatMap((node) => {
    if (node.op !== "BatchNormalization") return [node];
    const [x, , , runningMean, runningVariance] = node.inputs;
    const [, channels, ...spatial] = shapes.get(x)!;
    if (spatial.length !== 2) throw new Error(`${nodeLabel(node)} is not of images`);
    const perImage = spatial.reduce((a, c) => a * c, 1);
    const { nodes, mean, variance } = onItsBatch(node);
    statistics.push({ mean, variance, runningMean, runningVariance, channels, perImage });
    return nodes;
  });
  if (statistics.length === 0) return { graph, statistics };
  const initializers = new Map(graph.initializers)
    .set(AXES, int64s([0, 2, 3]))
    .set(FLAT, int64s([-1]));
  return { graph: { ...graph, initializers, nodes }, statistics };
}

/**
 * y = scale (x - mean) inv + bias with inv = 1 / sqrt(variance + epsilon), where mean and variance are
 * those of x itself, so that with c = x - mean, and <> the mean over the batch and its pixels,
 * dx = scale inv (g - <g> - c <g c> inv^2).
 */
const onBatchStatistics: Rule = {
  attributes: ["epsilon", "momentum"],
  differentiable: [0, 1, 2],
  vjps: (call: Call) => {
    const { b, node, g, x } = call;
    const [, channels, ...spatial] = b.shapeOf(x[0]);
    const perImage = spatial.reduce((a, n) => a * n, 1);
    const others = [0, ...spatial.map((_, i) => i + 2)];
    const perChannel = (value: string): string =>
      b.op("Reshape", [value, b.ints([channels, 1, 1])]);
    const centred = b.op("Sub", [x[0], perChannel(x[3])]);
    const sumG = sumOver(b, g, others);
    const sumGC = sumOver(b, b.op("Mul", [g, centred]), others);
    const variance = b.op("Add", [x[4], scalar(b, floatOf(node, "epsilon", 1e-5))]);
    const deviation = b.op("Sqrt", [variance]);
    const images = b.op("Gather", [b.op("Shape", [g]), b.ints([0])]);
    const count = b.op("Mul", [
      b.op("Cast", [images], { to: int(typeCode("float32")) }),
      scalar(b, perImage),
    ]);
    return [
      () => {
        const mean = b.op("Div", [sumG, count]);
        const slope = b.op("Div", [sumGC, b.op("Mul", [variance, count])]);
        const explained = b.op("Mul", [centred, perChannel(slope)]);
        const rest = b.op("Sub", [b.op("Sub", [g, perChannel(mean)]), explained]);
        return b.op("Mul", [rest, perChannel(b.op("Div", [x[1], deviation]))]);
      },
      () => b.op("Div", [sumGC, deviation]),
      () => sumG,
    ];
  },
};

/** The gradient rules of a training graph. */
export const trainingRules: ReadonlyMap<string, Rule> = new Map([
  ...rules,
  ["BatchNormalization", onBatchStatistics],
]);

/**
 * Moves running averages, float64 by initializer name, by the statistics of a minibatch of n images:
 * r <- 0.9 r + 0.1 s, a variance made unbiased by count / (count - 1).
 */
export function updateRunning(
  running: ReadonlyMap<string, Float64Array>,
  statistics: readonly BatchStatistics[],
  seenIn: (name: string) => Float32Array,
  n: number,
): void {
  for (const { mean, variance, runningMean, runningVariance, perImage } of statistics) {
    const count = n * perImage;
    for (const [name, value, unbiased] of [
      [runningMean, mean, 1],
      [runningVariance, variance, count / (count - 1)],
    ] as const) {
      const average = running.get(name)!;
      const seen = seenIn(value);
      for (let i = 0; i < seen.length; i++) {
        average[i] = (1 - MOMENTUM) * average[i] + MOMENTUM * unbiased * seen[i];
      }
    }
  }
}
