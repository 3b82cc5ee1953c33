// The engine's oracle: what correct/ asks, answered by onnxruntime here and in the worker processes.
import { availableParallelism } from "node:os";
import type { LogitSum, Oracle } from "../correct/oracle.ts";
import { type Dataset, type ImageSource, imageSize, imagesOf } from "../data/dataset.ts";
import { joined, meanOf } from "../tensor/vector.ts";
import { eachBatch, inputGradientOfAll, logitsOfAll } from "./batches.ts";
import { type ColumnProducts, createColumnProducts } from "./column-products.ts";
import { createCutSet } from "./cut-set.ts";
import { createDataLoss } from "./data-loss.ts";
import { logitSum } from "./loss.ts";
import type { LossName } from "./losses.ts";
import { type Network, roundTheta } from "./network.ts";
import { openMovingPrograms, openPrograms, type Programs } from "./programs.ts";
import { createLatest, createSampledLoss, type LossesAtStart } from "./sampled-loss.ts";
import { sortedShards } from "./shards.ts";
import { createShortCuts } from "./short-cuts.ts";
import { largestFirst } from "./strata.ts";
import * as tasks from "./tasks.ts";
import type { Workers } from "./workers.ts";

export interface OracleOptions {
  readonly network: Network;
  /** Dadv: images in pixel units and their true labels. */
  readonly points: Dataset;
  /**
   * What is asked about the points in place of `network`, with its theta and labels: its bounds, say, whose images are
   * boxes, as the points then are. The loss stays that of `network`. Default `network`.
   */
  readonly of?: Network | undefined;
  /** D, the training set of the loss. */
  readonly data: ImageSource;
  /** Default cross-entropy. */
  readonly loss?: LossName | undefined;
  /** Whether the loss is asked of samples of D as well; default false. */
  readonly samples?: boolean | undefined;
  /** Of these samples; default 0. */
  readonly seed?: number | undefined;
  /** The convolutions' weights whose cuts are kept in parts (`shortConvolutions`); default none. */
  readonly convolved?: ReadonlySet<string> | undefined;
  readonly workers: Workers;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of images of D that the present sweep has passed, for a progress bar. */
  readonly onShard?: ((done: number, of: number) => void) | undefined;
}

/**
 * An oracle that can be given more points and must be closed. Nobody else may use its workers meanwhile: it shares
 * the keys network, data, theta and order.
 */
export interface EngineOracle extends Oracle {
  /** Appends points to Dadv: images in pixel units, row-major, and their labels. */
  addPoints(x: Float32Array, y: Int32Array): void;
  close(): Promise<void>;
}

