// The public Model: a classifier with its losses and gradients, runnable in this process.
import { readFile } from "node:fs/promises";
import { imageSize } from "../data/dataset.ts";
import { refuseUnknown, TemperError } from "../errors.ts";
import { type Parameter, withTheta } from "../onnx/theta.ts";
import { inputGradientOfAll, logitsOfAll, thetaGradientOfAll } from "./batches.ts";
import { oneHot } from "./logits.ts";
import { sumLoss } from "./losses.ts";
import { loadNetwork, type Network, type NetworkOptions, networkBytes } from "./network.ts";
import { openPrograms } from "./programs.ts";

/**
 * A trained image classifier. Images x are float32 in pixel units, row-major [n, ...inputShape]; y holds
 * the true labels. Calls with arrays that do not fit throw TemperError `data-mismatch`.
 */
export interface Model {
  /** Shape of one image, without the batch. */
  readonly inputShape: readonly number[];
  /** Number of labels. */
  readonly labels: number;
  readonly parameterCount: number;
  /** The tensors of theta in order; offsets and sizes count floats. */
  readonly parameters: readonly Parameter[];
  /**
   * The plain data behind the model, for the other rooms of this package; not part of the public
   * contract.
   *
   * @internal
   */
  readonly network: Network;
  /** A copy of theta [parameterCount]. */
  theta(): Float32Array;
  /** f_l(x_i), row-major [n * labels]. */
  logits(x: Float32Array, n: number): Promise<Float32Array>;
  /** Mean cross-entropy, float64. */
  loss(x: Float32Array, y: Int32Array): Promise<number>;
  /** Mean cross-entropy and its gradient in theta, float64 [parameterCount]. */
  lossGradient(
    x: Float32Array,
    y: Int32Array,
  ): Promise<{ readonly loss: number; readonly gradient: Float64Array }>;
  /** Gradient in x of the summed cross-entropy, same shape as x. */
  inputGradient(x: Float32Array, y: Int32Array): Promise<Float32Array>;
  /** Gradient in theta of the sum of w_il f_l(x_i); weights [n * labels], any n. */
  logitGradient(x: Float32Array, weights: Float32Array | Float64Array): Promise<Float64Array>;
  /** The same network with another theta. Close both. */
  withParameters(theta: Float32Array): Promise<Model>;
  /** The ONNX file: the input file with theta's bytes replaced in place. */
  bytes(): Uint8Array<ArrayBuffer>;
  /** Frees the native sessions. The model may be used again: they are made anew. */
  close(): Promise<void>;
}

/**
 * Opens an ONNX classifier.
 *
 * @param source a path or the file's bytes
 * @throws TemperError `file-missing`, `model-unreadable`, `model-unsupported`, `bad-option`
 */
export async function openModel(
  source: string | Uint8Array,
  options: NetworkOptions = {},
): Promise<Model> {
  const known = { mean: true, std: true, output: true, trainable: true } as const;
  refuseUnknown(options, known satisfies Record<keyof NetworkOptions, true>, "openModel");
  if (typeof source !== "string" && !(source instanceof Uint8Array)) {
    throw new TemperError("bad-option", `openModel was given ${source}: expected a path or bytes`);
  }
  const file = typeof source === "string" ? await readModelFile(source) : source;
  const network = await loadNetwork(file, options);
  return modelOf(network);
}

async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const known: Record<string, string> = {
      ENOENT: "there is no such file",
      EISDIR: "it is a folder",
    };
    throw new TemperError(
      "file-missing",
      `cannot read the model "${path}": ${known[code ?? ""] ?? message}\ngive the path of an ONNX file`,
      { cause },
    );
  }
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

  return {
    inputShape: network.inputShape,
    labels: network.labels,
    parameterCount: theta.length,
    parameters: network.parameters,
    network,
    theta: () => theta.slice(),
    logits,
    loss: async (x, y) => {
      labelled(x, y);
      return sumLoss("cross-entropy", await logits(x, y.length), network.labels, y) / y.length;
    },
    lossGradient: async (x, y) => {
      const n = y.length;
      const covector = labelled(x, y);
      const call = { name: "theta-of-cross-entropy", x, covector, n } as const;
      const sums = await thetaGradientOfAll(network, programs, call);
      return {
        loss: sumLoss("cross-entropy", sums.logits, network.labels, y) / n,
        gradient: sums.gradient.map((g) => g / n),
      };
    },
    inputGradient: async (x, y) =>
      inputGradientOfAll(network, programs, {
        name: "input-of-cross-entropy",
        x,
        covector: labelled(x, y),
        n: y.length,
      }),
    logitGradient: async (x, weights) => {
      const n = countOf(x, weights.length / network.labels, `${weights.length} weights`);
      const covector = Float32Array.from(weights);
      const call = { name: "theta-of-logits", x, covector, n } as const;
      return (await thetaGradientOfAll(network, programs, call)).gradient;
    },
    withParameters: async (next) => modelOf(moveTheta(network, next.slice())),
    bytes: () => networkBytes(network, theta),
    close: () => programs.release(),
  };
}

/** The same network with another theta as its theta0, file and all. */
function moveTheta(network: Network, theta: Float32Array): Network {
  const file = networkBytes(network, theta);
  return {
    ...network,
    file,
    theta0: theta,
    graph: withTheta(network.graph, network.parameters, theta),
  };
}
