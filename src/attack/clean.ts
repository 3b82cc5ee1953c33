// The clean pass: the loss of a model on a data set, and the margin of every image.
import { type AnyDataset, type ImageSource, imagesOf } from "../data/dataset.ts";
import { eachBatch } from "../engine/batches.ts";
import { marginOf } from "../engine/logits.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import { sumLoss } from "../engine/losses.ts";
import type { Network } from "../engine/network.ts";
import { forwardShards, type Shard } from "../engine/shards.ts";
import type { TaskState } from "../engine/task.ts";
import { sharedPrograms } from "../engine/tasks.ts";
import type { Workers } from "../engine/workers.ts";
import { TemperError } from "../errors.ts";

export const module: string = import.meta.url;

export interface Clean {
  /** The mean of the cross-entropies; in the answer of a shard it is their sum. */
  readonly loss: number;
  /** f_y - max rival, [n]. */
  readonly margins: Float32Array;
}

/**
 * Asks the shared network about every image of the shared data set.
 *
 * @throws TemperError `model-unsupported` where an output is not finite: no accuracy is claimed of it
 */
export async function measureClean(
  workers: Workers,
  data: AnyDataset,
  call: {
    /** The network that the workers share. */
    readonly network: Network;
    readonly signal?: AbortSignal | undefined;
    /** Called with the number of images that are done. */
    readonly onImages?: ((done: number, of: number) => void) | undefined;
  },
): Promise<Clean> {
  const shards = forwardShards(call.network, data.count);
  const parts = await workers.map<Shard, Clean>({ module, name: "cleanShard" }, shards, {
    signal: call.signal,
    onDone: (done) => call.onImages?.(shards[done - 1].to, data.count),
  });
  const loss = parts.reduce((a, c) => a + c.loss, 0) / data.count;
  if (!Number.isFinite(loss)) {
    throw new TemperError(
      "model-unsupported",
      `the loss on ${data.name} is ${loss}: the model's outputs are not finite\n` +
        "check its weights, and that the data are in the range it was trained on",
    );
  }
  const margins = new Float32Array(data.count);
  for (const [s, part] of parts.entries()) margins.set(part.margins, shards[s].from);
  return { loss, margins };
}

/** The clean pass over one shard. */
export async function cleanShard(state: TaskState, { from, to }: Shard): Promise<Clean> {
  const { network, programs } = await sharedPrograms(state);
  const data = state.get<ImageSource>("data");
  const margins = new Float32Array(to - from);
  let loss = 0;
  await eachBatch(network, from, to, async (a, b) => {
    const logits = await programs.logits(imagesOf(data, a, b), b - a);
    const y = data.labels.subarray(a, b);
    loss += sumLoss(crossEntropy, logits, network.labels, y);
    for (const [i, label] of y.entries()) {
      margins[a + i - from] = marginOf(logits, network.labels, i, label);
    }
  });
  return { loss, margins };
}
