// A classifier made ready: the user's file read, opened for any number of images, its head found, theta laid out.
import { withHead, withOutput } from "../autodiff/head.ts";
import type { Shapes } from "../autodiff/shape.ts";
import { statisticsOf, trainableParameters } from "../autodiff/trainable.ts";
import { TemperError } from "../errors.ts";
import { type ExternalData, joinExternalData, type ModelBytes } from "../onnx/external.ts";
import { toFloat32 } from "../onnx/float32.ts";
import type { ElementType, Graph, Tensor } from "../onnx/graph.ts";
import { constantValue, liftGraph, OWN_NAMES, stateSqueezedAxes } from "../onnx/lift.ts";
import { patchModel, patchWeights } from "../onnx/patch.ts";
import { readGraph } from "../onnx/read.ts";
import { storedTensors } from "../onnx/stored.ts";
import { type Parameter, splitTheta, thetaOf, withTheta } from "../onnx/theta.ts";
import { roundToHalves } from "../tensor/half.ts";
import { checkDevice, type Device } from "./device.ts";
import { imageInputOf, normalizationOf, withImageInput } from "./input.ts";
import { openGraph } from "./open.ts";
import { type Question, questionOf } from "./question.ts";
import { canRun, demandDevice } from "./session.ts";

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
  /**
   * Where the passes of the network run: `cpu` (the default), `cuda`, `webgpu`, `dml` or `coreml`. The same seed gives
   * the same bits on one device, and others on another. What onnxruntime has no operator for there runs on the
   * processor, and so do the measuring of shapes, sums in float64, and the saved file when it is asked by itself.
   */
  readonly device?: Device | undefined;
}

/** How the file ends, and what is not taken as it ends. */
export interface Ending {
  /** The step behind the logits that is left out: `graph` ends in what it is taken of. */
  readonly cut: string | undefined;
  /** What is to be said about the reading of the output; undefined where it is plain. */
  readonly note: string | undefined;
}

/** A classifier as plain data. `graph` is lifted, of float32, maps pixels to logits, and holds theta0. */
export interface Network {
  readonly file: Uint8Array;
  /** The contents of the files beside the model, by the names that it gives them; most have none. */
  readonly externalData: ExternalData;
  readonly options: NetworkOptions;
  readonly graph: Graph;
  readonly shapes: Shapes;
  readonly parameters: readonly Parameter[];
  readonly theta0: Float32Array;
  /** Of one image, without the batch. */
  readonly inputShape: readonly number[];
  readonly labels: number;
  /** How many images every run of the graph must have; undefined where any number will do. */
  readonly images: number | undefined;
  readonly ending: Ending;
  /** What is to be said once about how the model is run and read. */
  readonly notes: readonly string[];
  /** What the exporter noted beside the graph, by its keys. */
  readonly metadata: ReadonlyMap<string, string>;
  /** How the file itself is asked. */
  readonly question: Question;
}

/** Refuses a model that uses Temper's own names, or the one that a JavaScript object loses in onnxruntime's answers. */
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

/**
 * Reads a classifier and makes it ready for the engine.
 *
 * @param externalData the contents of the files beside the model, where it has any
 * @throws TemperError `model-unreadable`, `model-unsupported`, `file-missing` or `bad-option`
 */
export async function loadNetwork(
  file: Uint8Array,
  options: NetworkOptions = {},
  externalData: ExternalData = new Map(),
): Promise<Network> {
  checkDevice(options.device);
  await demandDevice(options.device);
  const stored = readGraph(file, externalData);
  checkNames(stored);
  const read = toFloat32(stored);
  const lifted = liftGraph(read);
  const wanted = withImageInput(withOutput(lifted, options.output));
  const [input] = wanted.inputs;
  const open = await openGraph(wanted, imageInputOf(input), (shape) =>
    normalizationOf(options.mean, options.std, input, shape),
  );
  const { head, images, inputShape } = open;
  const { graph: headed, shapes } = withHead(open.graph, open.shapes, head, images);
  const pruned = withImageInput(headed);
  const graph = images === undefined ? stateSqueezedAxes(pruned, shapes) : pruned;
  const forms = { stored, read, lifted };
  const parameters = parametersOf(file, forms, head.value, options.trainable);
  const theta0 = thetaOf(graph, parameters);
  checkFinite(parameters, theta0);
  const precision = await precisionNote({ file, externalData }, parameters);
  return {
    file,
    externalData,
    options: withoutDefault(options),
    // The weights are held once: the graph's are views of theta0.
    graph: withTheta(graph, parameters, theta0),
    shapes,
    parameters,
    theta0,
    inputShape,
    labels: head.labels,
    images,
    ending: { cut: head.cut, note: head.note },
    notes: [head.note, open.note, precision].flatMap((note) => note ?? []),
    metadata: stored.metadata ?? new Map(),
    question: questionOf(stored, input.name, head),
  };
}

