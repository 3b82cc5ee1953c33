// The pass that no other task makes alone, in a worker process or here: the gradient in the image.
import { type Dataset, imagesOf } from "../../../data/dataset.ts";
import { inputGradientOfAll } from "../../../engine/batches.ts";
import { oneHot } from "../../../engine/logits.ts";
import type { TaskState } from "../../../engine/task.ts";
import { type Shard, sharedPrograms } from "../../../engine/tasks.ts";

export const module: string = import.meta.url;

/** Gradients in the images of a shard; how many. */
export async function inputGradientShard(state: TaskState, { from, to }: Shard): Promise<number> {
  const { network, programs } = await sharedPrograms(state);
  const data = state.get<Dataset>("data");
  await inputGradientOfAll(network, programs, {
    name: "input-of-cross-entropy",
    x: imagesOf(data, from, to),
    covector: oneHot(data.labels.subarray(from, to), network.labels),
    n: to - from,
  });
  return to - from;
}
