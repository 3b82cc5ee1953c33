// How the robust recipe finds the points of an iteration, and those that judge: by an attack, or by bounds.
import type { StatedAttack } from "../../attack/options.ts";
import { attackedPoints } from "../../attack/points-tasks.ts";
import { type AnyDataset, type Dataset, imagesOf } from "../../data/dataset.ts";
import type { AggregateSource } from "../../engine/aggregate-cuts.ts";
import type { Network } from "../../engine/network.ts";
import * as sums from "../../engine/sum-tasks.ts";
import type { Workers } from "../../engine/workers.ts";
import { joined } from "../../tensor/vector.ts";
import type { RobustOptions } from "./options.ts";

export interface FinderCall {
  readonly network: Network;
  /** Points that must be right, in pixel units. */
  readonly own?: Dataset | undefined;
  /** The images behind a key under which they are shared. */
  readonly images: (key: string) => AnyDataset;
  readonly options: Pick<RobustOptions, "attack" | "certifyMethod" | "certifyShare">;
  readonly workers: Workers;
  readonly signal?: AbortSignal | undefined;
}

/** Which images are looked at, and how hard. */
export interface Ask {
  /** The key of a shared data set, and indices in it. */
  readonly from: string;
  readonly ids: Int32Array;
  readonly seed: number;
  /** The share of eps that the balls have, above 0, at most 1. */
  readonly reach: number;
  /** Whether the points judge: no cut is made of them. */
  readonly judges: boolean;
}

/** The points that must be right and then those of the images, with the logits of the network that takes them. */
export interface FoundPoints extends Pick<AggregateSource, "network" | "of" | "stays" | "points"> {
  readonly logits: Float32Array;
}

/** Finds points at the shared theta. */
export type Finder = (ask: Ask) => Promise<FoundPoints>;

/**
 * The attack that judges. A network can learn to deceive a brief one (catastrophic overfitting: Wong, Rice & Kolter,
 * ICLR 2020), which would not see it: where PGD finds the points in fewer than five steps, judges take five of eps / 2.
 */
const judging = (attack: StatedAttack): StatedAttack =>
  attack.attack === "pgd" && attack.steps < FEWEST
    ? { ...attack, steps: FEWEST, stepSize: attack.eps / 2 }
    : attack;

/** Steps of PGD that judge at least. */
const FEWEST = 5;

/** Finds points by the attack of the options. */
export function attackFinder({ network, own, options, workers, signal }: FinderCall): Finder {
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
  return async ({ from, ids, seed, judges }) => {
    const attack = { ...(judges ? judging(options.attack) : options.attack), seed };
    const found = await attackedPoints(workers, { from, ids, options: attack }, signal);
    return {
      points: joined([ownX, found.x]),
      logits: joined([await ownLogits(), found.logits]),
      network,
    };
  };
}
