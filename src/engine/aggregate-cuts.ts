// The cuts of one iteration of the moving centre: gradients of sums over many images, made in the worker processes.
//
// A sum over many images leaves no factors (factored-rows.ts), so a row is kept whole, in float32 as onnxruntime gives
// it. Rows come by the scratch file into one array that is there already: a hundred of them are 65 MB for CNN.
import type { CutSet, LogitSum } from "../correct/oracle.ts";
import { imageSize } from "../data/dataset.ts";
import { demandMemory } from "../data/memory.ts";
import { dot, dotFloat32, dotMixed, type Vector, weightedSum } from "../tensor/vector.ts";
import { gramBlock, gramOfScratch } from "./gram-block.ts";
import type { Network } from "./network.ts";
import { readFloats } from "./scratch.ts";
import * as tasks from "./sum-tasks.ts";
import type { Workers } from "./workers.ts";

/** How many sums go into a task: enough to be worth a message, and so few that all processes have work. */
const SUMS = 5;

export interface AggregateSource {
  readonly network: Network;
  /** They share the network already; theta is shared with them when rows are added. */
  readonly workers: Workers;
  /** All points, row-major [n, ...inputShape], in pixel units. */
  readonly points: Float32Array;
  /** Where the rows are kept; a store serves one set of cuts at a time. Default: a new one. */
  readonly store?: RowStore | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Memory for rows, used again by one set of cuts after the other. */
export interface RowStore {
  floats: Float32Array;
}

/** a . b, which is b . a to the bit; each pair of types has a loop of its own, which the compiler can specialise. */
function product(a: Vector, b: Vector): number {
  if (a instanceof Float32Array) {
    return b instanceof Float32Array ? dotFloat32(a, b) : dotMixed(a, b);
  }
  return b instanceof Float32Array ? dotMixed(b, a) : dot(a, b);
}

/** An empty set of cuts over many points. */
export function createAggregateCuts({
  network,
  workers,
  points,
  store = { floats: new Float32Array(0) },
  signal,
}: AggregateSource): CutSet {
  const { labels } = network;
  const p = network.theta0.length;
  const size = imageSize(network.inputShape);
  const rows: Vector[] = [];
  /** How many rows the store holds. */
  let taken = 0;
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
  /** Puts the rows of some sums into the store, behind those that are there. */
  const take = (made: readonly tasks.SumRow[]): Float32Array[] => {
    const first = taken;
    taken += made.length;
    // Rows that are there already stay where they are.
    if (store.floats.length < taken * p) store.floats = new Float32Array(taken * p);
    return made.map(({ gradient }, i) => {
      const row = store.floats.subarray((first + i) * p, (first + i + 1) * p);
      if (gradient === undefined) readFloats(workers.scratch!, row, i * p);
      else row.set(gradient);
      return row;
    });
  };
  const entry = (r: number, s: number): number => {
    const n = Math.sqrt(block.gram.length);
    const [i, j] = [r - block.from, s - block.from];
    if (i >= 0 && i < n && j >= 0 && j < n) return block.gram[i * n + j];
    return product(rows[r], rows[s]);
  };

  return {
    count: () => rows.length,
    addLogitSums: async (theta, sums) => {
      demandMemory(
        4 * p * (taken + sums.length),
        `${taken + sums.length} cuts over ${p} weights`,
        "give fewer groups, or move less: --trainable last",
      );
      workers.share("theta", theta);
      const shards = Array.from({ length: Math.ceil(sums.length / SUMS) }, (_, i) => ({
        ...shardOf(sums.slice(i * SUMS, (i + 1) * SUMS)),
        at: workers.scratch === undefined ? undefined : i * SUMS,
      }));
      const made = await workers.map<tasks.SumShard, tasks.SumRow[]>(
        { module: tasks.module, name: "sumShard" },
        shards,
        { signal },
      );
      const all = made.flat();
      const inFile = workers.scratch !== undefined && all.every((r) => r.gradient === undefined);
      const gram = inFile ? gramOfScratch(workers, { n: all.length, p }, signal) : undefined;
      const added = take(all); // Meanwhile the processes make the Gram matrix.
      block = { from: rows.length, gram: await (gram ?? gramBlock(added)) };
      rows.push(...added);
      return Float64Array.from(all, ({ value }) => value);
    },
    addRow: (row) => {
      rows.push(row.slice());
    },
    gram: (wanted, columns) =>
      Float64Array.from({ length: wanted.length * columns.length }, (_, i) =>
        entry(wanted[Math.floor(i / columns.length)], columns[i % columns.length]),
      ),
    times: (v) => (chosen) => Float64Array.from(chosen, (r) => product(rows[r], v)),
    combine: (weights) => weightedSum(weights, rows, p),
    bytes: () => rows.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}
