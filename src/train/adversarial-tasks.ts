// The shard of a step of adversarial training: some images attacked at the present theta, and the gradient there.
import { attackBatch, imagesAt } from "../attack/attack-batch.ts";
import { classifierOf } from "../attack/classifier.ts";
import type { AttackOptions } from "../attack/options.ts";
import type { ImageSource } from "../data/dataset.ts";
import { thetaGradientOfAll } from "../engine/batches.ts";
import { oneHot } from "../engine/logits.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import { sumLoss } from "../engine/losses.ts";
import type { TaskState } from "../engine/task.ts";
import { passingPrograms } from "../engine/tasks.ts";
import { joined } from "../tensor/vector.ts";

export const module: string = import.meta.url;

export interface AdversarialShard {
  /** Indices in the shared data set. */
  readonly ids: Int32Array;
  readonly options: AttackOptions;
}

/** Sums over the images, each counted twice: clean and attacked. */
export interface AdversarialSums {
  /** Summed cross-entropy. */
  readonly loss: number;
  /** Its gradient in theta [p]; summed over the shards in float64. */
  readonly gradient: Float32Array;
}

/** Attacks the images at the shared theta and takes the loss of them and of the clean ones, in one run. */
export async function adversarialShard(
  state: TaskState,
  { ids, options }: AdversarialShard,
): Promise<AdversarialSums> {
  const { network, programs } = await passingPrograms(state);
  const images = imagesAt(state.get<ImageSource>("data"), ids);
  const { y } = images;
  const attacked = await attackBatch(classifierOf(network, programs), images, options);
  const x = joined([images.x, attacked.x]);
  const both = Int32Array.from([...y, ...y]);
  const { gradient, logits } = await thetaGradientOfAll(network, programs, {
    of: crossEntropy,
    x,
    covector: oneHot(both, network.labels),
    n: both.length,
  });
  return {
    loss: sumLoss(crossEntropy, logits, network.labels, both),
    gradient: Float32Array.from(gradient),
  };
}
