// How much arithmetic the cuts of a run are where convolutions are kept in parts: counted as short-cuts.ts does it.
import { createFactoredRows } from "./factored-rows.ts";
import type { Network } from "./network.ts";
import type { RunSize } from "./room.ts";
import { gramWork, slicesOf } from "./slices.ts";

/** Passes of a weight over a site's columns: by rows given whole, by those rows when they are new, for A' lambda. */
const PASSES = 3;

/** Multiplications of float64 in a run: Gram entries, products with rows that are given whole, and A' lambda. */
export function workInParts(
  network: Network,
  inParts: ReadonlySet<string>,
  { points, rivals, iterations }: RunSize,
): number {
  const store = createFactoredRows(network, inParts);
  const fresh = points * rivals;
  const ofConvolutions = slicesOf(store).reduce((sum, slice) => {
    const rows = { fresh, all: fresh, own: points, sites: points };
    const { bySites, written } = gramWork(slice, rows);
    return sum + Math.min(bySites, written) + PASSES * points * slice.size * slice.pixels;
  }, 0);
  const pairsOfAnchors = (iterations * (iterations + 1)) / 2;
  return pairsOfAnchors * (ofConvolutions + fresh ** 2 * store.width);
}
