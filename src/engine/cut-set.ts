// The engine's cuts: gradients of sums of logits over one image each, and rows that are given whole.
import type { CutSet, LogitSum } from "../correct/oracle.ts";
import { imageSize } from "../data/dataset.ts";
import { demandMemory } from "../data/memory.ts";
import { throwIfAborted } from "../errors.ts";
import { addGradient, bytesOf, bytesOfMore, createFactoredRows } from "./factored-rows.ts";
import * as mixed from "./mixed-rows.ts";
import type { Network } from "./network.ts";
import type { Programs } from "./programs.ts";

/** What the set needs of the engine: the images of the points and the programs at a theta. */
export interface CutSource {
  readonly network: Network;
  /** All points that there are by now, row-major [n, ...inputShape]. */
  readonly points: () => Float32Array;
  programsAt(theta: Float32Array): Promise<Programs>;
  readonly signal?: AbortSignal | undefined;
}

/** An empty, growing set of cuts, each sum of logits over one image. */
export function createCutSet(source: CutSource): CutSet {
  const { network } = source;
  const factored = createFactoredRows(network);
  const rows: mixed.MixedRows = { factored, places: [], timesWhole: new Map() };
  return {
    count: () => rows.places.length,
    addLogitSums: (theta, sums) => addLogitSums(rows, source, theta, sums),
    addRow: (row) => {
      rows.places.push({ whole: row });
    },
    gram: (wanted, columns) => mixed.gram(rows, wanted, columns),
    times: (v) => mixed.times(rows, v),
    combine: (weights) => mixed.combine(rows, weights, network.theta0.length),
    bytes: () => mixed.bytesOf(rows),
    drop: (given) => {
      mixed.drop(rows, given, (r) => mixed.gram(rows, Int32Array.of(r), Int32Array.of(r))[0]);
    },
  };
}

/** Appends the gradients of some sums, each over one image, and returns the sums' values. */
export async function addLogitSums(
  { factored, places }: Pick<mixed.MixedRows, "factored" | "places">,
  { network, points, programsAt, signal }: CutSource,
  theta: Float32Array,
  sums: readonly LogitSum[],
): Promise<Float64Array> {
  const sites = new Set(sums.map(([{ point }]) => point)).size;
  demandCuts(bytesOf(factored) + bytesOfMore(factored, { rows: sums.length, sites }));
  const programs = await programsAt(theta);
  const size = imageSize(network.inputShape);
  const siteOf = new Map<number, number>();
  const values = new Float64Array(sums.length);
  for (const [i, sum] of sums.entries()) {
    throwIfAborted(signal);
    const { point, covector } = atOnePoint(sum, network.labels);
    const x = points().subarray(point * size, (point + 1) * size);
    const call = { x, covector, site: siteOf.get(point) };
    const { value, site } = await addGradient(factored, programs, call);
    siteOf.set(point, site);
    places.push({ factored: factored.rows.length - 1 });
    values[i] = value;
  }
  return values;
}

/**
 * Refuses points whose cuts of one iteration do not fit into memory.
 *
 * @param cuts how many there are for each point
 * @param convolved the convolutions' weights that are kept in parts
 * @throws TemperError `out-of-memory`
 */
export function demandRoomForCuts(
  network: Network,
  points: number,
  cuts: number,
  convolved?: ReadonlySet<string>,
): void {
  const store = createFactoredRows(network, convolved);
  demandCuts(bytesOfMore(store, { rows: points * cuts, sites: points }));
}

const demandCuts = (bytes: number): void =>
  demandMemory(
    bytes,
    "the cuts of all points",
    "give fewer points or --iterations, or move less: --rivals 1, --trainable last",
  );

/** The point of a sum over one image, and its weights as a row of the covector. */
function atOnePoint(
  sum: LogitSum,
  labels: number,
): { readonly point: number; readonly covector: Float32Array } {
  const [{ point }] = sum;
  const covector = new Float32Array(labels);
  for (const term of sum) {
    // The gradients of several images add up, and leave no factors.
    if (term.point !== point) throw new Error("a cut of Algorithm 1 is over one image");
    covector[term.label] += term.weight;
  }
  return { point, covector };
}
