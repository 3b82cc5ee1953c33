// The separation oracle of the robust recipe: fresh images attacked at theta, each time others, and what judges.

import type { AskedPoints } from "../../correct/groups.ts";
import type { CutSet } from "../../correct/oracle.ts";
import type { SampledLoss, SeparationOracle } from "../../correct/separation.ts";
import { scorePoints } from "../../correct/violation.ts";
import type { AnyDataset, Dataset } from "../../data/dataset.ts";
import { createAggregateCuts } from "../../engine/aggregate-cuts.ts";
import { batchOf } from "../../engine/batches.ts";
import { createDataLoss } from "../../engine/data-loss.ts";
import { createFiledCuts, staysInFile } from "../../engine/filed-cuts.ts";
import { meanGradient } from "../../engine/gradient-sums.ts";
import { type Network, roundTheta } from "../../engine/network.ts";
import { idShards } from "../../engine/shards.ts";
import type { AskedNetwork } from "../../engine/sum-tasks.ts";
import type { Workers } from "../../engine/workers.ts";
import { randomStream } from "../../tensor/random.ts";
import { STREAMS } from "../../tensor/streams.ts";
import { certifiedFinder } from "./certified.ts";
import { draw, type Split } from "./draws.ts";
import { type Ask, attackFinder, type FoundPoints } from "./finder.ts";
import type { RobustOptions } from "./options.ts";

/** Images of the sample a shard: so few that every process is busy to the end, whole batches of a small sample. */
const sampleShard = (network: Network, n: number): number => (n < 1000 ? batchOf(network) : 500);

/** So few images of an iteration are run at a theta that sessions of it would take longer. */
const FEW = 300;

/** The key of data that judge a finished network. */
const HELD = "held";

export interface SeparationOptions {
  readonly network: Network;
  /** D. */
  readonly data: AnyDataset;
  /** Points that must be right, in pixel units. */
  readonly own?: Dataset | undefined;
  /** The images attacked in place of D's. */
  readonly images?: Dataset | undefined;
  readonly split: Split;
  readonly options: Pick<
    RobustOptions,
    | "attack"
    | "certify"
    | "certifyMethod"
    | "certifyShare"
    | "ramp"
    | "sources"
    | "groups"
    | "lossSample"
    | "loss"
    | "seed"
  >;
  readonly workers: Workers;
  readonly signal?: AbortSignal | undefined;
  readonly onShard?: ((done: number, of: number) => void) | undefined;
  /** Counts the work of the cuts. */
  readonly metered: (set: CutSet) => CutSet;
}

export interface Separation extends SeparationOracle {
  /** Images that judge, the points that must be right not counted. */
  readonly judged: number;
  /** How many images of a data set pass the same judgement. */
  rightOf(theta: Float32Array, held: AnyDataset): Promise<number>;
}

/** Give it the workers for itself: it shares the keys network, data, sources and theta. */
export function createSeparation(call: SeparationOptions): Separation {
  const { network, data, own, images = data, options, workers, metered, signal, onShard } = call;
  const { seed, loss: name } = options;
  const { judging, sources } = call.split;
  const dataLoss = createDataLoss({ network, data, loss: name, workers, signal, onShard });
  const imagesKey = images === data ? "data" : "sources";
  workers.shareImages(imagesKey, images);
  const sets = new Map<string, AnyDataset>([
    ["data", data],
    [imagesKey, images],
  ]);

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
  /** How long theta stays for the gradients of so many images. */
  const stay = (images: number): AskedNetwork["stays"] => {
    if (options.certify === true) return "passes";
    return images < FEW ? "images" : undefined;
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
  const find = (options.certify === true ? certifiedFinder : attackFinder)({
    ...{ network, own, options, workers, signal },
    images: (key) => sets.get(key)!,
  });
  /** The points that must be right, then those found for images of a shared set at theta. */
  const asked = async (
    theta: Float32Array,
    ask: Ask,
  ): Promise<FoundPoints & { readonly y: Int32Array }> => {
    workers.share("theta", theta);
    const { labels } = sets.get(ask.from)!;
    const found = await find(ask);
    const y = Int32Array.from([...(own?.labels ?? []), ...ask.ids.map((id) => labels[id])]);
    return { ...found, y };
  };

  const judgeBy = async (
    theta: Float32Array,
    from: string,
    ids: Int32Array,
  ): Promise<AskedPoints> => {
    const ask = { from, ids, seed: seedOf(STREAMS.robust.judge, 0), reach: 1, judges: true };
    const { y, logits } = await asked(theta, ask);
    return { y, logits: Float64Array.from(logits) };
  };

  return {
    theta0: network.theta0,
    round: (theta) => roundTheta(network, theta),
    judged: judging.length,
    separate: async (theta, k, { through, scale }) => {
      const ids = draw(sources, options.sources, k, sourcesInOrder);
      const reach = Math.min(1, through / (options.ramp ?? through));
      const ask = { from: imagesKey, ids, seed: seedOf(STREAMS.robust.attack, k), reach };
      const { y, logits, ...at } = await asked(theta, { ...ask, judges: false });
      const stays = stay(ids.length);
      const source = { stays, ...at, workers, store, scale, signal };
      const rows = options.groups + (own?.count ?? 0);
      const set = staysInFile(source, rows) ? createFiledCuts(source) : createAggregateCuts(source);
      return {
        ...{ y, logits: Float64Array.from(logits), own: own?.count ?? 0 },
        ...{ cuts: metered(set), meanSquares: set.meanSquares },
      };
    },
    sampledLoss: async (theta, k): Promise<SampledLoss> => {
      const atStart = await lossesAtStart();
      const ids = draw(everything, options.lossSample, k, sampleInOrder);
      workers.share("theta", theta);
      const mean = await meanGradient(
        workers,
        idShards(ids, sampleShard(network, ids.length)).map((chosen) => ({
          ids: chosen,
          loss: name,
          stays: stay(ids.length),
        })),
        { n: ids.length, p: network.theta0.length, signal },
      );
      return {
        ...mean,
        atStart: ids.reduce((sum, id) => sum + atStart[id], 0) / ids.length,
      };
    },
    judge: (theta) => judgeBy(theta, "data", judging),
    rightOf: async (theta, held) => {
      workers.shareImages(HELD, held);
      sets.set(HELD, held);
      const { y, logits } = await judgeBy(theta, HELD, Int32Array.from(held.labels.keys()));
      const first = own?.count ?? 0;
      const others = logits.subarray(first * network.labels);
      return scorePoints(others, y.subarray(first), 0).corrected;
    },
    loss: dataLoss.loss,
  };
}
