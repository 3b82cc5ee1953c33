// L(theta; D) and its gradient on samples of D: what changed since theta0, whose losses over all of D are known.
//
// The images in the order of their losses are cut into strata, and two of each are drawn, which tells the spread within
// a stratum as well. A gradient is the mean over strata of equal numbers, in the order of the losses at theta0. Where a
// sample decides, strata have equal sums of losses, so that the images whose losses may change far are among few, or
// are all drawn; those are losses at theta0 and at what else is known of all of D: images that only a correction gets
// wrong are seen by the latter alone.
//
// Image by image, losses follow those at theta0 and at the candidates before, which lie on the same lines: control
// variates, which leave a quarter of the spread along the lines of ResNet8's run. Sixteen times the images would too.
import type { SampledLoss, SampledOracle } from "../correct/loss-sample.ts";
import type { ImageSource } from "../data/dataset.ts";
import { STREAMS } from "../tensor/streams.ts";
import { addScaled, meanOf, subtract } from "../tensor/vector.ts";
import { meanGradient } from "./gradient-sums.ts";
import type { LossName } from "./losses.ts";
import type { Network } from "./network.ts";
import { forwardSize, gradientSize, idShards } from "./shards.ts";
import {
  byLoss,
  byNumber,
  largestFirst,
  type SampledValues,
  type StratifiedSample,
  strataOf,
  stratifiedMean,
  stratifiedSample,
} from "./strata.ts";
import * as sumTasks from "./sum-tasks.ts";
import type { Workers } from "./workers.ts";

/** The losses of all images at one theta, and their mean. */
export interface KnownLosses {
  readonly losses: Float64Array;
  readonly mean: number;
}

/** Those at theta0, and the images in their order. */
export interface LossesAtStart extends KnownLosses {
  readonly order: Int32Array;
}

/** How many theta the losses of all images are kept of, the latest: no more than so many, and so many numbers. */
const KEPT = 8;
const KEPT_NUMBERS = 2 ** 23;

/** How many theta that is, of so many images. */
export const lossesKept = (images: number): number =>
  Math.min(KEPT, Math.floor(KEPT_NUMBERS / images));

/** The losses of all images at the theta that were evaluated last: what samples of later ones are set beside. */
export interface LatestLosses {
  /** The latest first; another array when there are more. */
  all(): readonly KnownLosses[];
  /** How many there are at most. */
  readonly most: number;
  /** Keeps them where all are finite; never write to them again. */
  keep(losses: Float64Array): void;
}

export function createLatest(images: number): LatestLosses {
  let all: readonly KnownLosses[] = [];
  const most = lossesKept(images);
  return {
    all: () => all,
    most,
    keep: (losses) => {
      const mean = meanOf(losses);
      if (Number.isFinite(mean)) all = [{ losses, mean }, ...all].slice(0, most);
    },
  };
}

/** The loss of one network on samples of one data set. The workers share both, and theta in every call. */
export function createSampledLoss(of: {
  readonly network: Network;
  readonly data: ImageSource;
  readonly loss: LossName;
  readonly seed: number;
  readonly atStart: () => Promise<LossesAtStart>;
  readonly latest: LatestLosses;
  readonly workers: Workers;
  readonly signal?: AbortSignal | undefined;
}): SampledOracle {
  const { network, data, loss, seed, atStart, latest, workers, signal } = of;
  const total = data.count;
  const task = (name: string) => ({ module: sumTasks.module, name });
  const shardsOf = (ids: Int32Array, size: number): sumTasks.SampleShard[] =>
    idShards(ids, size).map((chosen) => ({ ids: chosen, loss }));

  /** What a sample's losses tell, in its order. */
  const told = async (sample: StratifiedSample, losses: Float64Array): Promise<SampledLoss> => {
    const { ids } = sample;
    const start = await atStart();
    const inSample = ({ losses: all, mean }: KnownLosses): SampledValues => ({
      values: Float64Array.from(ids, (id) => all[id]),
      mean,
    });
    const before = inSample(start);
    const { mean, error } = stratifiedMean(subtract(losses, before.values), sample, {
      total,
      known: [before, ...latest.all().map(inSample)],
    });
    return { loss: before.mean + mean, error, images: ids.length };
  };

  /** The sample of n images that decides: the same while no more losses are known. */
  let samples = new Map<number, StratifiedSample>();
  let beside = latest.all();
  const drawn = async (n: number): Promise<StratifiedSample> => {
    if (beside !== latest.all()) {
      beside = latest.all();
      samples = new Map();
    }
    const sample = samples.get(n) ?? (await draw(n));
    samples.set(n, sample);
    return sample;
  };
  const draw = async (n: number): Promise<StratifiedSample> => {
    const sums = (await atStart()).losses.slice();
    for (const { losses } of beside) addScaled(sums, 1, losses);
    const order = largestFirst(sums);
    const inOrder = Float64Array.from(order, (id) => sums[id]);
    const path = [STREAMS.sample.screen, n];
    return stratifiedSample(order, byLoss(inOrder, strataOf(n)), { seed, path });
  };

  return {
    total,
    keeps: latest.most,
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
      const sample = await drawn(n);
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
