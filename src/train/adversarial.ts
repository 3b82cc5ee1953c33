// Adversarial training: the usual way to a robust network, to be set beside a correction.
//
//     theta = the network's own
//     for every minibatch B:  theta <- Adam step on the mean over B of the method's loss
//
// which is (1 - w) CE(f(x), y) + w CE(f(x'), y) (Madry et al., ICLR 2018) or that of trades.ts, with x' the images
// attacked at the present theta. Running statistics of batch normalisation stay as they are: they are no part of
// theta, here as in a correction.
import type { AttackOptions } from "../attack/options.ts";
import { withWorkers } from "../attack/session.ts";
import { attackAll } from "../attack/tasks.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import { type Model, networkOf } from "../engine/model.ts";
import { networkBytes } from "../engine/network.ts";
import { demandInputGradient, programOf } from "../engine/programs.ts";
import { idShards } from "../engine/shards.ts";
import type { Workers } from "../engine/workers.ts";
import { TemperError, throwIfAborted } from "../errors.ts";
import { randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import { addScaled } from "../tensor/vector.ts";
import {
  type AdversarialLook,
  type AdversarialOptions,
  type AdversarialPlan,
  adversarialPlan,
} from "./adversarial-options.ts";
import { type AdversarialShard, type AdversarialSums, module } from "./adversarial-tasks.ts";
import { createAdam } from "./optimizer.ts";
import { createMean, rateAt } from "./schedule.ts";

/** The trained network. */
export interface AdversariallyTrained {
  /** The ONNX file: the model's own with theta's bytes replaced in place. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** float32 [p]: the last theta or the mean of the last ones, or what the held-out images judged to be best. */
  readonly theta: Float32Array;
  /** What was judged on the way; empty where no images were held out. */
  readonly looks: readonly AdversarialLook[];
  /** How many steps were made. */
  readonly steps: number;
  /** How many seconds they took, with the start of the processes. */
  readonly seconds: number;
}

/** Images of a shard: few enough that a step keeps four processes busy, and enough to be worth what is sent for it. */
const SHARD = 32;

/** The images that are trained on, and those that judge, by their indices. */
function splitOf(
  count: number,
  { heldOut, seed }: AdversarialPlan,
): Record<"own" | "held", Int32Array> {
  const all = Int32Array.from({ length: count }, (_, i) => i);
  if (heldOut === 0) return { own: all, held: new Int32Array(0) };
  const order = randomStream(seed, STREAMS.adversarial.judge).permutation(count);
  return { own: order.slice(heldOut).sort(), held: order.slice(0, heldOut).sort() };
}

/** Endless minibatches: every epoch takes all images in another order; its last minibatch has those that are left. */
function* minibatches(
  ids: Int32Array,
  { batch, seed }: AdversarialPlan,
): Generator<Int32Array, never> {
  for (let epoch = 1; ; epoch++) {
    const order = randomStream(seed, STREAMS.adversarial.order, epoch).permutation(ids.length);
    for (let from = 0; from < order.length; from += batch) {
      yield order.slice(from, from + batch).map((i) => ids[i]);
    }
  }
}

/** The mean loss over the images of a minibatch, and its gradient, float64 [p]. */
async function lossAt(
  workers: Workers,
  theta: Float32Array,
  { ids, ...how }: AdversarialShard,
  signal: AbortSignal | undefined,
): Promise<{ readonly loss: number; readonly gradient: Float64Array }> {
  workers.share("theta", theta);
  const parts = await workers.map<AdversarialShard, AdversarialSums>(
    { module, name: "adversarialShard" },
    idShards(ids, SHARD).map((chosen) => ({ ids: chosen, ...how })),
    { signal },
  );
  const gradient = new Float64Array(theta.length);
  let loss = 0;
  for (const part of parts) {
    loss += part.loss;
    addScaled(gradient, 1, part.gradient);
  }
  const n = ids.length;
  return { loss: loss / n, gradient: gradient.map((g) => g / n) };
}

/** The shares of some images that are right at theta, as they are and under an attack. */
async function sharesAt(
  workers: Workers,
  theta: Float32Array,
  { ids, options }: { readonly ids: Int32Array; readonly options: AttackOptions },
  signal: AbortSignal | undefined,
): Promise<Pick<AdversarialLook, "clean" | "attacked">> {
  workers.share("theta", theta);
  const shards = await attackAll(workers, { ids, options, keep: 0 }, { signal });
  const share = (margins: "cleanMargins" | "margins"): number =>
    shards.flatMap((shard) => [...shard[margins]]).filter((m) => m > 0).length / ids.length;
  return { clean: share("cleanMargins"), attacked: share("margins") };
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
  const network = networkOf(model);
  const plan = adversarialPlan(options, network.options.std);
  const { data, steps, seconds, signal } = options;
  const { attack, method, weight, learningRate, schedule, seed } = plan;
  programOf(network, { of: crossEntropy, in: "theta" });
  demandInputGradient(network, "adversarial training");

  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  const work = { ...options, passes: Number.POSITIVE_INFINITY };
  return withWorkers(model, data, work, async (workers) => {
    const theta = Float64Array.from(network.theta0);
    const adam = createAdam(theta.length);
    const mean = createMean(theta.length);
    const { own, held } = splitOf(data.count, plan);
    const batches = minibatches(own, plan);
    const doneAfter = (step: number): number =>
      Math.min(1, steps === undefined ? elapsed() / seconds! : step / steps);
    const looks: AdversarialLook[] = [];
    let best: { readonly theta: Float32Array; readonly attacked: number } | undefined;
    let mark = 0;
    let rounded = network.theta0;
    let done = 0;
    let step = 0;
    while (done < 1) {
      throwIfAborted(signal);
      step++;
      const drawn = randomStream(seed, STREAMS.adversarial.attack, step).below(2 ** 31 - 1);
      const how = { options: { ...attack, seed: drawn }, method, weight };
      const shard = { ids: batches.next().value, ...how };
      const { loss, gradient } = await lossAt(workers, rounded, shard, signal);
      if (!Number.isFinite(loss)) {
        throw new TemperError(
          "bad-option",
          `the loss is ${loss} in step ${step}: lower the learning rate ${learningRate}`,
        );
      }
      const rate = learningRate * rateAt(schedule, done);
      adam.step(theta, gradient, rate);
      rounded = Float32Array.from(theta);
      done = doneAfter(step);
      if (done > 1 - plan.average) mean.add(theta);
      if (steps === undefined) options.onProgress?.("training", done * seconds!, seconds!);
      else options.onProgress?.("training", step, steps);
      options.onStep?.({ step, done, seconds: elapsed(), loss, rate, theta: rounded });
      const reached = Math.floor(done * plan.looks);
      if (held.length === 0 || reached === mark) continue;
      mark = reached;
      const at = mean.count > 0 ? mean.rounded() : rounded;
      const shares = await sharesAt(workers, at, { ids: held, options: plan.judge }, signal);
      const look = { step, ...shares };
      looks.push(look);
      options.onLook?.(look);
      if (best === undefined || look.attacked >= best.attacked) {
        best = { theta: at, attacked: look.attacked };
      }
    }
    const last = mean.count > 0 ? mean.rounded() : rounded;
    const chosen = best?.theta ?? last;
    return {
      bytes: networkBytes(network, chosen),
      theta: chosen,
      looks,
      steps: step,
      seconds: elapsed(),
    };
  });
}
