// Classifiers drawn layer by layer with seeded weights, in the forms that exporters write.
import type { Graph, Node, Tensor } from "../../src/onnx/graph.ts";
import { randomStream } from "../../src/tensor/random.ts";
import { graph, int64s, node, tensor } from "./graph-builder.ts";

type Attributes = NonNullable<Parameters<typeof node>[3]>;

/** A graph that grows; a value is its name. */
export interface Sketch {
  /** Appends a node and names its output. */
  op(op: string, inputs: readonly string[], attributes?: Attributes): string;
  /** A float32 initializer of normal numbers. */
  weight(dims: readonly number[], deviation?: number, mean?: number): string;
  floats(dims: readonly number[], values: readonly number[]): string;
  ints(...values: readonly number[]): string;
  /** A Constant node. */
  constant(value: Tensor): string;
}

export interface SketchOptions {
  readonly shape: readonly number[];
  readonly opset?: number;
  readonly batch?: string | number;
}

/** `build` is given the name of the image and returns the name of the logits, or of several outputs. */
export function sketch(
  { shape, opset = 17, batch = "n" }: SketchOptions,
  build: (s: Sketch, image: string) => string | readonly string[],
): Graph {
  const nodes: Node[] = [];
  const initializers: Record<string, Tensor> = {};
  const random = randomStream(1, opset);
  let count = 0;
  const initializer = (value: Tensor): string => {
    const name = `onnx::w_${count++}`;
    initializers[name] = value;
    return name;
  };
  const s: Sketch = {
    op: (op, inputs, attributes) => {
      const name = `/${op}_${count++}`;
      nodes.push(node(op, inputs, [name], attributes));
      return name;
    },
    weight: (dims, deviation = 0.1, mean = 0) => {
      const length = dims.reduce((a, c) => a * c, 1);
      const values = Array.from({ length }, () => mean + deviation * random.normal());
      return initializer(tensor(dims, values));
    },
    floats: (dims, values) => initializer(tensor(dims, values)),
    ints: (...values) => initializer(int64s(...values)),
    constant: (value) => s.op("Constant", [], { value }),
  };
  const outputs = [build(s, "image")].flat();
  return graph({
    opset,
    inputs: { image: [batch, ...shape] },
    initializers,
    nodes,
    outputs: Object.fromEntries(outputs.map((name) => [name, [batch, null]])),
  });
}

export const relu = (s: Sketch, x: string): string => s.op("Relu", [x]);

/** A convolution with a bias; `dims` is the weight's [to, from / group, ...kernel]. */
export function conv(
  s: Sketch,
  x: string,
  dims: readonly number[],
  attributes?: Attributes,
): string {
  const fan = dims.slice(1).reduce((a, c) => a * c, 1);
  return s.op(
    "Conv",
    [x, s.weight(dims, Math.sqrt(2 / fan)), s.weight(dims.slice(0, 1))],
    attributes,
  );
}

/** x W' + b with W stored [to, from]. */
export const dense = (s: Sketch, x: string, from: number, to: number): string =>
  s.op("Gemm", [x, s.weight([to, from], Math.sqrt(2 / from)), s.weight([to])], { transB: 1 });

export const batchNorm = (s: Sketch, x: string, channels: number): string =>
  s.op("BatchNormalization", [
    x,
    s.weight([channels], 0.2, 1),
    s.weight([channels], 0.1),
    s.weight([channels], 0.1),
    s.floats(
      [channels],
      Array.from({ length: channels }, (_, i) => 0.5 + (i % 3) / 2),
    ),
  ]);
