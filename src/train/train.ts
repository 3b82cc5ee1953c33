// Trains one of the paper's networks from nothing, on minibatches, by the authors' plan.
import { cropFlip } from "../data/augment.ts";
import { checkDataset, type Dataset, gather, hashDataset, imageSize } from "../data/dataset.ts";
import type { Device } from "../engine/device.ts";
import { loadNetwork } from "../engine/network.ts";
import { engineVersion } from "../engine/version.ts";
import { refuseUnknown, TemperError, throwIfAborted } from "../errors.ts";
import { patchWeights } from "../onnx/patch.ts";
import { splitTheta } from "../onnx/theta.ts";
import { writeGraph } from "../onnx/write.ts";
import { namesIn, partOf, type Request, resolve } from "../options/table.ts";
import type { Progress } from "../progress.ts";
import { type Random, randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import { type EpochRecord, keepTraining } from "./checkpoint.ts";
import { type Architecture, buildNetwork } from "./networks.ts";
import { plans, type TrainSettings, trainTable } from "./plans.ts";
import { createStepper, runningAverages } from "./step.ts";

/** What `train` is called with. */
export interface TrainOptions extends Request<TrainSettings> {
  /** The training images, in pixel units and of the shape that the network takes, with their true labels. */
  readonly data: Dataset;
  /**
   * The file to write the network to; until it is finished the training is kept beside it, one state an epoch.
   * Default: nothing is written.
   */
  readonly out?: string | undefined;
  /**
   * Whether to take up a training that stopped beside `out`: its network is that of an uninterrupted one, byte for
   * byte. Default false.
   */
  readonly resume?: boolean | undefined;
  /** Whether to start again where a training stopped beside `out`. Default false. */
  readonly force?: boolean | undefined;
  /** Where the network runs, as of `openModel`; another device gives other bytes. Default: the processor. */
  readonly device?: Device | undefined;
  /** A stage is an epoch, as in `epoch 2 of 10`; it counts images. */
  readonly onProgress?: Progress | undefined;
  /** Called after each epoch. */
  readonly onEpoch?: ((record: EpochRecord) => void) | undefined;
  /** Stops the training between two steps, with a TemperError `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** A network that was trained from nothing. */
export interface Trained {
  /** The trained network, an ONNX file. */
  readonly bytes: Uint8Array;
  /** One record an epoch, of those before a stop too. */
  readonly epochs: readonly EpochRecord[];
}

const known: Readonly<Record<keyof TrainOptions, true>> = {
  ...namesIn(trainTable),
  data: true,
  out: true,
  resume: true,
  force: true,
  device: true,
  onProgress: true,
  onEpoch: true,
  signal: true,
};

/** The images of a minibatch; with a draw for each, cropped and flipped. */
function imagesOfBatch(
  data: Dataset,
  ids: Int32Array,
  draw?: (id: number) => Random,
): Float32Array {
  const images = gather(data, ids);
  const size = imageSize(data.shape);
  if (draw !== undefined) {
    for (const [i, id] of ids.entries()) {
      cropFlip(images.subarray(i * size, (i + 1) * size), data.shape, draw(id));
    }
  }
  return images;
}

/**
 * Trains `architecture` on data of its shape. The defaults are the authors'. cnnlight, cnn: Adam 1e-3,
 * batch 64, 10 epochs, learning rate x 0.7 an epoch. resnet8: gradient descent 0.01 with momentum 0.9,
 * batch 64, every image cropped and flipped anew each epoch; 20 epochs, learning rate x 0.9 an epoch.
 * The same seed gives the same bytes.
 *
 * @throws TemperError `data-mismatch`, `bad-option`, `aborted`; of what is kept beside `out` `file-exists`,
 *   `file-missing` and `run-unreadable`
 */
export async function train(architecture: Architecture, options: TrainOptions): Promise<Trained> {
  refuseUnknown(options, known, "train");
  const { data, signal, out, resume = false, force = false, device } = options;
  const plan = plans[architecture];
  const stated = resolve(trainTable, partOf(trainTable, options), { facts: plan, call: "train" });
  const { epochs, batch, decay, seed } = stated;
  const network = await loadNetwork(writeGraph(buildNetwork(architecture, seed)), { device });
  checkDataset(data, { shape: network.inputShape, labels: network.labels });
  const on = network.options.device;
  const beginning = {
    ...{ architecture, ...stated, data: hashDataset(data), engine: engineVersion() },
    ...(on && { device: on }),
  };
  const keeper =
    out === undefined ? undefined : await keepTraining(out, beginning, { resume, force });
  const kept = keeper?.state;
  const records: EpochRecord[] = [...(kept?.epochs ?? [])];
  const theta = kept?.theta ?? Float64Array.from(network.theta0);
  const running = kept?.running ?? runningAverages(network);
  const optimizer = plan.optimizer(theta.length, kept?.optimizer);
  const stepper = await createStepper(network, running);
  try {
    for (let epoch = records.length + 1; epoch <= epochs; epoch++) {
      const before = records.at(-1);
      const learningRate = before === undefined ? stated.learningRate : before.learningRate * decay;
      const order = randomStream(seed, STREAMS.training.order, epoch).permutation(data.count);
      const draw = plan.cropFlip
        ? (id: number) => randomStream(seed, STREAMS.training.crops, epoch, id)
        : undefined;
      let loss = 0;
      for (let from = 0; from < data.count; from += batch) {
        throwIfAborted(signal);
        const ids = order.subarray(from, from + batch);
        const y = ids.map((id) => data.labels[id]);
        const x = imagesOfBatch(data, ids, draw);
        const found = await stepper.gradient(Float32Array.from(theta), x, y);
        loss += found.loss;
        optimizer.step(theta, found.gradient, learningRate);
        options.onProgress?.(`epoch ${epoch} of ${epochs}`, from + ids.length, data.count);
      }
      if (!Number.isFinite(loss)) {
        throw new TemperError(
          "bad-option",
          `the loss is ${loss} in epoch ${epoch}: lower the learning rate ${learningRate}`,
        );
      }
      const record = { epoch, learningRate, loss: loss / data.count };
      records.push(record);
      await keeper?.keep({ epochs: records, theta, optimizer: optimizer.state(), running });
      options.onEpoch?.(record);
    }
  } finally {
    await stepper.release();
  }
  const weights = splitTheta(network.parameters, Float32Array.from(theta));
  for (const [name, average] of running) weights.set(name, Float32Array.from(average));
  const bytes = patchWeights(network.file, weights);
  await keeper?.finish(bytes);
  return { bytes, epochs: records };
}
