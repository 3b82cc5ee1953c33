// The separation oracle of the robust recipe: fresh images attacked at theta, each time others, and what judges.
import { attackedPoints } from "../../attack/points-tasks.ts";
import type { CutSet } from "../../correct/oracle.ts";
import type { SampledLoss, SeparationOracle } from "../../correct/separation.ts";
import { type AnyDataset, type Dataset, imagesOf } from "../../data/dataset.ts";
import { createAggregateCuts } from "../../engine/aggregate-cuts.ts";
import { createDataLoss } from "../../engine/data-loss.ts";
import { meanGradient } from "../../engine/gradient-sums.ts";
import { type Network, roundTheta } from "../../engine/network.ts";
import { idShards } from "../../engine/shards.ts";
import * as sums from "../../engine/sum-tasks.ts";
import type { Workers } from "../../engine/workers.ts";
import { randomStream } from "../../tensor/random.ts";
import { STREAMS } from "../../tensor/streams.ts";
import { joined } from "../../tensor/vector.ts";
import { draw, type Split } from "./draws.ts";
import type { RobustOptions } from "./options.ts";

/** Images of the sample a shard: so few that a thousand keep every process busy to the end. */
const SAMPLE_SHARD = 500;

export interface SeparationOptions {
  readonly network: Network;
  /** D. */
  readonly data: AnyDataset;
  /** Points that must be right, in pixel units. */
  readonly own?: Dataset | undefined;
  /** The images attacked in place of D's. */
  readonly images?: Dataset | undefined;
  readonly split: Split;
  readonly options: Pick<RobustOptions, "attack" | "sources" | "lossSample" | "loss" | "seed">;
  readonly workers: Workers;
  readonly signal?: AbortSignal | undefined;
  readonly onShard?: ((done: number, of: number) => void) | undefined;
  /** Counts the work of the cuts. */
  readonly metered: (set: CutSet) => CutSet;
}

export interface Separation extends SeparationOracle {
  /** Images that judge, the points that must be right not counted. */
  readonly judged: number;
}

/** Give it the workers for itself: it shares the keys network, data, sources and theta. */
export function createSeparation(call: SeparationOptions): Separation {
  const { network, data, own, images = data, options, workers, metered, signal, onShard } = call;
  const { attack, seed, loss: name } = options;
  const { judging, sources } = call.split;
  const dataLoss = createDataLoss({ network, data, loss: name, workers, signal, onShard });
  const imagesKey = images === data ? "data" : "sources";
  workers.shareImages(imagesKey, images);

  const everything = Int32Array.from(data.labels.keys());
  /** A round lasts many iterations: its order is made once. */
  const orderOf = (purpose: number, n: number): ((round: number) => Int32Array) => {
    let last: { round: number; order: Int32Array } = { round: -1, order: new Int32Array(0) };
    return (round) => {
      if (round !== last.round) {
        last = { round, order: randomStream(seed, purpose, round).permutation(n) };
      }
      return last.order;
    };
  };
  const sourcesInOrder = orderOf(STREAMS.robust.sources, sources.length);
  const sampleInOrder = orderOf(STREAMS.robust.sample, data.count);
  const seedOf = (purpose: number, k: number): number =>
    randomStream(seed, purpose, k).below(2 ** 31 - 1);
  const store = { floats: new Float32Array(0) };
  let losses: Promise<Float64Array> | undefined;
  const lossesAtStart = (): Promise<Float64Array> => {
    losses ??= dataLoss.imageLosses(network.theta0);
    return losses;
  };
  const ownX = own === undefined ? new Float32Array(0) : imagesOf(own);
  const ownLogits = async (): Promise<Float32Array> => {
    if (own === undefined) return new Float32Array(0);
    const [logits] = await workers.map<sums.LogitsShard, Float32Array>(
      { module: sums.module, name: "logitsShard" },
      [{ x: ownX, n: own.count }],
      { signal },
    );
    return logits;
  };
  /** The points that must be right, then the images `ids` of a shared set attacked at theta. */
  const asked = async (
    theta: Float32Array,
    { from, ids, seed }: { from: string; ids: Int32Array; seed: number },
  ): Promise<{ x: Float32Array; y: Int32Array; logits: Float64Array }> => {
    workers.share("theta", theta);
    const found = await attackedPoints(
      workers,
      { from, ids, options: { ...attack, seed } },
      signal,
    );
    const { labels } = from === imagesKey ? images : data;
    return {
      x: joined([ownX, found.x]),
      y: Int32Array.from([...(own?.labels ?? []), ...ids.map((id) => labels[id])]),
      logits: Float64Array.from(joined([await ownLogits(), found.logits])),
    };
  };

  return {
    theta0: network.theta0,
    round: (theta) => roundTheta(network, theta),
    judged: judging.length,
    separate: async (theta, k) => {
      const ids = draw(sources, options.sources, k, sourcesInOrder);
      const ask = { from: imagesKey, ids, seed: seedOf(STREAMS.robust.attack, k) };
      const { x, ...points } = await asked(theta, ask);
      const cuts = metered(createAggregateCuts({ network, workers, points: x, store, signal }));
      return { ...points, own: own?.count ?? 0, cuts };
    },
    sampledLoss: async (theta, k): Promise<SampledLoss> => {
      const atStart = await lossesAtStart();
      const ids = draw(everything, options.lossSample, k, sampleInOrder);
      workers.share("theta", theta);
      const mean = await meanGradient(
        workers,
        idShards(ids, SAMPLE_SHARD).map((chosen) => ({ ids: chosen, loss: name })),
        { n: ids.length, p: network.theta0.length, signal },
      );
      return {
        ...mean,
        atStart: ids.reduce((sum, id) => sum + atStart[id], 0) / ids.length,
      };
    },
    judge: (theta) =>
      asked(theta, { from: "data", ids: judging, seed: seedOf(STREAMS.robust.judge, 0) }),
    loss: dataLoss.loss,
  };
}
