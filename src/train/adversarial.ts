// PGD adversarial training (Madry et al., ICLR 2018): the usual way to a robust network, to be set beside a correction.
//
//     theta = the network's own
//     for every minibatch B:  theta <- Adam step on  1/2 mean_B CE(f(x), y) + 1/2 mean_B CE(f(x'), y)
//
// with x' the images attacked at the present theta, and a learning rate that falls linearly to 0. Running
// statistics of batch normalisation stay as they are: they are no part of theta, here as in a correction.
import { type AttackRequest, attackOptions } from "../attack/options.ts";
import { type Work, withWorkers } from "../attack/session.ts";
import { checkUnits } from "../attack/units.ts";
import type { Dataset } from "../data/dataset.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import { type Model, networkOf } from "../engine/model.ts";
import { networkBytes } from "../engine/network.ts";
import { demandInputGradient, programOf } from "../engine/programs.ts";
import { idShards } from "../engine/shards.ts";
import type { Workers } from "../engine/workers.ts";
import { demand, refuseUnknown, TemperError, throwIfAborted } from "../errors.ts";
import type { Progress } from "../progress.ts";
import { randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import { addScaled } from "../tensor/vector.ts";
import { type AdversarialShard, type AdversarialSums, module } from "./adversarial-tasks.ts";
import { createAdam } from "./optimizer.ts";

/** What `trainAdversarially` is called with; either `steps` or `seconds` must be given. */
export interface AdversarialOptions extends Work {
  /** The training images, in pixel units, with their true labels. */
  readonly data: Dataset;
  /** The attack that every image is trained under. Its own seed is not read. */
  readonly attack: AttackRequest;
  /** How many steps to train for, 1 or more. */
  readonly steps?: number | undefined;
  /** How many seconds to train for, above 0; the number of steps follows from the machine. */
  readonly seconds?: number | undefined;
  /** Clean images of a step, 1 or more; as many attacked ones stand beside them. Default 128. */
  readonly batch?: number | undefined;
  /** The learning rate of the first step, above 0, default 1e-3; it falls linearly to 0. */
  readonly learningRate?: number | undefined;
  /** A whole number, default 0. It decides the minibatches and the random starts. */
  readonly seed?: number | undefined;
  /** Called after each step. */
  readonly onStep?: ((step: AdversarialStep) => void) | undefined;
  /** The stage is `training`; it counts steps, or seconds where these are given. */
  readonly onProgress?: Progress | undefined;
}

const known: Readonly<Record<keyof AdversarialOptions, true>> = {
  data: true,
  attack: true,
  steps: true,
  seconds: true,
  batch: true,
  learningRate: true,
  seed: true,
  onStep: true,
  onProgress: true,
  threads: true,
  workers: true,
  signal: true,
};

/** One step of adversarial training. */
export interface AdversarialStep {
  /** The number of the step, from 1. */
  readonly step: number;
  /** The share of the training that is done, in (0, 1]. */
  readonly done: number;
  /** Seconds since the training began, with the start of its processes. */
  readonly seconds: number;
  /** Mean cross-entropy over the minibatch, clean and attacked, before the step. */
  readonly loss: number;
  /** theta after the step, float32 [p]; it is never written to again. */
  readonly theta: Float32Array;
}

/** The trained network. */
export interface AdversariallyTrained {
  /** The ONNX file: the model's own with theta's bytes replaced in place. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** float32 [p]. */
  readonly theta: Float32Array;
  /** How many steps were made. */
  readonly steps: number;
  /** How many seconds they took, with the start of the processes. */
  readonly seconds: number;
}

/** Images of a shard: few enough that a step keeps four processes busy, and enough to be worth what is sent for it. */
const SHARD = 32;

/** Endless minibatches: every epoch takes all images in another order; its last minibatch has those that are left. */
function* minibatches(count: number, batch: number, seed: number): Generator<Int32Array, never> {
  for (let epoch = 1; ; epoch++) {
    const order = randomStream(seed, STREAMS.adversarial.order, epoch).permutation(count);
    for (let from = 0; from < count; from += batch) yield order.subarray(from, from + batch);
  }
}

/** The mean loss over the images of a minibatch, clean and attacked, and its gradient, float64 [p]. */
async function lossAt(
  workers: Workers,
  theta: Float32Array,
  { ids, options }: AdversarialShard,
  signal: AbortSignal | undefined,
): Promise<{ readonly loss: number; readonly gradient: Float64Array }> {
  workers.share("theta", theta);
  const shards = idShards(ids, SHARD).map((chosen) => ({ ids: chosen, options }));
  const parts = await workers.map<AdversarialShard, AdversarialSums>(
    { module, name: "adversarialShard" },
    shards,
    { signal },
  );
  const gradient = new Float64Array(theta.length);
  let loss = 0;
  for (const part of parts) {
    loss += part.loss;
    addScaled(gradient, 1, part.gradient);
  }
  const n = 2 * ids.length;
  return { loss: loss / n, gradient: gradient.map((g) => g / n) };
}

/**
 * Trains a network on, adversarially, for a number of steps or of seconds. For a number of steps the same seed
 * gives the same bytes, whatever the number of processes.
 *
 * @throws TemperError `data-mismatch`, `bad-option`, `model-unsupported` (an operator without a gradient rule),
 *   `worker-failed`, `aborted`
 */
export async function trainAdversarially(
  model: Model,
  options: AdversarialOptions,
): Promise<AdversariallyTrained> {
  refuseUnknown(options, known, "trainAdversarially");
  const { data, steps, seconds, batch = 128, learningRate = 1e-3, seed = 0, signal } = options;
  const attack = attackOptions(options.attack);
  const network = networkOf(model);
  checkUnits(attack, network.options.std);
  if ((steps === undefined) === (seconds === undefined)) {
    throw new TemperError("bad-option", "how long to train: give either steps or seconds");
  }
  for (const [word, n] of Object.entries({ batch, steps: steps ?? 1 })) {
    demand(Number.isInteger(n) && n >= 1, word, n, "a whole number, 1 or more");
  }
  for (const [word, x] of Object.entries({ learningRate, seconds: seconds ?? 1 })) {
    demand(Number.isFinite(x) && x > 0, word, x, "a number above 0");
  }
  demand(Number.isInteger(seed), "seed", seed, "a whole number");
  programOf(network, { of: crossEntropy, in: "theta" });
  demandInputGradient(network, "adversarial training");

  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  const work = { ...options, passes: Number.POSITIVE_INFINITY };
  return withWorkers(model, data, work, async (workers) => {
    const theta = Float64Array.from(network.theta0);
    const adam = createAdam(theta.length);
    const batches = minibatches(data.count, batch, seed);
    const doneAfter = (step: number): number =>
      Math.min(1, steps === undefined ? elapsed() / seconds! : step / steps);
    let rounded = network.theta0;
    let done = 0;
    let step = 0;
    while (done < 1) {
      throwIfAborted(signal);
      step++;
      const drawn = randomStream(seed, STREAMS.adversarial.attack, step).below(2 ** 31 - 1);
      const shard = { ids: batches.next().value, options: { ...attack, seed: drawn } };
      const { loss, gradient } = await lossAt(workers, rounded, shard, signal);
      if (!Number.isFinite(loss)) {
        throw new TemperError(
          "bad-option",
          `the loss is ${loss} in step ${step}: lower the learning rate ${learningRate}`,
        );
      }
      adam.step(theta, gradient, learningRate * (1 - done));
      rounded = Float32Array.from(theta);
      done = doneAfter(step);
      if (steps === undefined) options.onProgress?.("training", done * seconds!, seconds!);
      else options.onProgress?.("training", step, steps);
      options.onStep?.({ step, done, seconds: elapsed(), loss, theta: rounded });
    }
    return {
      bytes: networkBytes(network, rounded),
      theta: rounded,
      steps: step,
      seconds: elapsed(),
    };
  });
}
