// The engine's cuts: gradients of logit sums, kept as factors (factored-rows.ts), and rows that are given whole.
import type { CutSet, LogitSum } from "../correct/oracle.ts";
import { imageSize } from "../data/dataset.ts";
import { demandMemory } from "../data/memory.ts";
import { throwIfAborted } from "../errors.ts";
import { addScaled, dot } from "../tensor/vector.ts";
import * as factors from "./factored-rows.ts";
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

/** Where a row of the set lies: among the factored ones, or whole, float64 [p]. */
type Place = { readonly factored: number } | { readonly whole: Float64Array };

/** An empty, growing set of cuts, each sum of logits over one image. */
export function createCutSet({ network, points, programsAt, signal }: CutSource): CutSet {
  const store = factors.createFactoredRows(network);
  const places: Place[] = [];
  /** The products with each whole row that was asked for: what the rows of a site share is made once. */
  const timesWhole = new Map<number, ReturnType<CutSet["times"]>>();

  /** Values of chosen rows: the factored ones together, since they share work, the whole ones each by itself. */
  const each = (
    chosen: Int32Array,
    ofFactored: (rows: readonly number[]) => Float64Array,
    ofWhole: (row: Float64Array, r: number) => number,
  ): Float64Array => {
    const rows: number[] = [];
    for (const r of chosen) {
      const place = places[r];
      if ("factored" in place) rows.push(place.factored);
    }
    const values = ofFactored(rows);
    let next = 0;
    return Float64Array.from(chosen, (r) => {
      const place = places[r];
      return "factored" in place ? values[next++] : ofWhole(place.whole, r);
    });
  };

  const times: CutSet["times"] = (v) => {
    const ofFactored = factors.timesVector(store, v);
    return (chosen) => each(chosen, ofFactored, (row) => dot(row, v));
  };

  const wholeColumn = (wanted: Int32Array, s: number, row: Float64Array): Float64Array => {
    const known = timesWhole.get(s) ?? times(row);
    timesWhole.set(s, known);
    return known(wanted);
  };

  const column = (wanted: Int32Array, s: number): Float64Array => {
    const place = places[s];
    if ("whole" in place) return wholeColumn(wanted, s, place.whole);
    return each(
      wanted,
      (rows) => factors.timesRow(store, place.factored, rows),
      // The same call as makes the entry (s, r), so that the matrix is symmetric to the bit.
      (row, r) => wholeColumn(Int32Array.of(s), r, row)[0],
    );
  };

  return {
    count: () => places.length,
    addLogitSums: async (theta, sums) => {
      const sites = new Set(sums.map(([{ point }]) => point)).size;
      const held = factors.bytesOf(store);
      demandCuts(held + factors.bytesOfMore(store, { rows: sums.length, sites }));
      const programs = await programsAt(theta);
      const siteOf = new Map<number, number>();
      const values = new Float64Array(sums.length);
      for (const [i, sum] of sums.entries()) {
        throwIfAborted(signal);
        const { point, covector } = atOnePoint(sum, network.labels);
        const size = imageSize(network.inputShape);
        const x = points().subarray(point * size, (point + 1) * size);
        const call = { x, covector, site: siteOf.get(point) };
        const { value, site } = await factors.addGradient(store, programs, call);
        siteOf.set(point, site);
        places.push({ factored: store.rows.length - 1 });
        values[i] = value;
      }
      return values;
    },
    addRow: (row) => {
      places.push({ whole: row.slice() });
    },
    gram: (wanted, columns) => {
      const block = new Float64Array(wanted.length * columns.length);
      for (const [c, s] of columns.entries()) {
        const values = column(wanted, s);
        for (let r = 0; r < wanted.length; r++) block[r * columns.length + c] = values[r];
      }
      return block;
    },
    times,
    combine: (weights) => {
      const total = new Float64Array(network.theta0.length);
      const factored = factors.sumInto(store, total);
      for (const [r, place] of places.entries()) {
        if (weights[r] === 0) continue;
        if ("factored" in place) factored.add(weights[r], place.factored);
        else addScaled(total, weights[r], place.whole);
      }
      factored.end();
      return total;
    },
    bytes: () =>
      places.reduce(
        (sum, place) => sum + ("whole" in place ? place.whole.byteLength : 0),
        factors.bytesOf(store),
      ),
  };
}

/**
 * Refuses points whose cuts of one iteration do not fit into memory.
 *
 * @param cuts how many there are for each point
 * @throws TemperError `out-of-memory`
 */
export function demandRoomForCuts(network: Network, points: number, cuts: number): void {
  const store = factors.createFactoredRows(network);
  demandCuts(factors.bytesOfMore(store, { rows: points * cuts, sites: points }));
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
