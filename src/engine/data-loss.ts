// L(theta; D) over the shared data set, made in the worker processes: the mean, each image's loss, and gradients.
import type { ImageSource } from "../data/dataset.ts";
import { addScaled } from "../tensor/vector.ts";
import type { LossName } from "./losses.ts";
import type { Network } from "./network.ts";
import { forwardShards, gradientShards, type Shard } from "./shards.ts";
import * as tasks from "./tasks.ts";
import type { Workers } from "./workers.ts";

/** A summed loss and its gradient in theta, float64 [p]. */
export interface LossGradient {
  readonly loss: number;
  readonly gradient: Float64Array;
}

export interface DataLoss {
  /** L(theta; D). */
  loss(theta: Float32Array): Promise<number>;
  /** The loss of each image of D. */
  imageLosses(theta: Float32Array): Promise<Float64Array>;
  /** L(theta; D) and its gradient in theta. */
  lossGradient(theta: Float32Array): Promise<LossGradient>;
}

/** A mean over n images, to which the sums of their shards are added in the shards' order. */
export function meanOf(n: number): { add(part: LossGradient): void; mean(): LossGradient } {
  let [sum, gradient] = [0, new Float64Array(0)];
  return {
    add: (part) => {
      if (gradient.length === 0) gradient = new Float64Array(part.gradient.length);
      addScaled(gradient, 1 / n, part.gradient);
      sum += part.loss;
    },
    mean: () => ({ loss: sum / n, gradient }),
  };
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
  const sweep = <R>(
    task: string,
    theta: Float32Array,
    slices: readonly Shard[],
    visit: (part: R) => void,
  ): Promise<void> => {
    const shards = slices.map((shard) => ({ ...shard, loss }));
    workers.share("theta", theta);
    return workers.each<tasks.LossShard, R>({ module: tasks.module, name: task }, shards, visit, {
      signal,
      onDone: (done) => onShard?.(shards[done - 1].to, data.count),
    });
  };
  return {
    loss: async (theta) => {
      let sum = 0;
      await sweep<number>("lossShard", theta, forward, (part) => {
        sum += part;
      });
      return sum / data.count;
    },
    imageLosses: async (theta) => {
      const losses: number[] = [];
      await sweep<Float64Array>("imageLossesShard", theta, forward, (part) => {
        losses.push(...part);
      });
      return Float64Array.from(losses);
    },
    lossGradient: async (theta) => {
      const mean = meanOf(data.count);
      await sweep("lossGradientShard", theta, gradientShards(network, data.count), mean.add);
      return mean.mean();
    },
  };
}
