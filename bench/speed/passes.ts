// How fast a network runs, forward and backward, beside the machine's own rate of matrix products.

import { type ImageSource, imagesOf } from "../../src/data/dataset.ts";
import { inputGradientOfAll } from "../../src/engine/batches.ts";
import { workOfPasses } from "../../src/engine/flops.ts";
import { oneHot } from "../../src/engine/logits.ts";
import { crossEntropy } from "../../src/engine/losses/cross-entropy.ts";
import { networkOf } from "../../src/engine/model.ts";
import { type Shard, shardsOf } from "../../src/engine/shards.ts";
import type { TaskName, TaskState } from "../../src/engine/task.ts";
import * as engineTasks from "../../src/engine/tasks.ts";
import type { Workers } from "../../src/engine/workers.ts";
import type { Dataset, Model } from "../../src/index.ts";

export interface PassRow {
  readonly network: string;
  readonly pass: "forward" | "input gradient" | "loss gradient";
  readonly imagesPerSecond: number;
  /** Floating-point operations a second, as src/engine/flops.ts counts them. */
  readonly flopsPerSecond: number;
  readonly flopsPerImage: number;
}

export interface PassCall {
  readonly network: string;
  readonly data: Dataset;
  readonly workers: Workers;
  /** For how long each pass is measured at least. */
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
}

/** How many shards each process gets, so that none waits long for another at the end. */
const SHARDS = 4;

/** Measures the three passes of a model on the images of `data`, again and again. */
export async function measurePasses(model: Model, call: PassCall): Promise<PassRow[]> {
  const { network, data, workers, seconds, signal } = call;
  engineTasks.shareNetwork(workers, networkOf(model));
  workers.share("theta", model.theta());
  workers.shareImages("data", data);
  const work = workOfPasses(networkOf(model));
  const engine = (name: string): TaskName => ({ module: engineTasks.module, name });
  const passes = [
    ["forward", engine("lossShard"), work.forward],
    ["input gradient", { module: import.meta.url, name: "inputGradientShard" }, work.inputGradient],
    ["loss gradient", engine("lossGradientShard"), work.thetaGradient],
  ] as const;
  const size = Math.ceil(data.count / (SHARDS * workers.size));
  const shards = shardsOf(data.count, size).map((shard) => ({
    ...shard,
    loss: "cross-entropy" as const,
  }));
  const rows: PassRow[] = [];
  for (const [pass, task, flopsPerImage] of passes) {
    await workers.map(task, shards, { signal }); // The first time, sessions are made and data is laid out.
    let images = 0;
    const from = performance.now();
    const spent = (): number => (performance.now() - from) / 1000;
    while (spent() < seconds) {
      await workers.map(task, shards, { signal });
      images += data.count;
    }
    const imagesPerSecond = images / spent();
    rows.push({
      network,
      pass,
      imagesPerSecond,
      flopsPerImage,
      flopsPerSecond: imagesPerSecond * flopsPerImage,
    });
  }
  return rows;
}

/** The gradient in the image, which no task of the engine makes alone; the answer is how many were made. */
export async function inputGradientShard(state: TaskState, { from, to }: Shard): Promise<number> {
  const { network, programs } = await engineTasks.sharedPrograms(state);
  const data = state.get<ImageSource>("data");
  await inputGradientOfAll(network, programs, {
    of: crossEntropy,
    x: imagesOf(data, from, to),
    covector: oneHot(data.labels.subarray(from, to), network.labels),
    n: to - from,
  });
  return to - from;
}
