// The public Model: a classifier with its losses and gradients, runnable in this process.
import { imageSize } from "../data/dataset.ts";
import { refuseUnknown, TemperError } from "../errors.ts";
import { externalLocations, type ModelBytes } from "../onnx/external.ts";
import { type Parameter, withTheta } from "../onnx/theta.ts";
import { inputGradientOfAll, logitsOfAll, thetaGradientOfAll } from "./batches.ts";
import { oneHot } from "./logits.ts";
import { logitSum } from "./loss.ts";
import { crossEntropy } from "./losses/cross-entropy.ts";
import { sumLoss } from "./losses.ts";
import { readModelFiles } from "./model-file.ts";
import {
  loadNetwork,
  type Network,
  type NetworkOptions,
  networkBytes,
  patchedModel,
} from "./network.ts";
import { openPrograms } from "./programs.ts";

/**
 * A trained image classifier. Images `x` are float32 in pixel units, row-major `[n, ...inputShape]`; `y` holds
 * their n true labels, each from 0 to `labels` - 1. Theta is all that may move, as one float32 vector. Calls with
 * arrays that do not fit are refused with TemperError `data-mismatch`; gradients of an operator without a gradient
 * rule with `model-unsupported`.
 */
export interface Model {
  /** The shape of one image without the batch, usually [channels, height, width]. */
  readonly inputShape: readonly number[];
  /** The number of labels, 2 or more. */
  readonly labels: number;
  /** The length of theta. */
  readonly parameterCount: number;
  /** The tensors of theta in their order. */
  readonly parameters: readonly Parameter[];
  /** A copy of theta, `[parameterCount]`. */
  theta(): Float32Array;
  /** The logits f_l(x_i) of n images, float32, row-major `[n, labels]`. */
  logits(x: Float32Array, n: number): Promise<Float32Array>;
  /** The mean cross-entropy over the images, in nats. */
  loss(x: Float32Array, y: Int32Array): Promise<number>;
  /** The mean cross-entropy over the images and its gradient in theta. */
  lossGradient(
    x: Float32Array,
    y: Int32Array,
  ): Promise<{
    /** The mean cross-entropy, in nats. */
    readonly loss: number;
    /** Its gradient in theta, `[parameterCount]`. */
    readonly gradient: Float64Array;
  }>;
  /** The gradient in x of the cross-entropy summed over the images, of the same shape as x. */
  inputGradient(x: Float32Array, y: Int32Array): Promise<Float32Array>;
  /** The gradient in theta of the sum of w_il f_l(x_i), `[parameterCount]`; weights w are row-major `[n, labels]`. */
  logitGradient(x: Float32Array, weights: Float32Array | Float64Array): Promise<Float64Array>;
  /** The same network with another theta, `[parameterCount]`. Each of the two is closed by a call of its own. */
  withParameters(theta: Float32Array): Promise<Model>;
  /**
   * The ONNX file: the input file with theta's bytes replaced in place. A model whose weights are in files beside it
   * is refused (`model-unsupported`): a run's save(folder) writes them all.
   */
  bytes(): Uint8Array<ArrayBuffer>;
  /** Frees the native sessions. The model may be used again: they are then made anew. */
  close(): Promise<void>;
}

export interface ModelOptions extends NetworkOptions {
  /**
   * The contents of the files beside a model that is given as bytes, by the names that the model gives them. Those of
   * a model that is given by its path are read from its folder.
   */
  readonly externalData?:
    | ReadonlyMap<string, Uint8Array>
    | Readonly<Record<string, Uint8Array>>
    | undefined;
}

/**
 * Opens an ONNX classifier.
 *
 * @param source a path or the file's bytes
 * @throws TemperError `file-missing`, `model-unreadable`, `model-unsupported`, `bad-option`
 */