/** Options to read a model by where it is only looked at: a machine without its device can do that too. */
export const onProcessor = ({ device: _, ...options }: NetworkOptions): NetworkOptions => options;

/** Options without the device that goes without saying: a run on the processor is recorded as ever. */
function withoutDefault({ device, ...options }: NetworkOptions): NetworkOptions {
  return device === undefined || device === "cpu" ? options : { ...options, device };
}

/** Lists theta's tensors, each with the type that the file stores it in. */
function parametersOf(
  file: Uint8Array,
  { stored, read, lifted }: Readonly<Record<"stored" | "read" | "lifted", Graph>>,
  logits: string,
  pattern: string | undefined,
): Parameter[] {
  // What a function of the model holds is not in the file's graph, and value_floats is no tensor.
  const inFile = storedTensors(file);
  const made = read.nodes.filter(({ op, outputs }) => op === "Constant" && inFile.has(outputs[0]));
  const constants = new Map<string, Tensor>(
    made.map((node) => [node.outputs[0], constantValue(node)]),
  );
  // A lifted BatchNormalization may be plain arithmetic, in which nothing tells the statistics from weights.
  const statistics = statisticsOf(read.nodes);
  const initializers = new Map([...read.initializers].filter(([name]) => !statistics.has(name)));
  const graph = { ...lifted, initializers };
  const types = new Map<string, ElementType>([
    ...[...stored.initializers].map(([name, { type }]) => [name, type] as const),
    ...stored.nodes
      .filter(({ op }) => op === "Constant")
      .map((node) => [node.outputs[0], constantValue(node).type] as const),
  ]);
  return trainableParameters(graph, constants, logits, pattern).map((parameter) => {
    const type = types.get(parameter.name);
    return type === "float16" || type === "float64" ? { ...parameter, type } : parameter;
  });
}

function checkFinite(parameters: readonly Parameter[], theta: Float32Array): void {
  if (theta.every(Number.isFinite)) return;
  const bad = parameters.find(({ offset, size }) =>
    theta.subarray(offset, offset + size).some((value) => !Number.isFinite(value)),
  );
  throw new TemperError("model-unsupported", `weight "${bad?.name}" is not finite`);
}

/** Says what must be said of weights that are not float32. */
async function precisionNote(
  model: ModelBytes,
  parameters: readonly Parameter[],
): Promise<string | undefined> {
  const types = new Set(parameters.map(({ type }) => type));
  if (types.has("float16")) {
    return "the model is float16: gradients and losses are computed in float32, some 1e-4 apart from the file's";
  }
  if (!types.has("float64")) return undefined;
  return (await canRun(model))
    ? "the model is float64: gradients and losses are computed in float32"
    : "the model is float64, which onnxruntime does not compute all of its operators in: " +
        "it is computed in float32, and what is said of it holds of that reading";
}

/** Rounds theta to what the file can hold: float16 weights are rounded, and others stay as they are. */
export function roundTheta({ parameters }: Network, theta: Float32Array): Float32Array {
  if (parameters.every(({ type }) => type !== "float16")) return theta;
  const rounded = theta.slice();
  for (const { type, offset, size } of parameters) {
    if (type !== "float16") continue;
    rounded.set(roundToHalves(theta.subarray(offset, offset + size)), offset);
  }
  return rounded;
}

/** Puts theta in the place of theta0 in the model's file and data files; every other byte stays as it was. */
export const patchedModel = (
  { file, externalData, parameters }: Network,
  theta: Float32Array,
): ModelBytes => patchModel({ file, externalData }, splitTheta(parameters, theta));

/**
 * Does the same for a model that is one file.
 *
 * @throws TemperError `model-unsupported` where it is not: its bytes alone are no model
 */
export function networkBytes(network: Network, theta: Float32Array): Uint8Array<ArrayBuffer> {
  if (network.externalData.size > 0) {
    throw new TemperError(
      "model-unsupported",
      "the model keeps its weights in files beside it, so that its bytes alone are no model\n" +
        "use save(folder), which writes them all",
    );
  }
  return patchWeights(network.file, splitTheta(network.parameters, theta));
}

/**
 * Makes the files of the model with theta in the place of theta0, by the names to write them under: the model itself,
 * and its data, if it has any, in one file `<name>.data`.
 *
 * @param name of the model's file
 */
export function modelFiles(
  network: Network,
  theta: Float32Array,
  name: string,
): Map<string, Uint8Array> {
  const patched = patchedModel(network, theta);
  if (patched.externalData.size === 0) return new Map([[name, patched.file]]);
  const { file, data } = joinExternalData(patched, `${name}.data`);
  return new Map([
    [name, file],
    [`${name}.data`, data],
  ]);
}
