// The Gram entries of rows whose convolutions are kept in parts, tile by tile.
//
// A tile is some of theta's columns: a strip of the plain entries, or some filters of a convolution. There the rows
// are written out in float64, the new ones and a few of the old ones at a time, and multiplied by one matrix product.
//
// Where a convolution has few pixels its gradients are not written out at all: those of two images have their products
// by way of the products of what their pixels see (`gradientProducts`), which rows of one image share.

import { throwIfAborted } from "../errors.ts";
import { int } from "../onnx/attributes.ts";
import type { Graph } from "../onnx/graph.ts";
import { dotFloat32 } from "../tensor/vector.ts";
import type { ColumnProducts } from "./column-products.ts";
import type { FactoredRows } from "./factored-rows.ts";
import { Session } from "./session.ts";
import { shardsOf } from "./shards.ts";
import { bySite, columnsAt, deltaOf, gramWork, type Slice, slicesOf } from "./slices.ts";

/** Bytes of the new rows' tile, and of the old rows that it is multiplied with at once. */
const TILE = 64e6;

/** Plain entries in a strip. */
const STRIP = 8192;

const graph: Graph = {
  name: "products",
  opset: 18,
  inputs: [
    { name: "A", type: "float64", dims: ["rows", "width"] },
    { name: "B", type: "float64", dims: ["columns", "width"] },
  ],
  outputs: [{ name: "G", type: "float64", dims: ["rows", "columns"] }],
  initializers: new Map(),
  nodes: [
    {
      op: "Gemm",
      name: "",
      inputs: ["A", "B"],
      outputs: ["G"],
      attributes: new Map([["transB", int(1)]]),
    },
  ],
};

/** Takes the entry of the r-th new row with the s-th of the old rows and then the new ones, s up to r's own place. */
type Put = (r: number, s: number, value: number) => void;

interface Work {
  readonly factored: FactoredRows;
  readonly products: ColumnProducts;
  readonly signal?: AbortSignal | undefined;
}

/** Rows by their place among the factored ones. */
interface Chosen {
  readonly fresh: readonly number[];
  readonly before: readonly number[];
}

/** Makes the entries of each fresh row with the rows before, and with the fresh ones up to itself. */
export async function gramOfParts(work: Work, chosen: Chosen, put: Put): Promise<void> {
  const { fresh, before } = chosen;
  if (fresh.length === 0) return;
  const total = fresh.map((_, r) => new Float64Array(before.length + r + 1));
  addDense(work.factored, chosen, total);
  const session = await Session.create(graph, { device: "cpu" });
  try {
    const strips = shardsOf(work.factored.width, STRIP);
    for (const { from, to } of work.factored.width === 0 ? [] : strips) {
      const tile = (rows: readonly number[]) => stripOf(work.factored, rows, from, to);
      await addTile({ ...work, session }, chosen, { width: to - from, tile }, total);
    }
    for (const slice of slicesOf(work.factored)) {
      if (isCheaperBySite(work.factored, chosen, slice)) {
        await addBySites(work, chosen, slice, total);
        continue;
      }
      const inner = slice.size / slice.filters;
      const filters = Math.max(1, Math.floor(TILE / (8 * inner * fresh.length)));
      for (const { from, to } of shardsOf(slice.filters, filters)) {
        const tile = (rows: readonly number[]) => filtersOf(work, rows, { slice, from, to });
        const width = (to - from) * inner;
        await addTile({ ...work, session }, chosen, { width, tile }, total);
      }
    }
  } finally {
    await session.release();
  }
  for (const [r, values] of total.entries()) for (const [s, v] of values.entries()) put(r, s, v);
}

/** Adds the entries of the dense layers: (delta_r . delta_s)(a_r . a_s), the latter once for two sites. */
function addDense(
  { rows, sites }: FactoredRows,
  { fresh, before }: Chosen,
  total: readonly Float64Array[],
): void {
  const overlaps = new Map<string, readonly number[]>();
  const overlapOf = (a: number, c: number): readonly number[] => {
    const key = `${a} ${c}`;
    const known = overlaps.get(key);
    const made = known ?? sites[a].map((own, t) => dotFloat32(own, sites[c][t]));
    if (known === undefined) overlaps.set(key, made);
    return made;
  };
  const all = [...before, ...fresh];
  for (const [r, values] of total.entries()) {
    const row = rows[fresh[r]];
    for (let s = 0; s < values.length; s++) {
      const other = rows[all[s]];
      const overlap = overlapOf(row.site, other.site);
      for (const [t, delta] of row.deltas.entries()) {
        values[s] += dotFloat32(delta, other.deltas[t]) * overlap[t];
      }
    }
  }
}

