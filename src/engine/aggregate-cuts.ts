// The cuts of one iteration of the moving centre: gradients of sums over many images, made in the worker processes.
//
// A sum over many images leaves no factors (cut-set.ts), so a row is kept whole: float32, as onnxruntime gives it.
import type { CutSet, LogitSum } from "../correct/oracle.ts";
import { imageSize } from "../data/dataset.ts";
import { addScaled, dot, dotFloat32, type Vector } from "../tensor/vector.ts";
import { gramBlock } from "./gram-block.ts";
import type { Network } from "./network.ts";
import type { Pool } from "./pool.ts";
import * as tasks from "./sum-tasks.ts";

/** Sums a task: enough to be worth a message, few enough that all processes have work. */
const SUMS = 5;

export interface AggregateSource {
  readonly network: Network;
  /** Holds the network; theta is shared when rows are added. */
  readonly pool: Pool;
  /** All points, row-major [n, ...inputShape], in pixel units. */
  readonly points: Float32Array;
  readonly signal?: AbortSignal | undefined;
}

/** An empty set of cuts over many points. */
export function createAggregateCuts({ network, pool, points, signal }: AggregateSource): CutSet {
  const { labels } = network;
  const p = network.theta0.length;
  const size = imageSize(network.inputShape);
  const rows: Vector[] = [];
  /** The Gram entries of the sums added last: all are needed sooner or later, and made at once they are cheap. */
  let block: { readonly from: number; readonly gram: Float64Array } = {
    from: 0,
    gram: new Float64Array(0),
  };

  const shardOf = (sums: readonly LogitSum[]): tasks.SumShard => {
    const images = sums.map((sum) => [...new Set(sum.map(({ point }) => point))]);
    const counts = images.map(({ length }) => length);
    const n = counts.reduce((a, c) => a + c, 0);
    const x = new Float32Array(n * size);
    const covector = new Float32Array(n * labels);
    let at = 0;
    for (const [s, chosen] of images.entries()) {
      const place = new Map(chosen.map((point, i) => [point, at + i]));
      for (const [point, i] of place) {
        x.set(points.subarray(point * size, (point + 1) * size), i * size);
      }
      for (const { point, label, weight } of sums[s]) {
        covector[place.get(point)! * labels + label] += weight;
      }
      at += chosen.length;
    }
    return { x, covector, counts };
  };
  const entry = (r: number, s: number): number => {
    const n = Math.sqrt(block.gram.length);
    const [i, j] = [r - block.from, s - block.from];
    if (i >= 0 && i < n && j >= 0 && j < n) return block.gram[i * n + j];
    const [a, b] = [rows[r], rows[s]];
    return a instanceof Float32Array && b instanceof Float32Array ? dotFloat32(a, b) : dot(a, b);
  };

  return {
    get count() {
      return rows.length;
    },
    addLogitSums: async (theta, sums) => {
      pool.share("theta", theta);
      const shards = Array.from({ length: Math.ceil(sums.length / SUMS) }, (_, i) =>
        shardOf(sums.slice(i * SUMS, (i + 1) * SUMS)),
      );
      const made = await pool.map<tasks.SumShard, tasks.SumRow[]>(
        { module: tasks.module, name: "sumShard" },
        shards,
        { signal },
      );
      const added = made.flat();
      for (const { gradient } of added) rows.push(gradient);
      block = {
        from: rows.length - added.length,
        gram: await gramBlock(added.map((r) => r.gradient)),
      };
      return Float64Array.from(added, ({ value }) => value);
    },
    addRow: (row) => {
      rows.push(row.slice());
    },
    gram: (wanted, columns) =>
      Float64Array.from({ length: wanted.length * columns.length }, (_, i) =>
        entry(wanted[Math.floor(i / columns.length)], columns[i % columns.length]),
      ),
    times: (v) => (chosen) => Float64Array.from(chosen, (r) => dot(rows[r], v)),
    combine: (weights) => {
      const total = new Float64Array(p);
      for (const [r, row] of rows.entries())
        if (weights[r] !== 0) addScaled(total, weights[r], row);
      return total;
    },
    bytes: () => rows.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}
