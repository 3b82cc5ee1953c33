// L(theta; D) and its gradient on samples of D: what changed since theta0, whose losses over all of D are known.
//
// The images in the order of their losses at theta0 are cut into strata, and two of each are drawn, which tells the
// spread within a stratum as well. A loss can fall by no more than it was: where a sample decides, strata have equal
// sums of losses, so that the images whose losses may fall far are among few, or are all drawn. A gradient is the mean
// over strata of equal numbers.
import type { SampledLoss, SampledOracle } from "../correct/loss-sample.ts";
import type { ImageSource } from "../data/dataset.ts";
import { randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import { meanGradient } from "./gradient-sums.ts";
import type { LossName } from "./losses.ts";
import type { Network } from "./network.ts";
import { forwardSize, gradientSize, idShards } from "./shards.ts";
import * as sumTasks from "./sum-tasks.ts";
import type { Workers } from "./workers.ts";

/** Images of each stratum in a sample. */
const DRAWN = 2;

const strataOf = (n: number): number => Math.max(1, Math.floor(n / DRAWN));

/** The losses of all images at theta0, and the images in their order. */
export interface LossesAtStart {
  readonly losses: Float64Array;
  readonly order: Int32Array;
}

/** A sample: images of one stratum stand together. */
export interface StratifiedSample {
  readonly ids: Int32Array;
  /** The share of D that each stratum is. */
  readonly shares: Float64Array;
}

/** Where each of so many strata of n images begins, and n: equal numbers in each. */
export const byNumber = (n: number, strata: number): Int32Array =>
  Int32Array.from({ length: strata + 1 }, (_, h) => Math.floor((h * n) / strata));

/**
 * The same with equal sums in each of the losses and their mean, an image at least.
 *
 * @param losses of the images in their order, largest first
 */
export function byLoss(losses: Float64Array, strata: number): Int32Array {
  const mean = losses.reduce((sum, value) => sum + value, 0) / losses.length;
  const each = (2 * mean * losses.length) / strata;
  const begins: number[] = [];
  let sum = 0;
  for (const [i, loss] of losses.entries()) {
    if (sum >= begins.length * each) begins.push(i);
    sum += loss + mean;
  }
  return Int32Array.from([...begins, losses.length]);
}

/**
 * Draws two images of each stratum; the one of a stratum of one is drawn twice.
 *
 * @param order all images, those of a stratum together
 * @param begins where each stratum begins in it, and its length
 */
export function stratifiedSample(
  order: Int32Array,
  begins: Int32Array,
  { seed, path }: { readonly seed: number; readonly path: readonly number[] },
): StratifiedSample {
  const strata = begins.length - 1;
  const random = randomStream(seed, ...path);
  const ids = new Int32Array(strata * DRAWN);
  const shares = new Float64Array(strata);
  for (let h = 0; h < strata; h++) {
    const from = begins[h];
    const size = begins[h + 1] - from;
    const first = size === 1 ? 0 : random.below(size);
    const second = size === 1 ? 0 : (first + 1 + random.below(size - 1)) % size;
    ids.set([order[from + first], order[from + second]], h * DRAWN);
    shares[h] = size / order.length;
  }
  return { ids, shares };
}

/**
 * The mean over all images of what a sample has values of, and its standard error.
 *
 * @param values of the sample's images
 * @param total images there are
 */
export function stratifiedMean(
  values: Float64Array,
  shares: Float64Array,
  total: number,
): { readonly mean: number; readonly error: number } {
  let [mean, variance] = [0, 0];
  for (const [h, share] of shares.entries()) {
    const [a, b] = [values[DRAWN * h], values[DRAWN * h + 1]];
    mean += (share * (a + b)) / 2;
    // s^2 = (a - b)^2 / 2 of two draws; their mean has s^2 / 2, less where the stratum has few others.
    variance += (share * share * (a - b) ** 2 * Math.max(0, 1 - DRAWN / (share * total))) / 4;
  }
  return { mean, error: Math.sqrt(variance) };
}

/** The loss of one network on samples of one data set. The workers share both, and theta in every call. */
export function createSampledLoss(of: {
  readonly network: Network;
  readonly data: ImageSource;
  readonly loss: LossName;
  readonly seed: number;
  readonly atStart: () => Promise<LossesAtStart>;
  readonly workers: Workers;
  readonly signal?: AbortSignal | undefined;
}): SampledOracle {
  const { network, data, loss, seed, atStart, workers, signal } = of;
  const total = data.count;
  const task = (name: string) => ({ module: sumTasks.module, name });
  const shardsOf = (ids: Int32Array, size: number): sumTasks.SampleShard[] =>
    idShards(ids, size).map((chosen) => ({ ids: chosen, loss }));

  /** What a sample's losses tell, in its order. */
  const told = async (
    { ids, shares }: StratifiedSample,
    losses: Float64Array,
  ): Promise<SampledLoss> => {
    const start = await atStart();
    const changes = losses.map((value, i) => value - start.losses[ids[i]]);
    const { mean, error } = stratifiedMean(changes, shares, total);
    const before = start.losses.reduce((sum, value) => sum + value, 0) / total;
    return { loss: before + mean, error, images: ids.length };
  };

  return {
    total,
    lossGradient: async (theta, n, anchor) => {
      const { order } = await atStart();
      const path = [STREAMS.sample.gradient, anchor];
      const sample = stratifiedSample(order, byNumber(total, strataOf(n)), { seed, path });
      const losses: number[] = [];
      workers.share("theta", theta);
      const { gradient } = await meanGradient(
        workers,
        shardsOf(sample.ids, gradientSize(network)),
        {
          n: sample.ids.length,
          p: network.theta0.length,
          signal,
          losses: (some) => void losses.push(...some),
        },
      );
      const { loss: estimate, images } = await told(sample, Float64Array.from(losses));
      return { gradient, loss: estimate, images };
    },
    loss: async (theta, n) => {
      const { order, losses } = await atStart();
      const begins = byLoss(
        Float64Array.from(order, (id) => losses[id]),
        strataOf(n),
      );
      const path = [STREAMS.sample.screen, n];
      const sample = stratifiedSample(order, begins, { seed, path });
      workers.share("theta", theta);
      const parts = await workers.map<sumTasks.SampleShard, Float64Array>(
        task("sampleLossesShard"),
        shardsOf(sample.ids, forwardSize(network, Math.ceil(n / (2 * workers.size)))),
        { signal },
      );
      return told(sample, Float64Array.from(parts.flatMap((part) => [...part])));
    },
  };
}
