// How a sum over images is cut into shards: by work, whatever the number of processes, so that no split shows.
//
// Sums are float64, and those of shards are added in their order.
import { batchOf } from "./batches.ts";
import { workOfPasses } from "./flops.ts";
import type { Network } from "./network.ts";

/** Images of a shard at most. */
const MOST = 1000;

/** The same of a sum that may stop early: fewer, so that less is done beyond the stop. */
const MOST_SORTED = 500;

// A second on one core. The networks of the paper stay below it with the most images that a shard has.
const WORK = 6e10;

// The gradient of a shard is 8 bytes a weight on the way to the process that adds it up, which must pay.
const GRADIENT_WORK = 2 * WORK;

/** A slice [from, to) of images, or of columns. */
export interface Shard {
  readonly from: number;
  readonly to: number;
}

/** The fixed list of shards of `count` images, or of as many columns, each of `size` but for the last. */
export function shardsOf(count: number, size: number): Shard[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, i) => ({
    from: i * size,
    to: Math.min(count, (i + 1) * size),
  }));
}

/**
 * How much goes into a shard where no sum tells: `most` at most, and so little that each process beside this one, of
 * which there may be none, has `turns` of them.
 */
export const sharedOut = (
  count: number,
  { most, turns, processes }: { most: number; turns: number; processes: number },
): number =>
  processes === 0 ? most : Math.min(most, Math.max(1, Math.ceil(count / (turns * processes))));

/** The fixed list of shards of chosen images, by their indices. */
export const idShards = (ids: Int32Array, size: number): Int32Array[] =>
  shardsOf(ids.length, size).map(({ from, to }) => ids.slice(from, to));

/** So many images are `work` operations of forward passes: whole batches, one at least. */
function imagesFor(network: Network, work: number, most: number): number {
  const batch = batchOf(network);
  const { forward } = workOfPasses(network);
  const fit = Math.floor(work / Math.max(1, forward));
  return fit >= most ? most : Math.max(batch, fit - (fit % batch));
}

/** The images of a shard of a forward pass: `most`, or what a second's work leaves of them. */
export const forwardSize = (network: Network, most = MOST): number =>
  imagesFor(network, WORK, most);

/** The shards of a forward pass over `count` images. */
export const forwardShards = (network: Network, count: number): Shard[] =>
  shardsOf(count, forwardSize(network));

/** The shards of a forward pass that may stop early. */
export const sortedShards = (network: Network, count: number): Shard[] =>
  shardsOf(count, forwardSize(network, MOST_SORTED));

/** The images of a shard of a gradient in theta. */
export const gradientSize = (network: Network): number => imagesFor(network, GRADIENT_WORK, MOST);

/** The shards of a gradient in theta. */
export const gradientShards = (network: Network, count: number): Shard[] =>
  shardsOf(count, gradientSize(network));
