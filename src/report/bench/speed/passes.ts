// How fast a network runs, forward and backward, beside the machine's own rate of matrix products.
import type { Dataset } from "../../../data/dataset.ts";
import { workOfPasses } from "../../../engine/flops.ts";
import type { Model } from "../../../engine/model.ts";
import type { TaskName } from "../../../engine/task.ts";
import * as engineTasks from "../../../engine/tasks.ts";
import type { Workers } from "../../../engine/workers.ts";
import * as tasks from "./tasks.ts";

export interface PassRow {
  readonly network: string;
  readonly pass: "forward" | "input gradient" | "loss gradient";
  readonly imagesPerSecond: number;
  /** Operations a second, by the count of flops.ts. */
  readonly flopsPerSecond: number;
  readonly flopsPerImage: number;
}

export interface PassCall {
  readonly network: string;
  readonly data: Dataset;
  readonly workers: Workers;
  /** The least time that a pass is measured for. */
  readonly seconds: number;
  readonly signal?: AbortSignal | undefined;
}

/** Shards a process, so that none waits long for the other at the end. */
const SHARDS = 4;

/** Measures the three passes of a model on the images of `data`, again and again. */
export async function measurePasses(model: Model, call: PassCall): Promise<PassRow[]> {
  const { network, data, workers, seconds, signal } = call;
  const { file, options } = model.network;
  workers.share("network", { file, options } satisfies engineTasks.SharedNetwork);
  workers.share("theta", model.theta());
  workers.share("data", data);
  const work = workOfPasses(model.network);
  const engine = (name: string): TaskName => ({ module: engineTasks.module, name });
  const passes = [
    ["forward", engine("lossShard"), work.forward],
    ["input gradient", { module: tasks.module, name: "inputGradientShard" }, work.inputGradient],
    ["loss gradient", engine("lossGradientShard"), work.thetaGradient],
  ] as const;
  const shards = engineTasks
    .shardsOf(data.count, Math.ceil(data.count / (SHARDS * workers.size)))
    .map((shard) => ({ ...shard, loss: "cross-entropy" as const }));
  const rows: PassRow[] = [];
  for (const [pass, task, flopsPerImage] of passes) {
    await workers.map(task, shards, { signal }); // sessions are made, data is laid out
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
