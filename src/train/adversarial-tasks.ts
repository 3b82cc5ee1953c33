// The shard of a step of adversarial training: some images attacked at the present theta, and the gradient there.
import { endsOf, type Images, imagesAt, moveBatch } from "../attack/attack-batch.ts";
import { classifierOf } from "../attack/classifier.ts";
import type { AttackOptions } from "../attack/options.ts";
import { pgdKl } from "../attack/pgd-kl.ts";
import type { ImageSource } from "../data/dataset.ts";
import { logitsOfAll, thetaGradientOfAll } from "../engine/batches.ts";
import { oneHot } from "../engine/logits.ts";
import { logitSum } from "../engine/loss.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import { softCrossEntropy } from "../engine/losses/soft-cross-entropy.ts";
import type { Network } from "../engine/network.ts";
import type { Programs } from "../engine/programs.ts";
import type { TaskState } from "../engine/task.ts";
import { passingPrograms } from "../engine/tasks.ts";
import { addScaled, joined } from "../tensor/vector.ts";
import type { AdversarialMethod } from "./adversarial-options.ts";
import { tradesAtClean, tradesRows } from "./trades.ts";

export const module: string = import.meta.url;

export interface AdversarialShard {
  /** Indices in the shared data set. */
  readonly ids: Int32Array;
  readonly options: AttackOptions;
  readonly method: AdversarialMethod;
  readonly weight: number;
}

/** Sums over the images. */
export interface AdversarialSums {
  /** The summed loss of the method. */
  readonly loss: number;
  /** Its gradient in theta [p]; summed over the shards in float64. */
  readonly gradient: Float32Array;
}

interface Asked {
  readonly network: Network;
  readonly programs: Programs;
  readonly images: Images;
}

/** Attacks the images at the shared theta and takes the loss of the method there. */
export async function adversarialShard(
  state: TaskState,
  { ids, options, method, weight }: AdversarialShard,
): Promise<AdversarialSums> {
  const asked = {
    ...(await passingPrograms(state)),
    images: imagesAt(state.get<ImageSource>("data"), ids),
  };
  const { loss, gradient } = await sumsOf[method](asked, options, weight);
  return { loss, gradient: Float32Array.from(gradient) };
}

type Sums = { readonly loss: number; readonly gradient: Float64Array };

const sumsOf: Readonly<
  Record<AdversarialMethod, (asked: Asked, options: AttackOptions, weight: number) => Promise<Sums>>
> = { pgd: mixed, trades };

/** (1 - w) CE(f(x), y) + w CE(f(x'), y), in one run of both; a side that weighs nothing is left out. */
async function mixed(
  { network, programs, images }: Asked,
  options: AttackOptions,
  weight: number,
): Promise<Sums> {
  const { labels } = network;
  const sides = [
    ...(weight < 1 ? [{ x: images.x, share: 1 - weight }] : []),
    ...(weight > 0
      ? [{ x: await endsOf(classifierOf(network, programs), images, options), share: weight }]
      : []),
  ];
  const y = Int32Array.from(sides.flatMap(() => [...images.y]));
  const shares = sides.flatMap(({ share }) => new Array<number>(images.y.length).fill(share));
  const { gradient, logits } = await thetaGradientOfAll(network, programs, {
    of: softCrossEntropy,
    x: joined(sides.map(({ x }) => x)),
    covector: oneHot(y, labels).map((c, i) => c * shares[Math.floor(i / labels)]),
    n: y.length,
  });
  let loss = 0;
  for (const [i, share] of shares.entries()) {
    loss += share * crossEntropy.value(logits, labels, i, y[i]);
  }
  return { loss, gradient };
}

/**
 * TRADES. The attack needs p(x), so that f(x) is at hand; the gradient at the attacked images brings f(x'). What the
 * clean images are to be run with is then known, and no pass is made for it.
 */
async function trades(
  { network, programs, images }: Asked,
  options: AttackOptions,
  beta: number,
): Promise<Sums> {
  const { x, y } = images;
  const { labels } = network;
  const n = y.length;
  const clean = await logitsOfAll(network, programs, x, n);
  const classifier = classifierOf(network, programs);
  const moved = await moveBatch(classifier, images, options, { attack: pgdKl, logits: clean });
  const there = await thetaGradientOfAll(network, programs, {
    of: softCrossEntropy,
    x: moved,
    covector: tradesRows(clean, labels, beta),
    n,
  });
  const atClean = tradesAtClean({ clean, attacked: there.logits, labels, y }, beta);
  const call = { of: logitSum, x, covector: atClean.gradient, n };
  const { gradient } = await thetaGradientOfAll(network, programs, call);
  addScaled(gradient, 1, there.gradient);
  return { loss: atClean.loss, gradient };
}
