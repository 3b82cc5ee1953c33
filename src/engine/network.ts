// A classifier made ready: the user's file read, its head found, its shapes measured, theta laid out.
import { headOf } from "../autodiff/head.ts";
import { asClassifier, type Normalization } from "../autodiff/pixels.ts";
import { openShape, type Shapes } from "../autodiff/shape.ts";
import { trainableParameters } from "../autodiff/trainable.ts";
import { channelAxisOf } from "../data/frame.ts";
import { TemperError } from "../errors.ts";
import { elementCount, type Graph, nodeLabel, type Tensor, type ValueInfo } from "../onnx/graph.ts";
import { constantValue, liftGraph, OWN_NAMES, stateSqueezedAxes } from "../onnx/lift.ts";
import { patchWeights } from "../onnx/patch.ts";
import { readGraph } from "../onnx/read.ts";
import { type Parameter, splitTheta, thetaOf } from "../onnx/theta.ts";
import { Session } from "./session.ts";

/** How {@link openModel} reads a file. */
export interface NetworkOptions {
  /**
   * The mean of the normalisation (x - mean) / std that the model wants and its graph does not do, in pixel
   * units: a number for each channel, or one for all. Default 0. A model that takes bytes has none.
   */
  readonly mean?: readonly number[] | undefined;
  /** The standard deviation of that normalisation, above 0: a number for each channel, or one for all. Default 1. */
  readonly std?: readonly number[] | undefined;
  /** The name of the output that holds the logits, in a model with several. Default: the only one. */
  readonly output?: string | undefined;
  /** The tensors that may move: a pattern on their names (`fc*`), or `last` for the last dense layer. Default: all. */
  readonly trainable?: string | undefined;
}

/** A classifier as plain data. `graph` is lifted, maps pixels to logits, and holds theta0. */
export interface Network {
  readonly file: Uint8Array;
  readonly options: NetworkOptions;
  readonly graph: Graph;
  readonly shapes: Shapes;
  readonly parameters: readonly Parameter[];
  readonly theta0: Float32Array;
  /** Of one image, without the batch. */
  readonly inputShape: readonly number[];
  readonly labels: number;
  /** The Softmax that the file ends in, and that is left out: `graph` ends in what it is taken of. */
  readonly softmax: string | undefined;
}

// Believed before memory is asked for: 4096 x 4096 pixels of 4 channels.
const LARGEST_IMAGE = 2 ** 26;

// Any two batch sizes tell which dimensions grow with the batch.
const BATCHES = [2, 3] as const;

/** The shape of every value, by running the graph at two batch sizes: no operator's shape rule is written twice. */
async function measureShapes(graph: Graph, inputShape: readonly number[]): Promise<Shapes> {
  const values = graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== ""));
  const everything: Graph = {
    ...graph,
    outputs: values.map((name) => ({ name, type: null, dims: [] })),
  };
  const session = await Session.create(everything, { optimize: false });
  const image = graph.inputs[0].name;
  try {
    const [first, second] = await Promise.all(
      BATCHES.map((batch) => {
        const dims = [batch, ...inputShape];
        const data = new Float32Array(dims.reduce((a, c) => a * c, 1)).fill(0.5);
        return session.run({ [image]: { dims, data } });
      }),
    ).catch((cause) => {
      throw new TemperError(
        "model-unsupported",
        `${cause.message}\nthat was with ${BATCHES[0]} images at once; export the model with an open batch dimension`,
        { cause },
      );
    });
    const shapes = new Map<string, readonly number[]>([[image, [-1, ...inputShape]]]);
    for (const [name, { dims }] of graph.initializers) shapes.set(name, dims);
    for (const node of graph.nodes) {
      for (const name of node.outputs.filter((output) => output !== "")) {
        const shape = openShape(first.get(name)!.dims, second.get(name)!.dims, ...BATCHES);
        if (shape === undefined) {
          throw new TemperError(
            "model-unsupported",
            `${nodeLabel(node)} makes [${first.get(name)!.dims}] of 2 images and [${second.get(name)!.dims}] of 3\n` +
              "its shape must be fixed or proportional to the batch",
          );
        }
        shapes.set(name, shape);
      }
    }
    return shapes;
  } finally {
    await session.release();
  }
}

/** Temper's own names, and the one that a JavaScript object loses in onnxruntime's answers. */
function checkNames({ inputs, initializers, nodes }: Graph): void {
  const names = [
    ...inputs.map(({ name }) => name),
    ...initializers.keys(),
    ...nodes.flatMap(({ outputs }) => outputs),
  ];
  const reserved = names.find((name) => name.startsWith(OWN_NAMES) || name === "__proto__");
  if (reserved === undefined) return;
  throw new TemperError(
    "model-unsupported",
    `the model has a value named "${reserved}"; __proto__ and names that begin with "${OWN_NAMES}" are reserved\n` +
      "rename it",
  );
}

