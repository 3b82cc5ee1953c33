// L(theta; D) over the shared data set, made in the worker processes: the mean, each image's loss, and gradients.
import type { ImageSource } from "../data/dataset.ts";
import { meanGradient } from "./gradient-sums.ts";
import type { LossName } from "./losses.ts";
import type { Network } from "./network.ts";
import { forwardShards, gradientShards, type Shard } from "./shards.ts";
import type { MapOptions } from "./task.ts";
import * as tasks from "./tasks.ts";
import type { Workers } from "./workers.ts";

export interface DataLoss {
  /** L(theta; D). */
  loss(theta: Float32Array): Promise<number>;
  /** The loss of each image of D. */
  imageLosses(theta: Float32Array): Promise<Float64Array>;
  /** L(theta; D) and its gradient in theta. */
  lossGradient(theta: Float32Array): Promise<tasks.LossGradient>;
}

/** The loss of one network on one data set. It shares the keys network and data, and theta in every call. */
export function createDataLoss(options: {
  readonly network: Network;
  readonly data: ImageSource;
  readonly loss: LossName;
  readonly workers: Workers;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of images of D that the present sweep has passed. */
  readonly onShard?: ((done: number, of: number) => void) | undefined;
}): DataLoss {
  const { network, data, loss, workers, signal, onShard } = options;
  tasks.shareNetwork(workers, network);
  workers.shareImages("data", data);
  const forward = forwardShards(network, data.count);
  const shardsOf = (slices: readonly Shard[]): tasks.LossShard[] =>
    slices.map((shard) => ({ ...shard, loss }));
  const telling = (shards: readonly Shard[]): MapOptions => ({
    signal,
    onDone: (done) => onShard?.(shards[done - 1].to, data.count),
  });
  const sweep = <R>(task: string, theta: Float32Array, visit: (part: R) => void): Promise<void> => {
    const shards = shardsOf(forward);
    workers.share("theta", theta);
    const name = { module: tasks.module, name: task };
    return workers.each<tasks.LossShard, R>(name, shards, visit, telling(shards));
  };
  return {
    loss: async (theta) => {
      let sum = 0;
      await sweep<number>("lossShard", theta, (part) => {
        sum += part;
      });
      return sum / data.count;
    },
    imageLosses: async (theta) => {
      const losses: number[] = [];
      await sweep<Float64Array>("imageLossesShard", theta, (part) => {
        losses.push(...part);
      });
      return Float64Array.from(losses);
    },
    lossGradient: async (theta) => {
      const shards = shardsOf(gradientShards(network, data.count));
      workers.share("theta", theta);
      const of = { n: data.count, p: network.theta0.length };
      return meanGradient(workers, shards, { ...of, ...telling(shards) });
    },
  };
}