export async function openModel(
  source: string | Uint8Array,
  options: ModelOptions = {},
): Promise<Model> {
  const known = {
    mean: true,
    std: true,
    output: true,
    trainable: true,
    device: true,
    externalData: true,
  } as const;
  refuseUnknown(options, known satisfies Record<keyof ModelOptions, true>, "openModel");
  if (typeof source !== "string" && !(source instanceof Uint8Array)) {
    throw new TemperError("bad-option", `openModel was given ${source}: expected a path or bytes`);
  }
  const { externalData, ...rest } = options;
  const { file, externalData: data } =
    typeof source === "string" ? await readModelFiles(source) : modelBytes(source, externalData);
  return modelOf(await loadNetwork(file, rest, data));
}

/** The data files that the model names, of those that are given. */
function modelBytes(file: Uint8Array, given: ModelOptions["externalData"] = {}): ModelBytes {
  const data = given instanceof Map ? given : new Map(Object.entries(given));
  const named = externalLocations(file).filter((location) => data.has(location));
  return { file, externalData: new Map(named.map((name) => [name, data.get(name)!])) };
}

/** The network behind each model: what other rooms of the package need of it, and no user of the package sees. */
const networks = new WeakMap<Model, Network>();

/**
 * The plain data behind a model.
 *
 * @throws TemperError `bad-option`, where `model` does not come from {@link openModel}
 */
export function networkOf(model: Model): Network {
  const network = networks.get(model);
  if (network !== undefined) return network;
  throw new TemperError(
    "bad-option",
    "this is no model: expected what openModel or withParameters gives, not a copy of it",
  );
}

function modelOf(network: Network): Model {
  const theta = network.theta0;
  const programs = openPrograms(network, theta);
  const size = imageSize(network.inputShape);

  const countOf = (x: Float32Array, n: number, what: string): number => {
    if (!Number.isInteger(n) || n < 1 || x.length !== n * size) {
      throw new TemperError(
        "data-mismatch",
        `x holds ${x.length} values, but ${what} needs ${n} x ${size} ([${network.inputShape}] an image)`,
      );
    }
    return n;
  };
  const labelled = (x: Float32Array, y: Int32Array): Float32Array => {
    countOf(x, y.length, `${y.length} labels`);
    const wrong = y.findIndex((label) => label < 0 || label >= network.labels);
    if (wrong >= 0) {
      throw new TemperError(
        "data-mismatch",
        `label ${y[wrong]} of image ${wrong} is outside 0 .. ${network.labels - 1}`,
      );
    }
    return oneHot(y, network.labels);
  };
  const logits: Model["logits"] = async (x, n) =>
    logitsOfAll(network, programs, x, countOf(x, n, "n"));

  const model: Model = {
    inputShape: network.inputShape,
    labels: network.labels,
    parameterCount: theta.length,
    parameters: network.parameters,
    theta: () => theta.slice(),
    logits,
    loss: async (x, y) => {
      labelled(x, y);
      return sumLoss(crossEntropy, await logits(x, y.length), network.labels, y) / y.length;
    },
    lossGradient: async (x, y) => {
      const n = y.length;
      const covector = labelled(x, y);
      const call = { of: crossEntropy, x, covector, n };
      const sums = await thetaGradientOfAll(network, programs, call);
      return {
        loss: sumLoss(crossEntropy, sums.logits, network.labels, y) / n,
        gradient: sums.gradient.map((g) => g / n),
      };
    },
    inputGradient: async (x, y) => {
      const call = { of: crossEntropy, x, covector: labelled(x, y), n: y.length };
      return inputGradientOfAll(network, programs, call);
    },
    logitGradient: async (x, weights) => {
      const n = countOf(x, weights.length / network.labels, `${weights.length} weights`);
      const covector = Float32Array.from(weights);
      const call = { of: logitSum, x, covector, n };
      return (await thetaGradientOfAll(network, programs, call)).gradient;
    },
    withParameters: async (next) => modelOf(moveTheta(network, next.slice())),
    bytes: () => networkBytes(network, theta),
    close: () => programs.release(),
  };
  networks.set(model, network);
  return model;
}

/** The same network with another theta as its theta0, files and all. */
function moveTheta(network: Network, theta: Float32Array): Network {
  return {
    ...network,
    ...patchedModel(network, theta),
    theta0: theta,
    graph: withTheta(network.graph, network.parameters, theta),
  };
}