export function createOracle(options: OracleOptions): EngineOracle {
  const {
    network,
    points,
    data,
    workers,
    signal,
    onShard,
    of: asked = network,
    loss = "cross-entropy",
    samples = false,
    seed = 0,
    convolved = new Set(),
  } = options;
  let x = imagesOf(points, 0, points.count);
  let y = points.labels;
  const dataLoss = createDataLoss({ network, data, loss, workers, signal, onShard });

  // A graph of bounds has hundreds of nodes, and a session of it takes longer than all that one theta asks of it.
  const moving = asked === network ? undefined : openMovingPrograms(asked);
  let present: { theta: Float32Array; programs: Programs } | undefined;
  const leave = async (): Promise<void> => {
    await present?.programs.release();
    present = undefined;
  };
  const programsAt = async (theta: Float32Array): Promise<Programs> => {
    if (moving !== undefined) {
      moving.move(theta);
      return moving;
    }
    if (present?.theta !== theta) {
      await leave();
      present = { theta, programs: openPrograms(asked, theta) };
    }
    return present.programs;
  };

  let products: ColumnProducts | undefined;
  const latest = createLatest(data.count);

  // The images in the order of their losses at theta0, largest first: the sum of a bad candidate is large early.
  const shards = sortedShards(network, data.count).map(
    (shard): tasks.SortedShard => ({ ...shard, loss, ...(samples && { each: true }) }),
  );
  const sort = async (): Promise<LossesAtStart> => {
    const losses = await dataLoss.imageLosses(network.theta0);
    const order = largestFirst(losses);
    workers.share("order", order);
    return { losses, mean: meanOf(losses), order };
  };
  let sorted: Promise<LossesAtStart> | undefined;
  const atStart = (): Promise<LossesAtStart> => {
    sorted ??= sort();
    return sorted;
  };

  return {
    theta0: network.theta0,
    round: (theta) => roundTheta(network, theta),
    tensors: network.parameters,
    labels: network.labels,
    y: () => y,
    addPoints: (images, labels) => {
      x = joined([x, images]);
      y = Int32Array.from([...y, ...labels]);
    },
    logits: async (theta) =>
      Float64Array.from(await logitsOfAll(asked, await programsAt(theta), x, y.length)),
    loss: async (theta) => {
      if (!samples) return dataLoss.loss(theta);
      const losses = await dataLoss.imageLosses(theta);
      latest.keep(losses);
      return meanOf(losses);
    },
    boundedLoss: async (theta, limit) => {
      const { order } = await atStart();
      workers.share("theta", theta);
      const losses = new Float64Array(samples ? data.count : 0);
      let [sum, done] = [0, 0];
      await workers.each<tasks.SortedShard, tasks.SortedLosses>(
        { module: tasks.module, name: "sortedLossShard" },
        shards,
        (part) => {
          sum += part.loss;
          const { from } = shards[done++];
          part.losses?.forEach((value, i) => {
            losses[order[from + i]] = value;
          });
          return sum / data.count > limit;
        },
        { signal, onDone: (n) => onShard?.(shards[n - 1].to, data.count) },
      );
      const loss = sum / data.count;
      if (done < shards.length) return { lossAtLeast: loss };
      if (samples) latest.keep(losses);
      return { loss };
    },
    lossGradient: dataLoss.lossGradient,
    ...(samples && {
      sampled: createSampledLoss({ network, data, loss, seed, atStart, latest, workers, signal }),
    }),
    inputNorms: async (theta, sums) => inputNorms(asked, await programsAt(theta), x, sums),
    cutSet: () => {
      const source = { network: asked, points: () => x, programsAt, signal };
      if (convolved.size === 0) return createCutSet(source);
      products ??= createColumnProducts(Math.min(workers.size, availableParallelism()));
      return createShortCuts({ ...source, convolved, products });
    },
    close: async () => {
      await leave();
      await moving?.release();
      await products?.release();
    },
  };
}

/** || d/dx of each sum of logits ||_1 over the images that it is of. */
async function inputNorms(
  network: Network,
  programs: Programs,
  x: Float32Array,
  sums: readonly LogitSum[],
): Promise<Float64Array> {
  const { labels } = network;
  const size = imageSize(network.inputShape);
  // Each pair of a sum and one of its images has a row: the gradient of the sum at that image alone.
  const pairs = sums.flatMap((terms, sum) =>
    [...new Set(terms.map(({ point }) => point))].map((point) => ({ sum, point })),
  );
  const norms = new Float64Array(sums.length);
  // A batch at a time: of many labels and large images all pairs would not fit.
  await eachBatch(network, 0, pairs.length, async (from, to) => {
    const batch = pairs.slice(from, to);
    const images = batch.map(({ point }) => x.subarray(point * size, (point + 1) * size));
    const covector = new Float32Array(batch.length * labels);
    for (const [i, { sum, point }] of batch.entries()) {
      for (const term of sums[sum]) {
        if (term.point === point) covector[i * labels + term.label] += term.weight;
      }
    }
    const call = { of: logitSum, x: joined(images), covector, n: batch.length };
    const gradient = await inputGradientOfAll(network, programs, call);
    for (const [i, { sum }] of batch.entries()) {
      for (const g of gradient.subarray(i * size, (i + 1) * size)) norms[sum] += Math.abs(g);
    }
  });
  return norms;
}
