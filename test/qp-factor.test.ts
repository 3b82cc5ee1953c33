// The parts below the QP solver: dense rows, kept Gram columns, the updated Cholesky factor.
import { describe, expect, it } from "vitest";
import { emptyCholesky } from "../src/qp/cholesky.ts";
import { denseRows } from "../src/qp/dense-rows.ts";
import { gramCache, plusColumns } from "../src/qp/gram-cache.ts";
import { randomStream } from "../src/tensor/random.ts";
import { dot } from "../src/tensor/vector.ts";
import { countedRows } from "./helpers/counted-rows.ts";

const random = randomStream(3);
const vector = (n: number): Float64Array => Float64Array.from({ length: n }, random.normal);
const all = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

describe("denseRows", () => {
  const rows = denseRows(7);
  const raw = Array.from({ length: 6 }, () => vector(7));
  for (const row of raw) rows.addRow(row);

  it("multiplies, combines and gives a Gram matrix symmetric to the bit", () => {
    const v = vector(7);
    const lambda = vector(6);
    const close = (a: number, b: number): void => expect(a).toBeCloseTo(b, 12);
    for (const [i, value] of rows
      .times(v)(Int32Array.of(2, 3, 4, 5))
      .entries())
      close(value, dot(raw[i + 2], v));
    close(dot(rows.combine(lambda), v), dot(lambda, rows.times(v)(all(6))));
    const gram = rows.gram(all(6), all(6));
    for (let r = 0; r < 6; r++) {
      for (let s = 0; s < 6; s++) {
        close(gram[r * 6 + s], dot(raw[r], raw[s]));
        expect(gram[r * 6 + s]).toBe(gram[s * 6 + r]);
      }
    }
  });

  it("refuses a row of another length", () => {
    expect(() => rows.addRow(vector(8))).toThrow("row 6: 8 entries given, 7 expected");
  });
});

describe("gramCache", () => {
  it("computes each entry once while the rows grow, with the bits of a fresh computation", () => {
    const rows = denseRows(9);
    for (let i = 0; i < 10; i++) rows.addRow(vector(9));
    const counted = countedRows(rows);
    const cache = gramCache(counted);
    const first = cache.among(all(10));
    first.column(4);
    expect(counted.asked).toBe(10);
    first.column(4);
    first.column(7);
    expect(counted.asked).toBe(10 + 9); // (4, 7) is (7, 4)
    for (let i = 0; i < 5; i++) rows.addRow(vector(9));
    const grown = cache.among(all(15));
    grown.column(12);
    expect(counted.asked).toBe(19 + 15);
    grown.column(4);
    expect(counted.asked).toBe(34 + 4); // the new rows without 12
    for (const j of [4, 7, 12]) {
      expect(grown.column(j)).toEqual(rows.gram(all(15), Int32Array.of(j)));
    }
    const some = Int32Array.of(13, 4, 8);
    const few = cache.among(some);
    expect(few.column(1)).toEqual(rows.gram(some, Int32Array.of(4)));
    expect(few.column(0)).toEqual(rows.gram(some, Int32Array.of(13)));
    expect(counted.asked).toBe(38 + 4 + 2); // the new rows of column 7; (13, 8) and (13, 13)
    expect(cache.squares()).toEqual(Float64Array.from(all(15), (i) => grown.column(i)[i]));
  });

  it("adds columns", () => {
    const rows = denseRows(9);
    for (let i = 0; i < 10; i++) rows.addRow(vector(9));
    const weights = vector(10);
    const gram = gramCache(rows).among(all(10));
    const product = plusColumns(new Float64Array(10), gram, [...all(10)], weights);
    const expected = rows.times(rows.combine(weights))(all(10));
    for (let i = 0; i < 10; i++) expect(product[i]).toBeCloseTo(expected[i], 11);
  });
});

describe("emptyCholesky", () => {
  it("solves with G_WW after rows have come and gone in any order", () => {
    const p = 40;
    const rows = denseRows(p);
    for (let i = 0; i < 200; i++) rows.addRow(vector(p));
    const factor = emptyCholesky();
    const working: number[] = [];
    for (let turn = 0; turn < 200; turn++) {
      if (working.length > 5 && random.uniform() < 0.45) {
        const k = random.below(working.length);
        factor.remove(k);
        working.splice(k, 1);
      } else if (working.length < 30) {
        const g = rows.gram(Int32Array.from(working), Int32Array.of(turn));
        const l = factor.forward(g);
        factor.append(l, rows.gram(Int32Array.of(turn), Int32Array.of(turn))[0] - dot(l, l));
        working.push(turn);
      }
      expect(factor.size).toBe(working.length);
    }
    const n = working.length;
    const indices = Int32Array.from(working);
    const x = vector(n);
    const gram = rows.gram(indices, indices);
    const g = Float64Array.from(x, (_, i) => dot(gram, x, n, i * n));
    const solved = factor.backward(factor.forward(g));
    for (let i = 0; i < n; i++) expect(solved[i]).toBeCloseTo(x[i], 10);
  });
});
