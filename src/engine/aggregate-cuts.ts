// The cuts of one iteration of the moving centre: gradients of sums over many images, made in the worker processes.
//
// A sum over many images leaves no factors (factored-rows.ts), so a row is kept whole, in float32 as onnxruntime gives
// it. Rows come by the scratch file into one array that is there already: a hundred of them are 65 MB for CNN.
import { availableParallelism } from "node:os";
import type { CutSet, LogitSum } from "../correct/oracle.ts";
import { imageSize } from "../data/dataset.ts";
import { demandMemory } from "../data/memory.ts";
import { blockOf } from "../qp/rows.ts";
import {
  addSquares,
  dot,
  dotFloat32,
  dotMixed,
  joined,
  type Vector,
  weightedSum,
} from "../tensor/vector.ts";
import type { GivenImages } from "./given-images.ts";
import { gramBlock, gramOfScratch } from "./gram-block.ts";
import type { Network } from "./network.ts";
import { readAt } from "./scratch.ts";
import { shardsOf, sharedOut } from "./shards.ts";
import * as sumTasks from "./sum-tasks.ts";
import type { Workers } from "./workers.ts";

/** So many sums in a task are worth a message. */
const SUMS = 5;

export interface AggregateSource extends sumTasks.AskedNetwork {
  readonly network: Network;
  /** They share the network already, under the key `of`; theta is shared with them when rows are added. */
  readonly workers: Workers;
  /** All points, row-major [n, ...inputShape], in pixel units, or what makes the chosen ones where they are needed. */
  readonly points: Float32Array | ((chosen: readonly number[]) => GivenImages);
  /** What the columns of the rows of sums are scaled by, [p]; default 1. */
  readonly scale?: Float32Array | undefined;
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

/** Cuts over many points, and how large their gradients are. */
export interface AggregateCuts extends CutSet {
  /** The mean square of the rows of sums, weight by weight and not scaled, [p]; undefined without a row. */
  meanSquares(): Float64Array | undefined;
}

/** An empty set of cuts over many points. */
export function createAggregateCuts(source: AggregateSource): AggregateCuts {
  const { network, workers, store = { floats: new Float32Array(0) }, scale, signal } = source;
  const p = network.theta0.length;
  const rows: Vector[] = [];
  /** How many rows the store holds. */
  let taken = 0;
  /** The Gram entries of the sums added last: all are needed sooner or later, and made at once they are cheap. */
  let block: GramBlock = { from: 0, size: 0, gram: new Float64Array(0) };

  return {
    count: () => rows.length,
    addLogitSums: async (theta, sums) => {
      demandMemory(
        4 * p * (taken + sums.length),
        `${taken + sums.length} cuts over ${p} weights`,
        "give fewer groups, or move less: --trainable last",
      );
      const { scratch } = workers;
      const added = roomFor(store, { taken, n: sums.length, p });
      const inFile: number[] = [];
      const values = await askSums(source, theta, sums, (gradient, i) => {
        if (gradient === undefined) inFile.push(i);
        else added[i].set(gradient);
      });
      const gram =
        scratch !== undefined && inFile.length === added.length
          ? gramOfScratch(workers, { n: added.length, p }, signal)
          : undefined;
      // Meanwhile the processes make the Gram matrix.
      for (const i of inFile) readAt(scratch!, added[i], 4 * i * p);
      taken += added.length;
      const threads = Math.min(workers.size, availableParallelism());
      block = {
        from: rows.length,
        size: added.length,
        gram: await (gram ?? gramBlock(added, threads)),
      };
      rows.push(...added);
      return values;
    },
    addRow: (row) => {
      rows.push(row);
    },
    gram: (wanted, columns) =>
      blockOf(wanted, columns, (r, s) => entryIn(block, r, s) ?? product(rows[r], rows[s])),
    times: (v) => (chosen) => Float64Array.from(chosen, (r) => product(rows[r], v)),
    combine: (weights) => weightedSum(weights, rows, p),
    meanSquares: () => {
      const sums = rows.filter((row) => row instanceof Float32Array);
      if (sums.length === 0) return undefined;
      const total = new Float64Array(p);
      for (const row of sums) addSquares(total, row);
      return meanOfSquares(total, sums.length, scale);
    },
    bytes: () => rows.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}

/**
 * Makes the gradients of some sums in the worker processes, and returns their values. `take` is shown each gradient in
 * turn, or told that it lies in the scratch file, at the place of its number.
 */
export async function askSums(
  source: AggregateSource,
  theta: Float32Array,
  sums: readonly LogitSum[],
  take: (gradient: Float32Array | undefined, i: number) => void,
): Promise<Float64Array> {
  const { workers, scale, signal } = source;
  workers.share("theta", theta);
  if (scale !== undefined) workers.share(sumTasks.SCALE, scale);
  const size = sharedOut(sums.length, { most: SUMS, turns: 2, processes: workers.size });
  const values: number[] = [];
  await workers.each<sumTasks.SumShard, sumTasks.SumRow[]>(
    { module: sumTasks.module, name: "sumShard" },
    shardsOf(sums.length, size).map(({ from, to }) => ({
      ...sumShardOf(source, sums.slice(from, to)),
      at: workers.scratch === undefined ? undefined : from,
    })),
    (made) => {
      for (const { value, gradient } of made) {
        take(gradient, values.length);
        values.push(value);
      }
    },
    { signal },
  );
  return Float64Array.from(values);
}

/** Some sums as a task takes them: the images of each, and their weights as rows of the covector. */
function sumShardOf(
  { network: { labels, inputShape }, of, stays, points, scale }: AggregateSource,
  sums: readonly LogitSum[],
): sumTasks.SumShard {
  const size = imageSize(inputShape);
  const images = sums.map((sum) => [...new Set(sum.map(({ point }) => point))]);
  const chosen = images.flat();
  const covector = new Float32Array(chosen.length * labels);
  let at = 0;
  for (const [s, own] of images.entries()) {
    const place = new Map(own.map((point, i) => [point, at + i]));
    for (const { point, label, weight } of sums[s]) {
      covector[place.get(point)! * labels + label] += weight;
    }
    at += own.length;
  }
  const x =
    points instanceof Float32Array
      ? joined(chosen.map((point) => points.subarray(point * size, (point + 1) * size)))
      : points(chosen);
  return {
    x,
    covector,
    counts: images.map(({ length }) => length),
    scaled: scale !== undefined,
    of,
    stays,
  };
}

/** The mean of `n` rows' squares from their sum, which it takes the place of: as they were before they were scaled. */
export function meanOfSquares(
  total: Float64Array,
  n: number,
  scale: Float32Array | undefined,
): Float64Array {
  for (let j = 0; j < total.length; j++) {
    const squared = scale === undefined ? 1 : scale[j] * scale[j];
    total[j] /= n * squared;
  }
  return total;
}

/** Places for `n` rows [p] in the store, behind the `taken` rows that are there. */
function roomFor(
  store: RowStore,
  { taken, n, p }: { readonly taken: number; readonly n: number; readonly p: number },
): Float32Array[] {
  const needed = (taken + n) * p;
  // Rows that are there already stay where they are.
  if (store.floats.length < needed) store.floats = new Float32Array(needed);
  return Array.from({ length: n }, (_, i) =>
    store.floats.subarray((taken + i) * p, (taken + i + 1) * p),
  );
}

/** The Gram entries of `size` rows from row `from` on, [size x size]. */
interface GramBlock {
  readonly from: number;
  readonly size: number;
  readonly gram: Float64Array;
}

function entryIn({ from, size, gram }: GramBlock, r: number, s: number): number | undefined {
  const [i, j] = [r - from, s - from];
  return i >= 0 && i < size && j >= 0 && j < size ? gram[i * size + j] : undefined;
}
