// Trains one of the paper's networks from nothing: Adam on minibatches, the authors' schedule.
import { COVECTOR, withParameterInputs } from "../autodiff/programs.ts";
import { checkDataset, type Dataset, gather } from "../data/dataset.ts";
import { oneHot } from "../engine/logits.ts";
import { sumLoss } from "../engine/losses.ts";
import { loadNetwork, type Network, networkBytes } from "../engine/network.ts";
import { addThetaGradient, programOf } from "../engine/programs.ts";
import { type FloatArray, Session } from "../engine/session.ts";
import { demand, TemperError, throwIfAborted } from "../errors.ts";
import { writeGraph } from "../onnx/write.ts";
import { randomStream } from "../tensor/random.ts";
import { createAdam } from "./adam.ts";
import { type Architecture, buildNetwork } from "./networks.ts";

export interface TrainOptions {
  readonly data: Dataset;
  /** Passes over the data, default 10. */
  readonly epochs?: number | undefined;
  /** Images a step, default 64. */
  readonly batch?: number | undefined;
  /** Default 1e-3. */
  readonly learningRate?: number | undefined;
  /** Factor on the learning rate after each epoch, default 0.7. */
  readonly decay?: number | undefined;
  readonly seed?: number | undefined;
  readonly onProgress?: ((epoch: number, done: number, of: number) => void) | undefined;
  readonly onEpoch?: ((record: EpochRecord) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface EpochRecord {
  readonly epoch: number;
  readonly learningRate: number;
  /** Mean cross-entropy over the epoch's minibatches, each before its own step. */
  readonly loss: number;
}

export interface Trained {
  /** The trained network, an ONNX file. */
  readonly bytes: Uint8Array;
  readonly epochs: readonly EpochRecord[];
}

/** The gradient of one minibatch at theta: weights are inputs here, because they change every step. */
async function stepGradient(
  network: Network,
  session: Session,
  theta: Float32Array,
  x: Float32Array,
  y: Int32Array,
): Promise<{ readonly loss: number; readonly gradient: Float64Array }> {
  const program = programOf(network, "theta-of-cross-entropy");
  const feeds: Record<string, FloatArray> = {
    [network.graph.inputs[0].name]: { dims: [y.length, ...network.inputShape], data: x },
    [COVECTOR]: { dims: [y.length, network.labels], data: oneHot(y, network.labels) },
  };
  for (const { name, shape, offset, size } of network.parameters) {
    feeds[name] = { dims: shape, data: theta.subarray(offset, offset + size) };
  }
  const outputs = await session.run(feeds);
  const gradient = new Float64Array(theta.length);
  addThetaGradient(network, program, outputs, gradient);
  for (let i = 0; i < gradient.length; i++) gradient[i] /= y.length;
  return {
    loss: sumLoss("cross-entropy", outputs.get(program.logits)!.data, network.labels, y),
    gradient,
  };
}

/**
 * Trains `architecture` on data of its shape. The defaults are the authors': Adam 1e-3, batch 64,
 * 10 epochs, learning rate x 0.7 an epoch. Same seed, same bytes.
 *
 * @throws TemperError `data-mismatch`, `bad-option`, `aborted`
 */
export async function train(architecture: Architecture, options: TrainOptions): Promise<Trained> {
  const { data, epochs = 10, batch = 64, decay = 0.7, seed = 0, signal } = options;
  let { learningRate = 1e-3 } = options;
  for (const [word, n] of Object.entries({ epochs, batch })) {
    demand(Number.isInteger(n) && n >= 1, word, n, "a whole number, 1 or more");
  }
  for (const [word, x] of Object.entries({ "learning-rate": learningRate, decay })) {
    demand(Number.isFinite(x) && x >= 0, word, x, "a number, 0 or more");
  }
  demand(Number.isInteger(seed), "seed", seed, "a whole number");
  const network = await loadNetwork(writeGraph(buildNetwork(architecture, seed)));
  checkDataset(data, { shape: network.inputShape, labels: network.labels });
  const program = programOf(network, "theta-of-cross-entropy");
  const session = await Session.create(withParameterInputs(program.graph, network.parameters));
  const theta = Float64Array.from(network.theta0);
  const adam = createAdam(theta.length);
  const records: EpochRecord[] = [];
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      const order = randomStream(seed, 1, epoch).permutation(data.count);
      let loss = 0;
      for (let from = 0; from < data.count; from += batch) {
        throwIfAborted(signal);
        const ids = order.subarray(from, from + batch);
        const y = ids.map((id) => data.labels[id]);
        const rounded = Float32Array.from(theta);
        const step = await stepGradient(network, session, rounded, gather(data, ids), y);
        loss += step.loss;
        adam.step(theta, step.gradient, learningRate);
        options.onProgress?.(epoch, from + ids.length, data.count);
      }
      const record = { epoch, learningRate, loss: loss / data.count };
      if (!Number.isFinite(loss)) {
        throw new TemperError(
          "bad-option",
          `the loss is ${loss} in epoch ${epoch}: lower the learning rate ${learningRate}`,
        );
      }
      records.push(record);
      options.onEpoch?.(record);
      learningRate *= decay;
    }
  } finally {
    await session.release();
  }
  return { bytes: networkBytes(network, Float32Array.from(theta)), epochs: records };
}
