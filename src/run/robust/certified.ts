// Points by bounds instead of an attack: the whole ball around an image stands for its hardest point.
//
// The hinge of the interval bound is above that of every point of the ball, so that a group's certified hinge is one
// more aggregate cut (bounds/certified.ts makes a network of it). The balls grow from nothing to eps over the first
// part of the run: at the full radius the bounds of a network that was trained without them say nothing.
import type { StatedAttack } from "../../attack/options.ts";
import { attackedPoints } from "../../attack/points-tasks.ts";
import { checkUnits } from "../../attack/units.ts";
import { certifiedNetwork, demandOpenBatch } from "../../bounds/certified.ts";
import { differencesGraph } from "../../bounds/differences.ts";
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

/**
 * Refuses what cannot be bounded before any work begins.
 *
 * @throws TemperError `model-unsupported` naming the operators that have no bound; `bad-option`
 */
export function checkCertifiable(network: Network, attack: StatedAttack): void {
  demandOpenBatch(network);
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
    const asked = {
      of: judges ? KEYS.judge : KEYS.cut,
      stays: judges ? undefined : ("passes" as const),
    };
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
