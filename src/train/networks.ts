// The paper's MNIST networks as ONNX graphs, with PyTorch's initialisation from a seed.
import { int, ints } from "../onnx/attributes.ts";
import type { Attribute, Graph, Node, Tensor } from "../onnx/graph.ts";
import { type Random, randomStream } from "../tensor/random.ts";

export const architectures = ["cnnlight", "cnn"] as const;
export type Architecture = (typeof architectures)[number];

/** Channels of the two convolutions and width of the hidden dense layer (method.md, "Networks"). */
const widths: Readonly<
  Record<Architecture, { readonly channels: [number, number]; readonly hidden: number }>
> = {
  cnnlight: { channels: [8, 16], hidden: 50 },
  cnn: { channels: [16, 32], hidden: 100 },
};

const LABELS = 10;
const IMAGE = [1, 28, 28] as const;

/** PyTorch's default for Conv and Linear, weight and bias alike: uniform in +-1 / sqrt(inputs of a unit). */
function uniformTensor(dims: readonly number[], inputs: number, random: Random): Tensor {
  const bound = 1 / Math.sqrt(inputs);
  const size = dims.reduce((a, c) => a * c, 1);
  const values = Float32Array.from({ length: size }, () => bound * (2 * random.uniform() - 1));
  return { type: "float32", dims, values };
}

/** A freshly initialised network: two stride-2 convolutions, a hidden dense layer, ten logits. */
export function buildNetwork(architecture: Architecture, seed: number): Graph {
  const { channels, hidden } = widths[architecture];
  const random = randomStream(seed, 0);
  const initializers = new Map<string, Tensor>();
  const nodes: Node[] = [];
  let value = "input";

  const add = (
    op: string,
    name: string,
    extra: string[],
    attributes: Record<string, Attribute>,
  ): void => {
    const output = name === "output" ? "logits" : `${name}/${op}`;
    const all = new Map(Object.entries(attributes));
    nodes.push({ op, name, inputs: [value, ...extra], outputs: [output], attributes: all });
    value = output;
  };
  const layer = (
    op: string,
    name: string,
    dims: number[],
    attributes: Record<string, Attribute>,
  ): void => {
    const inputs = dims.slice(1).reduce((a, c) => a * c, 1);
    initializers.set(`${name}.weight`, uniformTensor(dims, inputs, random));
    initializers.set(`${name}.bias`, uniformTensor(dims.slice(0, 1), inputs, random));
    add(op, name, [`${name}.weight`, `${name}.bias`], attributes);
  };
  const conv = { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) };
  const dense = { transB: int(1) };
  const [first, second] = channels;
  layer("Conv", "conv1", [first, 1, 3, 3], conv);
  add("Relu", "relu1", [], {});
  layer("Conv", "conv2", [second, first, 3, 3], conv);
  add("Relu", "relu2", [], {});
  add("Flatten", "flatten", [], { axis: int(1) });
  layer("Gemm", "fc1", [hidden, second * 7 * 7], dense);
  add("Relu", "relu3", [], {});
  layer("Gemm", "output", [LABELS, hidden], dense);
  return {
    name: architecture,
    opset: 13,
    inputs: [{ name: "input", type: "float32", dims: ["batch", ...IMAGE] }],
    outputs: [{ name: "logits", type: "float32", dims: ["batch", LABELS] }],
    initializers,
    nodes,
  };
}
