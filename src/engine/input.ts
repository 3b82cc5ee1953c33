// The image that a model takes: which of its inputs it is, of what shape, and what normalises it.
import type { Normalization } from "../autodiff/pixels.ts";
import { channelAxisOf } from "../data/frame.ts";
import { TemperError } from "../errors.ts";
import { elementCount, type Graph, type ValueInfo } from "../onnx/graph.ts";
import { neededFor } from "../onnx/paths.ts";

// Believed before memory is asked for: 4096 x 4096 pixels of 4 channels.
const LARGEST_IMAGE = 2 ** 26;

const shown = ({ type, dims }: ValueInfo): string =>
  `${type}[${dims.map((d) => d ?? "?").join(", ")}]`;

/** The inputs that some outputs are made of. */
function inputsFor(graph: Graph, outputs: readonly ValueInfo[]): readonly ValueInfo[] {
  const names = outputs.map(({ name }) => name);
  const needed = neededFor(graph, names);
  return graph.inputs.filter(({ name }) => needed.has(name));
}

/**
 * The graph as far as its outputs need it, with the one input that they are made of. Outputs that need others as well,
 * such as the loss of a graph for training, are left out where one input suffices for the rest.
 */
export function withImageInput(graph: Graph): Graph {
  const inputs = inputsFor(graph, graph.outputs);
  if (inputs.length === 1) {
    const names = graph.outputs.map(({ name }) => name);
    const needed = neededFor(graph, names);
    const nodes = graph.nodes.filter((node) => node.outputs.some((name) => needed.has(name)));
    return { ...graph, inputs, nodes };
  }
  const outputs = graph.outputs.filter((output) => inputsFor(graph, [output]).length === 1);
  if (outputs.length > 0 && inputsFor(graph, outputs).length === 1) {
    return withImageInput({ ...graph, outputs });
  }
  if (inputs.length === 0) {
    throw new TemperError("model-unsupported", "no output of the model depends on an input");
  }
  const names = inputs.map(({ name }) => `"${name}"`).join(" and ");
  const answer = lastAnswer(graph) ?? "NAME";
  throw new TemperError(
    "model-unsupported",
    `the model's outputs are made of the inputs ${names}; a classifier has one, the image\n` +
      `a value that is made of the image alone can be named with output (--output ${answer})`,
  );
}

/** The last Softmax that is made of one input alone: the classifier in a graph that was exported for training. */
function lastAnswer({ nodes, inputs }: Graph): string | undefined {
  const made = new Map(inputs.map(({ name }) => [name, new Set([name])]));
  let last: string | undefined;
  for (const { op, inputs: reads, outputs } of nodes) {
    const of = new Set(reads.flatMap((name) => [...(made.get(name) ?? [])]));
    for (const name of outputs) made.set(name, of);
    if ((op === "Softmax" || op === "LogSoftmax") && of.size === 1) last = outputs[0];
  }
  return last;
}

/** How the images come: their shape, and how many of them the file asks for at once. */
export interface ImageInput {
  /** Of one image, without the batch. */
  readonly shape: readonly number[];
  /** The size of the batch that the file states; undefined where it leaves it open. */
  readonly images: number | undefined;
}

/** @throws TemperError `model-unsupported` where the input is no batch of images of one size */
export function imageInputOf({ name, type, dims }: ValueInfo): ImageInput {
  const refuse = (what: string, advice: string): never => {
    throw new TemperError("model-unsupported", `input "${name}" is ${what}\n${advice}`);
  };
  const [batch, ...shape] = dims;
  if (type !== "float32" && type !== "uint8") {
    refuse(shown({ name, type, dims }), "Temper corrects models that take float or uint8 images");
  }
  if (shape.some((d) => typeof d !== "number" || d < 1)) {
    const size = `${shown({ name, type, dims })}: the size of its images is left open`;
    refuse(size, "export the model with the size fixed, and only the batch open");
  }
  const size = elementCount(shape as number[]);
  if (size > LARGEST_IMAGE) {
    const each = `images of [${shape}], ${size} numbers each`;
    refuse(each, `at most ${LARGEST_IMAGE} numbers an image are supported`);
  }
  const images = typeof batch === "number" && batch > 0 ? batch : undefined;
  return { shape: shape as number[], images };
}

/** @throws TemperError `bad-option` where the options do not fit the input */
export function normalizationOf(
  mean: readonly number[] | undefined,
  std: readonly number[] | undefined,
  { name, type }: ValueInfo,
  shape: readonly number[],
): Normalization | undefined {
  if (mean === undefined && std === undefined) return undefined;
  if (type === "uint8") {
    throw new TemperError(
      "bad-option",
      `mean and std do not fit input "${name}" of bytes (uint8): such a model normalises them itself\n` +
        "leave --mean and --std out",
    );
  }
  const axis = channelAxisOf(shape);
  const channels = axis === undefined ? 1 : shape[axis];
  const full = (word: string, values: readonly number[]): readonly number[] => {
    if (![1, channels].includes(values.length) || !values.every(Number.isFinite)) {
      throw new TemperError(
        "bad-option",
        `${word} ${values.join(",")} does not fit the model's input [${shape}] of ${channels} channel(s)\n` +
          `give ${channels} comma-separated number(s), or one for all`,
      );
    }
    return values.length === channels ? values : Array.from({ length: channels }, () => values[0]);
  };
  const dims = shape.map((n, i) => (i === axis ? n : 1));
  const both = { mean: full("mean", mean ?? [0]), std: full("std", std ?? [1]), dims };
  if (both.std.some((s) => s <= 0)) {
    throw new TemperError("bad-option", `std ${both.std.join(",")} must be above 0`);
  }
  return both;
}