function inputShapeOf(graph: Graph): number[] {
  if (graph.inputs.length !== 1) {
    const names = graph.inputs.map(({ name }) => `"${name}"`).join(", ") || "none";
    throw new TemperError(
      "model-unsupported",
      `the model has the inputs ${names}; a classifier has one`,
    );
  }
  const [{ name, type, dims }] = graph.inputs;
  const shape = dims.slice(1);
  if (
    (type !== "float32" && type !== "uint8") ||
    shape.length === 0 ||
    shape.some((d) => typeof d !== "number" || d < 1)
  ) {
    throw new TemperError(
      "model-unsupported",
      `input "${name}" is ${type}[${dims.map((d) => d ?? "?").join(", ")}]; ` +
        "expected float32 or uint8 [batch, channels, height, width]\n" +
        "export the model with fixed image sizes and an open batch",
    );
  }
  const size = elementCount(shape as number[]);
  if (size > LARGEST_IMAGE) {
    throw new TemperError(
      "model-unsupported",
      `input "${name}" takes images of [${shape}], ${size} numbers each; at most ${LARGEST_IMAGE} are supported`,
    );
  }
  return shape as number[];
}

function normalizationOf(
  { mean, std }: NetworkOptions,
  { name, type }: ValueInfo,
  inputShape: readonly number[],
): Normalization | undefined {
  if (mean === undefined && std === undefined) return undefined;
  if (type === "uint8") {
    throw new TemperError(
      "bad-option",
      `mean and std do not fit input "${name}" of bytes (uint8): such a model normalises them itself\n` +
        "leave --mean and --std out",
    );
  }
  const axis = channelAxisOf(inputShape);
  const channels = axis === undefined ? 1 : inputShape[axis];
  const full = (word: string, values: readonly number[]): readonly number[] => {
    if (![1, channels].includes(values.length) || !values.every(Number.isFinite)) {
      throw new TemperError(
        "bad-option",
        `${word} ${values.join(",")} does not fit the model's input [${inputShape}] of ${channels} channel(s)\n` +
          `give ${channels} comma-separated number(s), or one for all`,
      );
    }
    return values.length === channels ? values : Array.from({ length: channels }, () => values[0]);
  };
  const dims = inputShape.map((n, i) => (i === axis ? n : 1));
  const both = { mean: full("mean", mean ?? [0]), std: full("std", std ?? [1]), dims };
  if (both.std.some((s) => s <= 0)) {
    throw new TemperError("bad-option", `std ${both.std.join(",")} must be above 0`);
  }
  return both;
}

/**
 * Reads a classifier and makes it ready for the engine.
 *
 * @throws TemperError `model-unreadable`, `model-unsupported`, or `bad-option`
 */
export async function loadNetwork(
  file: Uint8Array,
  options: NetworkOptions = {},
): Promise<Network> {
  const read = readGraph(file);
  checkNames(read);
  const inputShape = inputShapeOf(read);
  const { logits, softmax } = headOf(read, options.output);
  const normalization = normalizationOf(options, read.inputs[0], inputShape);
  const lifted = asClassifier(liftGraph(read), logits, normalization);
  const shapes = await measureShapes(lifted, inputShape);
  const graph = stateSqueezedAxes(lifted, shapes);
  const [batch, labels, ...rest] = shapes.get(logits) ?? [];
  if (batch !== -1 || labels === undefined || labels < 2 || rest.length > 0) {
    const shown = (shapes.get(logits) ?? []).map((d) => (d < 0 ? `${-d} x batch` : d));
    throw new TemperError(
      "model-unsupported",
      `the output is [${shown.join(", ")}]; a classifier's is [batch, labels] with at least 2 labels\n` +
        "export the model with an open batch dimension",
    );
  }
  const constants = new Map<string, Tensor>(
    read.nodes
      // Only a tensor's bytes can be replaced in place; value_floats are attributes of another kind.
      .filter(({ op, attributes }) => op === "Constant" && attributes.has("value"))
      .map((node) => [node.outputs[0], constantValue(node)]),
  );
  const parameters = trainableParameters(read, constants, logits, options.trainable);
  const theta0 = thetaOf(graph, parameters);
  if (!theta0.every(Number.isFinite)) {
    const bad = parameters.find(({ offset, size }) =>
      theta0.subarray(offset, offset + size).some((value) => !Number.isFinite(value)),
    );
    throw new TemperError("model-unsupported", `weight "${bad?.name}" is not finite`);
  }
  return {
    file,
    options,
    graph,
    shapes,
    parameters,
    theta0,
    inputShape,
    labels,
    softmax: softmax && nodeLabel(softmax),
  };
}

/** The user's file with theta in place of theta0, every other byte as it was. */
export function networkBytes(network: Network, theta: Float32Array): Uint8Array<ArrayBuffer> {
  return patchWeights(network.file, splitTheta(network.parameters, theta));
}
