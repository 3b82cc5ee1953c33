// Cuts whose convolutions are kept in parts: the image that enters and the gradient that comes back, in place of the
// gradient in the weight, which is up to a hundred times as large. A row is made again when it is needed.
//
// That takes a matrix product a row and layer, and a solve asks for thousands of Gram entries and products. So all
// entries are made when rows are added, by tiles that few bytes suffice for, and kept: there are few rows where this
// is worth its while, and many weights. From then on the solver sees nothing but them (stand-in.ts).
//
// Everything is float64 from the float32 parts on, so G is the Gram matrix of the rows that the parts stand for to
// rounding, and what is made at different times agrees.
import type { CutSet } from "../correct/oracle.ts";
import { throwIfAborted } from "../errors.ts";
import { addScaled, dot, dotMixed } from "../tensor/vector.ts";
import type { ColumnProducts } from "./column-products.ts";
import { addLogitSums, type CutSource } from "./cut-set.ts";
import * as factors from "./factored-rows.ts";
import { drop, type Place } from "./mixed-rows.ts";
import { gramOfParts } from "./short-gram.ts";
import { bySite, columnsAt, deltaOf, sitesTogether, slicesOf } from "./slices.ts";
import { standIn } from "./stand-in.ts";

/** What the set needs beside what any set of cuts does. */
export interface ShortSource extends CutSource {
  /** The convolutions' weights to keep in parts (`shortConvolutions`). */
  readonly convolved: ReadonlySet<string>;
  readonly products: ColumnProducts;
}

/** The rows, and the lower triangle of their Gram matrix, row by row. */
interface ShortRows {
  readonly source: ShortSource;
  readonly factored: factors.FactoredRows;
  readonly places: Place[];
  readonly gram: Float64Array[];
}

/** An empty, growing set of cuts whose larger convolutions are kept in parts. */
export function createShortCuts(source: ShortSource): CutSet {
  const { network, convolved } = source;
  const factored = factors.createFactoredRows(network, convolved);
  const rows: ShortRows = { source, factored, places: [], gram: [] };
  const entry = (r: number, s: number): number => rows.gram[Math.max(r, s)][Math.min(r, s)];
  return {
    count: () => rows.places.length,
    addLogitSums: async (theta, sums) => {
      const first = rows.places.length;
      const values = await addLogitSums(rows, source, theta, sums);
      await fill(rows, first);
      return values;
    },
    addRow: async (row) => {
      rows.places.push({ whole: row });
      await fill(rows, rows.places.length - 1);
    },
    ...standIn(entry),
    bytes: () => {
      const whole = rows.places.map((place) => ("whole" in place ? place.whole.byteLength : 0));
      const others = [...whole, ...rows.gram.map(({ byteLength }) => byteLength)];
      return others.reduce((sum, bytes) => sum + bytes, factors.bytesOf(factored));
    },
    drop: (given) => drop(rows, given, (r) => entry(r, r)),
    remade: {
      product: (v, chosen) => product(rows, v, chosen),
      expand: (weights) => expand(rows, weights),
    },
  };
}

/** Makes the Gram entries of the rows from `first` on with all rows there are. */
async function fill({ source, factored, places, gram }: ShortRows, first: number): Promise<void> {
  for (let r = first; r < places.length; r++) gram.push(new Float64Array(r + 1));
  const own: number[] = [];
  const whole: number[] = [];
  for (const [r, place] of places.entries()) {
    if ("whole" in place) whole.push(r);
    else if ("factored" in place) own.push(r);
  }
  const rowOf = (r: number): number => (places[r] as { readonly factored: number }).factored;
  const put = (r: number, s: number, value: number): void => {
    gram[Math.max(r, s)][Math.min(r, s)] = value;
  };

  const fresh = own.filter((r) => r >= first);
  const before = own.filter((r) => r < first);
  await gramOfParts(
    { factored, products: source.products, signal: source.signal },
    { fresh: fresh.map(rowOf), before: before.map(rowOf) },
    (r, s, value) => put(fresh[r], s < before.length ? before[s] : fresh[s - before.length], value),
  );
  for (const w of whole) {
    const row = (places[w] as { readonly whole: Float64Array }).whole;
    const others = w >= first ? own : fresh;
    const values = await timesParts({ source, factored }, row, others.map(rowOf));
    for (const [k, r] of others.entries()) put(w, r, values[k]);
    if (w < first) continue;
    for (const other of whole.filter((r) => r <= w)) {
      put(w, other, dot(row, (places[other] as { readonly whole: Float64Array }).whole));
    }
  }
}

