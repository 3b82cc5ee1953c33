// Points by bounds instead of an attack: the whole ball around an image stands for its hardest point.
//
// The hinge of the interval bound is above that of every point of the ball, so that a group's certified hinge is one
// more aggregate cut (bounds/certified.ts makes a network of it). The balls grow from nothing to eps over the first
// part of the run: at the full radius the bounds of a network that was trained without them say nothing.
import type { StatedAttack } from "../../attack/options.ts";
import { attackedPoints } from "../../attack/points-tasks.ts";
import type { EpsSpace } from "../../attack/settings.ts";
import { checkUnits } from "../../attack/units.ts";
import { certifiedNetwork } from "../../bounds/certified.ts";
import { type BoundMethod, differencesGraph } from "../../bounds/differences.ts";
import { imageSize, imagesOf } from "../../data/dataset.ts";
import { BATCH } from "../../engine/batches.ts";
import type { MadeImages } from "../../engine/given-images.ts";
import type { Network } from "../../engine/network.ts";
import { shardsOf } from "../../engine/shards.ts";
import * as sums from "../../engine/sum-tasks.ts";
import { shareNetwork } from "../../engine/tasks.ts";
import { joined } from "../../tensor/vector.ts";
import type { Finder, FinderCall } from "./finder.ts";
import * as rows from "./rows.ts";

/** What is proven of a saved file: that so many images keep their label in the whole ball around them. */
export interface Certificate {
  /** By what bounds, widened by what float32 may round in any order of summation. */
  readonly method: BoundMethod;
  /** The norm of the balls. */
  readonly norm: "linf";
  /** Their radius. */
  readonly eps: number;
  /** What the radius is measured in. */
  readonly epsSpace: EpsSpace;
  /** The range of pixels, by which they are cut; null is no range. */
  readonly clip: readonly [low: number, high: number] | null;
  /** The images that judge, of which no cut was made. */
  readonly judging: ProvenImages;
  /** Held-out data, where some were given. */
  readonly validation?: ProvenImages;
}

/** Images, and how many of them are proven right. */
export interface ProvenImages {
  /** How many images there are. */
  readonly images: number;
  /** How many of them are proven right, in their whole balls. */
  readonly proven: number;
}

/**
 * Refuses what cannot be bounded before any work begins.
 *
 * @throws TemperError `model-unsupported` naming the operators that have no bound; `bad-option`
 */
export function checkCertifiable(network: Network, attack: StatedAttack): void {
  checkUnits(attack, network.options.std);
  differencesGraph(network, { widen: true });
}

/** The keys of the networks of bounds: of those that are cut, and of those that hold in float32, which judge. */
const KEYS = { cut: "bounds", judge: "proofs" } as const;

/** Bounds the balls of the images; of a share of them, where one is given, and attacks the others. */
export function certifiedFinder(call: FinderCall): Finder {
  const { network, own, images, options, workers, signal } = call;
  const { attack, certifyMethod: method, certifyShare = 1 } = options;
  const made = new Map<boolean, Promise<Network>>();
  const boundsBy = (judges: boolean): Promise<Network> => {
    const known = made.get(judges) ?? certifiedNetwork(network, { method, widen: judges });
    made.set(judges, known);
    return known;
  };
  const size = imageSize(network.inputShape);
  const ownX = own === undefined ? new Float32Array(0) : imagesOf(own);
  const ownY = own?.labels ?? new Int32Array(0);

  return async ({ from, ids, seed, reach, judges }) => {
    const bounded = await boundsBy(judges);
    const asked = { of: judges ? KEYS.judge : KEYS.cut, passing: !judges };
    shareNetwork(workers, bounded, asked.of);
    const balls = judges ? ids.length : Math.round(certifyShare * ids.length);
    const { eps, stepSize, clip, epsSpace } = attack;
    const attacked = await attackedPoints(
      workers,
      {
        ...{ from, ids: ids.subarray(balls) },
        options: { ...attack, seed, eps: reach * eps, stepSize: reach * stepSize },
      },
      signal,
    );
    // The points that must be right, then the balls, then attacked images.
    const y = Int32Array.from([...ownY, ...ids.map((id) => images(from).labels[id])]);
    const alone = joined([ownX, attacked.x]);
    const inBall = (point: number): boolean => point >= ownY.length && point < ownY.length + balls;
    const placeAlone = (point: number): number =>
      size * (point < ownY.length ? point : point - balls);
    const points = (chosen: readonly number[]): MadeImages => ({
      ...{ module: rows.module, name: "rowsShard" },
      arg: {
        ...{ from, clip, epsSpace, eps: reach * eps },
        ids: Int32Array.from(chosen, (point) => (inBall(point) ? ids[point - ownY.length] : -1)),
        y: Int32Array.from(chosen, (point) => y[point]),
        alone: joined(
          chosen
            .filter((point) => !inBall(point))
            .map((point) => alone.subarray(placeAlone(point), placeAlone(point) + size)),
        ),
      } satisfies rows.RowsShard,
    });
    const all = [...y.keys()];
    const logits = await workers.map<sums.LogitsShard, Float32Array>(
      { module: sums.module, name: "logitsShard" },
      shardsOf(y.length, BATCH).map((shard) => {
        const chosen = all.slice(shard.from, shard.to);
        return { x: points(chosen), n: chosen.length, ...asked };
      }),
      { signal },
    );
    return { points, logits: joined(logits), network: bounded, ...asked };
  };
}
