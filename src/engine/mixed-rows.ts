// Rows of two kinds in one order: gradients at one image as factors (factored-rows.ts), and rows that are given whole.
import type { CutRows } from "../qp/rows.ts";
import { addScaled, dot } from "../tensor/vector.ts";
import * as factors from "./factored-rows.ts";

/** Where a row lies: among the factored ones, or whole, float64 [p]; of one that is forgotten, its square is known. */
export type Place =
  | { readonly factored: number }
  | { readonly whole: Float64Array }
  | { readonly square: number };

export interface MixedRows {
  readonly factored: factors.FactoredRows;
  readonly places: Place[];
  /** The products with each whole row that was asked for: what the rows of a site share is made once. */
  readonly timesWhole: Map<number, ReturnType<CutRows["times"]>>;
}

/** Values of chosen rows: the factored ones together, since they share work, the whole ones each by itself. */
function each(
  { places }: MixedRows,
  chosen: Int32Array,
  ofFactored: (rows: readonly number[]) => Float64Array,
  ofWhole: (row: Float64Array, r: number) => number,
): Float64Array {
  const rows: number[] = [];
  for (const r of chosen) {
    const place = places[r];
    if ("factored" in place) rows.push(place.factored);
  }
  const values = ofFactored(rows);
  let next = 0;
  return Float64Array.from(chosen, (r) => {
    const place = places[r];
    if ("square" in place) return 0;
    return "factored" in place ? values[next++] : ofWhole(place.whole, r);
  });
}

/** As `CutRows.times`. */
export function times(store: MixedRows, v: Float64Array): ReturnType<CutRows["times"]> {
  const ofFactored = factors.timesVector(store.factored, v);
  return (chosen) => each(store, chosen, ofFactored, (row) => dot(row, v));
}

/** As `CutRows.gram`. */
export function gram(store: MixedRows, wanted: Int32Array, columns: Int32Array): Float64Array {
  const block = new Float64Array(wanted.length * columns.length);
  for (const [c, s] of columns.entries()) {
    const values = column(store, wanted, s);
    for (let r = 0; r < wanted.length; r++) block[r * columns.length + c] = values[r];
  }
  return block;
}

function column(store: MixedRows, wanted: Int32Array, s: number): Float64Array {
  const place = store.places[s];
  if ("square" in place) return Float64Array.from(wanted, (r) => (r === s ? place.square : 0));
  if ("whole" in place) return wholeColumn(store, wanted, s, place.whole);
  return each(
    store,
    wanted,
    (rows) => factors.timesRow(store.factored, place.factored, rows),
    // The same call as makes the entry (s, r), so that the matrix is symmetric to the bit.
    (row, r) => wholeColumn(store, Int32Array.of(s), r, row)[0],
  );
}

function wholeColumn(
  store: MixedRows,
  wanted: Int32Array,
  s: number,
  row: Float64Array,
): Float64Array {
  const known = store.timesWhole.get(s) ?? times(store, row);
  store.timesWhole.set(s, known);
  return known(wanted);
}

/** As `CutRows.combine`, of vectors of length p. */
export function combine(
  { factored, places }: MixedRows,
  weights: Float64Array,
  p: number,
): Float64Array {
  const total = new Float64Array(p);
  const sum = factors.sumInto(factored, total);
  for (const [r, place] of places.entries()) {
    if (weights[r] === 0) continue;
    if ("factored" in place) sum.add(weights[r], place.factored);
    else if ("whole" in place) addScaled(total, weights[r], place.whole);
  }
  sum.end();
  return total;
}

/** Forgets rows; the numbers of the others stay. */
export function drop(
  { factored, places }: Pick<MixedRows, "factored" | "places">,
  rows: readonly number[],
  squareOf: (r: number) => number,
): void {
  for (const r of rows) {
    const place = places[r];
    places[r] = { square: squareOf(r) };
    if ("factored" in place) factors.forget(factored, place.factored);
  }
}

/** Bytes that the rows hold, and with them the plain entries of the whole ones, as products take them. */
export const bytesOf = ({ factored, places, timesWhole }: MixedRows): number =>
  places.reduce(
    (sum, place) => sum + ("whole" in place ? place.whole.byteLength : 0),
    factors.bytesOf(factored) + Float64Array.BYTES_PER_ELEMENT * factored.width * timesWhole.size,
  );