/** Products of the chosen rows with a vector over theta. */
async function product(
  { source, factored, places }: ShortRows,
  v: Float64Array,
  chosen: Int32Array,
): Promise<Float64Array> {
  const own: number[] = [];
  for (const r of chosen) {
    const place = places[r];
    if ("factored" in place) own.push(place.factored);
  }
  const values = await timesParts({ source, factored }, v, own);
  let next = 0;
  return Float64Array.from(chosen, (r) => {
    const place = places[r];
    if ("square" in place) return 0;
    return "whole" in place ? dot(place.whole, v) : values[next++];
  });
}

/** Products of rows kept in parts with a vector: a weight's is what it makes of the image, times the gradient there. */
async function timesParts(
  { source, factored }: Pick<ShortRows, "source" | "factored">,
  v: Float64Array,
  rows: readonly number[],
): Promise<Float64Array> {
  const values = factors.timesVector(factored, v)(rows);
  const sites = [...bySite(factored, rows)];
  for (const slice of slicesOf(factored)) {
    const weight = v.subarray(slice.offset, slice.offset + slice.size);
    const size = slice.filters * slice.pixels;
    for (const some of sitesTogether(slice, sites)) {
      throwIfAborted(source.signal);
      const columns = some.map(([site]) => columnsAt(factored, site, slice));
      const made = await source.products.forward(columns, weight);
      for (const [i, [, own]] of some.entries()) {
        const here = made.subarray(i * size, (i + 1) * size);
        for (const k of own) values[k] += dotMixed(deltaOf(factored, rows[k], slice), here);
      }
    }
  }
  return values;
}

/** A' lambda: one product of the sites' summed gradients with their columns, a layer and some sites. */
async function expand(
  { source, factored, places }: ShortRows,
  weights: Float64Array,
): Promise<Float64Array> {
  const total = new Float64Array(source.network.theta0.length);
  const sum = factors.sumInto(factored, total);
  const used: number[] = [];
  const scales: number[] = [];
  for (const [r, weight] of weights.entries()) {
    const place = places[r];
    if (weight === 0) continue;
    if ("whole" in place) addScaled(total, weight, place.whole);
    else if ("factored" in place) {
      sum.add(weight, place.factored);
      used.push(place.factored);
      scales.push(weight);
    }
  }
  sum.end();
  const sites = [...bySite(factored, used)];
  for (const slice of slicesOf(factored)) {
    for (const some of sitesTogether(slice, sites)) {
      throwIfAborted(source.signal);
      const columns = some.map(([site]) => columnsAt(factored, site, slice));
      const summed = some.map(([, own]) => {
        const delta = new Float64Array(slice.filters * slice.pixels);
        for (const k of own) addScaled(delta, scales[k], deltaOf(factored, used[k], slice));
        return delta;
      });
      const made = await source.products.gradient(columns, sideBySide(summed, slice.filters));
      addScaled(total, 1, made, made.length, slice.offset);
    }
  }
  return total;
}

/** Matrices of so many rows, row-major, as one. */
function sideBySide(matrices: readonly Float64Array[], rows: number): Float64Array {
  const width = matrices[0].length / rows;
  const all = new Float64Array(matrices.length * matrices[0].length);
  for (const [i, matrix] of matrices.entries()) {
    for (let r = 0; r < rows; r++) {
      const row = matrix.subarray(r * width, (r + 1) * width);
      all.set(row, (r * matrices.length + i) * width);
    }
  }
  return all;
}
