// The paper's three networks as ONNX graphs, freshly initialised; shapes are those of the published weights.
import { int } from "../onnx/attributes.ts";
import type { Graph } from "../onnx/graph.ts";
import { createLayers, INPUT, type Layers } from "./layers.ts";

/** The paper's networks: `cnnlight` and `cnn` for images [1, 28, 28], `resnet8` for [3, 32, 32]; 10 labels each. */
export const architectures = ["cnnlight", "cnn", "resnet8"] as const;
/** The name of one of the paper's networks. */
export type Architecture = (typeof architectures)[number];

const LABELS = 10;

/** Two convolutions of stride 2 and a hidden dense layer, for images [1, 28, 28]. */
function buildMnist(
  architecture: Architecture,
  seed: number,
  [first, second]: readonly [number, number],
  hidden: number,
): Graph {
  const { conv, dense, op, graph } = createLayers(seed);
  const half = { stride: 2 };
  let x = conv(INPUT, "conv1", [first, 1, 3, 3], half);
  x = op("Relu", "relu1", [x]);
  x = conv(x, "conv2", [second, first, 3, 3], half);
  x = op("Relu", "relu2", [x]);
  x = op("Flatten", "flatten", [x], { axis: int(1) });
  x = dense(x, "fc1", [hidden, second * 7 * 7]);
  x = op("Relu", "relu3", [x]);
  dense(x, "output", [LABELS, hidden]);
  return graph(architecture, [1, 28, 28], LABELS);
}

/** Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where the shape changes. */
function residualBlock(
  { conv, batchNorm, op }: Layers,
  x: string,
  name: string,
  [to, from]: readonly [number, number],
): string {
  const stride = to === from ? 1 : 2;
  const noBias = { bias: false };
  let y = conv(x, `${name}.conv1`, [to, from, 3, 3], { stride, ...noBias });
  y = op("Relu", `${name}.relu1`, [batchNorm(y, `${name}.bn1`, to)]);
  y = batchNorm(conv(y, `${name}.conv2`, [to, to, 3, 3], noBias), `${name}.bn2`, to);
  let shortcut = x;
  if (to !== from) {
    shortcut = conv(x, `${name}.downsample.0`, [to, from, 1, 1], { stride, ...noBias });
    shortcut = batchNorm(shortcut, `${name}.downsample.1`, to);
  }
  return op("Relu", `${name}.relu2`, [op("Add", `${name}.add`, [y, shortcut])]);
}

/** Mean and standard deviation of each channel of CIFAR-10, as the paper's authors normalise it. */
const MEAN = [0.4914, 0.4822, 0.4465];
const STD = [0.2023, 0.1994, 0.201];

/**
 * Three groups of two residual blocks at 16, 32 and 64 channels, for images [3, 32, 32]. The graph takes
 * pixels in [0, 1] and normalises them itself; the published file takes them normalised.
 */
function buildResnet8(seed: number): Graph {
  const layers = createLayers(seed);
  const { conv, batchNorm, dense, op, constant, graph } = layers;
  let x = op("Sub", "centre", [INPUT, constant("mean", [1, 3, 1, 1], MEAN)]);
  x = op("Div", "normalise", [x, constant("std", [1, 3, 1, 1], STD)]);
  let channels = 16;
  x = batchNorm(conv(x, "conv1", [channels, 3, 3, 3], { bias: false }), "bn1", channels);
  x = op("Relu", "relu", [x]);
  for (const [group, to] of [16, 32, 64].entries()) {
    x = residualBlock(layers, x, `layer${group + 1}.0`, [to, channels]);
    x = residualBlock(layers, x, `layer${group + 1}.1`, [to, to]);
    channels = to;
  }
  x = op("GlobalAveragePool", "avg_pool", [x]);
  x = op("Flatten", "flatten", [x], { axis: int(1) });
  dense(x, "output", [LABELS, channels]);
  return graph("resnet8", [3, 32, 32], LABELS);
}

/** A freshly initialised network; the same seed gives the same one. */
export function buildNetwork(architecture: Architecture, seed: number): Graph {
  switch (architecture) {
    case "cnnlight":
      return buildMnist(architecture, seed, [8, 16], 50);
    case "cnn":
      return buildMnist(architecture, seed, [16, 32], 100);
    case "resnet8":
      return buildResnet8(seed);
  }
}
