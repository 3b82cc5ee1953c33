// Grows a network layer by layer, with PyTorch's initialisation from a seed.
import { float, int, ints } from "../onnx/attributes.ts";
import type { Attribute, Graph, Node, Tensor } from "../onnx/graph.ts";
import { randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";

export const INPUT = "input";

/** Every layer is given the value it reads and returns the value it makes; a value is its name. */
export interface Layers {
  /** An operator without weights; `constants` are its further inputs. */
  op(op: string, name: string, inputs: readonly string[], attributes?: Attributes): string;
  /** A square convolution, padded so that stride 1 keeps the size. `dims`: [to, from, kernel, kernel]. */
  conv(x: string, name: string, dims: readonly number[], options?: ConvOptions): string;
  /** `dims`: [outputs, inputs]. */
  dense(x: string, name: string, dims: readonly [number, number]): string;
  /** It begins with scale 1, shift 0, running mean 0 and running variance 1. */
  batchNorm(x: string, name: string, channels: number): string;
  /** A float32 tensor that is no weight of a layer. */
  constant(name: string, dims: readonly number[], values: readonly number[]): string;
  /** What has grown, from images [batch, ...shape] to the value named logits [batch, labels]. */
  graph(name: string, shape: readonly number[], labels: number): Graph;
}

type Attributes = Readonly<Record<string, Attribute>>;

export interface ConvOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Default true. */
  readonly bias?: boolean;
}

// PyTorch's epsilon, and its share of a minibatch in a running average; ONNX states the share that is kept.
const EPSILON = 1e-5;
export const MOMENTUM = 0.1;

/** A network without layers; the layer that is named `output` will make the logits. */
export function createLayers(seed: number): Layers {
  const random = randomStream(seed, STREAMS.training.weights);
  const initializers = new Map<string, Tensor>();
  const nodes: Node[] = [];

  const op: Layers["op"] = (op, name, inputs, attributes = {}) => {
    const output = name === "output" ? "logits" : `${name}/${op}`;
    const all = new Map(Object.entries(attributes));
    nodes.push({ op, name, inputs, outputs: [output], attributes: all });
    return output;
  };
  const constant: Layers["constant"] = (name, dims, values) => {
    initializers.set(name, { type: "float32", dims, values: Float32Array.from(values) });
    return name;
  };
  /** PyTorch's default for Conv and Linear, weight and bias alike: uniform in +-1 / sqrt(inputs of a unit). */
  const uniform = (name: string, dims: readonly number[], inputs: number): string => {
    const bound = 1 / Math.sqrt(inputs);
    const size = dims.reduce((a, c) => a * c, 1);
    const values = Array.from({ length: size }, () => bound * (2 * random.uniform() - 1));
    return constant(name, dims, values);
  };
  const weights = (name: string, dims: readonly number[], bias: boolean): string[] => {
    const inputs = dims.slice(1).reduce((a, c) => a * c, 1);
    const weight = uniform(`${name}.weight`, dims, inputs);
    return bias ? [weight, uniform(`${name}.bias`, dims.slice(0, 1), inputs)] : [weight];
  };
  return {
    op,
    constant,
    conv: (x, name, dims, { stride = 1, bias = true } = {}) => {
      const kernel = dims.slice(2);
      const pad = kernel.map((k) => (k - 1) / 2);
      return op("Conv", name, [x, ...weights(name, dims, bias)], {
        kernel_shape: ints(kernel),
        strides: ints([stride, stride]),
        pads: ints([...pad, ...pad]),
      });
    },
    dense: (x, name, dims) =>
      op("Gemm", name, [x, ...weights(name, dims, true)], { transB: int(1) }),
    batchNorm: (x, name, channels) => {
      const filled = (part: string, value: number): string =>
        constant(`${name}.${part}`, [channels], new Array<number>(channels).fill(value));
      const affine = [filled("weight", 1), filled("bias", 0)];
      const running = [filled("running_mean", 0), filled("running_var", 1)];
      return op("BatchNormalization", name, [x, ...affine, ...running], {
        epsilon: float(EPSILON),
        momentum: float(1 - MOMENTUM),
      });
    },
    graph: (name, shape, labels) => ({
      name,
      opset: 13,
      inputs: [{ name: INPUT, type: "float32", dims: ["batch", ...shape] }],
      outputs: [{ name: "logits", type: "float32", dims: ["batch", labels] }],
      initializers,
      nodes,
    }),
  };
}