/** Some columns of theta, and the rows written out there, row-major [rows x width]. */
interface Tile {
  readonly width: number;
  tile(rows: readonly number[]): Float64Array | Promise<Float64Array>;
}

/** Adds the products over a tile. */
async function addTile(
  { session, signal }: Work & { readonly session: Session },
  { fresh, before }: Chosen,
  { width, tile }: Tile,
  total: readonly Float64Array[],
): Promise<void> {
  const own = await tile(fresh);
  const n = fresh.length;
  const times = async (others: Float64Array, m: number, at: number): Promise<void> => {
    throwIfAborted(signal);
    const outputs = await session.runDouble({
      A: { dims: [n, width], data: own },
      B: { dims: [m, width], data: others },
    });
    const { data } = outputs.get("G")!;
    for (const [r, values] of total.entries()) {
      const end = Math.min(m, values.length - at);
      for (let s = 0; s < end; s++) values[at + s] += data[r * m + s];
    }
  };
  const most = Math.max(1, Math.floor(TILE / (8 * width)));
  for (const { from, to } of before.length === 0 ? [] : shardsOf(before.length, most)) {
    await times(await tile(before.slice(from, to)), to - from, from);
  }
  await times(own, n, before.length);
}

/** Whether fewer operations are needed where no gradient of a slice is written out. */
function isCheaperBySite(factored: FactoredRows, { fresh, before }: Chosen, slice: Slice): boolean {
  const rows = { fresh: fresh.length, all: before.length + fresh.length };
  const own = bySite(factored, fresh).size;
  const sites = bySite(factored, [...before, ...fresh]).size;
  const { bySites, written } = gramWork(slice, { ...rows, own, sites });
  return bySites < written;
}

/** Adds the products over a slice, of the rows of some sites with those of another at a time. */
async function addBySites(
  { factored, products, signal }: Work,
  { fresh, before }: Chosen,
  slice: Slice,
  total: readonly Float64Array[],
): Promise<void> {
  const all = [...before, ...fresh];
  const own = [...bySite(factored, fresh)];
  const most = Math.max(...own.map(([, rows]) => rows.length));
  const size = slice.filters * slice.pixels;
  const deltas = (rows: readonly number[]): Float64Array => {
    const together = new Float64Array(rows.length * size);
    for (const [i, row] of rows.entries()) together.set(deltaOf(factored, row, slice), i * size);
    return together;
  };
  const bytes = 8 * (slice.pixels * (slice.size / slice.filters) + 2 * most * size);
  for (const { from, to } of shardsOf(own.length, Math.max(1, Math.floor(TILE / bytes)))) {
    const sites = own.slice(from, to);
    const g = new Float64Array(sites.length * most * size);
    for (const [i, [, rows]] of sites.entries()) {
      g.set(deltas(rows.map((r) => fresh[r])), i * most * size);
    }
    const columns = sites.map(([site]) => columnsAt(factored, site, slice));
    const here = await products.ready(columns, g);
    for (const [site, others] of bySite(factored, all)) {
      throwIfAborted(signal);
      const h = deltas(others.map((s) => all[s]));
      const made = await products.gradients(here, columnsAt(factored, site, slice), h);
      for (const [i, [, rows]] of sites.entries()) {
        for (const [k, r] of rows.entries()) {
          const at = (i * most + k) * others.length;
          // An entry of a new row with a later one is that one's.
          for (const [j, s] of others.entries())
            if (s < total[r].length) total[r][s] += made[at + j];
        }
      }
    }
  }
}

/** Plain entries of rows. */
function stripOf(
  { rows }: FactoredRows,
  chosen: readonly number[],
  from: number,
  to: number,
): Float64Array {
  const strip = new Float64Array(chosen.length * (to - from));
  for (const [k, r] of chosen.entries())
    strip.set(rows[r].plain.subarray(from, to), k * (to - from));
  return strip;
}

/** The gradients of rows in some filters of a convolution's group, made of its parts. */
async function filtersOf(
  { factored, products, signal }: Work,
  chosen: readonly number[],
  { slice, from, to }: { readonly slice: Slice; readonly from: number; readonly to: number },
): Promise<Float64Array> {
  const width = ((to - from) * slice.size) / slice.filters;
  const size = (to - from) * slice.pixels;
  const tile = new Float64Array(chosen.length * width);
  for (const [site, own] of bySite(factored, chosen)) {
    throwIfAborted(signal);
    const deltas = new Float64Array(own.length * size);
    for (const [i, k] of own.entries())
      deltas.set(deltaOf(factored, chosen[k], slice, from, to), i * size);
    const made = await products.gradient([columnsAt(factored, site, slice)], deltas);
    for (const [i, k] of own.entries())
      tile.set(made.subarray(i * width, (i + 1) * width), k * width);
  }
  return tile;
}
