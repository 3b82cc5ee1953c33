// A linear classifier of 4 x 4 images with something put before or behind it, as models in the field have.
import type { Dataset } from "../../src/data/dataset.ts";
import type { Model } from "../../src/engine/model.ts";
import type { ElementType, Node, Tensor } from "../../src/onnx/graph.ts";
import { writeGraph } from "../../src/onnx/write.ts";
import { randomStream } from "../../src/tensor/random.ts";
import { graph, node, tensor } from "./graph-builder.ts";

const SHAPE = [1, 4, 4] as const;
const PIXELS = 16;
const LABELS = 3;

export interface OddModel {
  /** Nodes that make "image" of the input "x". */
  readonly before?: readonly Node[];
  /** Nodes that make "y" of "sums". */
  readonly after?: readonly Node[];
  readonly initializers?: Readonly<Record<string, Tensor>>;
  readonly type?: ElementType;
  readonly output?: ElementType;
  /** Times the weights. */
  readonly scale?: number;
}

/** f = W x with weights uniform in +-scale, unless something is put before or behind. */
export function oddModel({
  before = [node("Identity", ["x"], ["image"])],
  after = [node("Identity", ["sums"], ["y"])],
  initializers = {},
  type = "float32",
  output = "float32",
  scale = 1,
}: OddModel = {}): Uint8Array {
  const random = randomStream(5);
  const weights = Array.from({ length: PIXELS * LABELS }, () => scale * (2 * random.uniform() - 1));
  return writeGraph(
    graph({
      inputs: { x: { type, dims: ["batch", ...SHAPE] } },
      initializers: { w: tensor([PIXELS, LABELS], weights), ...initializers },
      nodes: [
        ...before,
        node("Flatten", ["image"], ["flat"], { axis: 1 }),
        node("MatMul", ["flat", "w"], ["sums"]),
        ...after,
      ],
      outputs: { y: { type: output, dims: ["batch", LABELS] } },
    }),
  );
}

const scalar = (value: number, type: ElementType = "float32"): Tensor => tensor([], [value], type);

/** Pixels rounded to quarters. */
export const rounded: OddModel = {
  before: [
    node("Mul", ["x", "four"], ["scaled"]),
    node("Round", ["scaled"], ["whole"], {}, "quarters"),
    node("Div", ["whole", "four"], ["image"]),
  ],
  initializers: { four: scalar(4) },
};

/** Takes bytes and divides them itself. */
export const bytes: OddModel = {
  type: "uint8",
  before: [node("Cast", ["x"], ["floats"], { to: 1 }), node("Div", ["floats", "most"], ["image"])],
  initializers: { most: scalar(255) },
};

/** Answers with a one-hot row: the label and nothing else. */
export const hard: OddModel = {
  after: [
    node("ArgMax", ["sums"], ["label"], { axis: 1, keepdims: 0 }, "answer"),
    node("OneHot", ["label", "depth", "values"], ["y"]),
  ],
  initializers: { depth: scalar(LABELS, "int64"), values: tensor([2], [0, 1]) },
};

/** Adds noise of its own, another at every pass. */
export const noisy: OddModel = {
  before: [
    node("RandomNormal", [], ["noise"], {
      shape: [1, ...SHAPE],
      scale: 0.5,
      mean: 0.25,
      seed: 0.5,
    }),
    node("Add", ["x", "noise"], ["image"]),
  ],
};

/** Takes the mean of the batch off its images, as a network left in training mode does. */
export const mixing: OddModel = {
  before: [
    node("ReduceMean", ["x", "first"], ["mean"], { keepdims: 1 }),
    node("Sub", ["x", "mean"], ["image"]),
  ],
  initializers: { first: tensor([1], [0], "int64") },
};

/** Mixes its images too, but only by their pixels of full brightness, which noise does not have. */
export const mixingWhite: OddModel = {
  before: [
    node("Floor", ["x"], ["white"]),
    node("ReduceMean", ["white", "first"], ["mean"], { keepdims: 1 }),
    node("Sub", ["x", "mean"], ["image"]),
  ],
  initializers: { first: tensor([1], [0], "int64") },
};

/** Ends in probabilities. */
export const softmax: OddModel = {
  after: [node("Softmax", ["sums"], ["y"], { axis: 1 }, "probabilities")],
};

/** Images of noise, each with the label the model gives it. */
export async function answered(model: Model, count: number): Promise<Dataset> {
  const random = randomStream(6);
  const pixels = Float32Array.from({ length: count * PIXELS }, () => random.uniform());
  const logits = await model.logits(pixels, count);
  const labels = Int32Array.from({ length: count }, (_, i) => {
    const row = logits.subarray(i * LABELS, (i + 1) * LABELS);
    return row.indexOf(Math.max(...row));
  });
  return { name: "answered", shape: SHAPE, count, pixels, labels };
}
