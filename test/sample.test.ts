// The interval against its defining equation, and the sample against what balanced means.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wilsonInterval } from "../src/attack/interval.ts";
import { sample } from "../src/attack/sample.ts";
import { type Dataset, gather, slice } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";

describe("Wilson's interval", () => {
  it("ends where (k/n - p)^2 = z^2 p (1 - p) / n, on both sides of k/n", () => {
    const z = 1.959963984540054;
    const counts = fc
      .integer({ min: 1, max: 100_000 })
      .chain((n) => fc.record({ n: fc.constant(n), k: fc.integer({ min: 0, max: n }) }));
    fc.assert(
      fc.property(counts, ({ k, n }) => {
        const [low, high] = wilsonInterval(k, n);
        for (const p of [low, high]) {
          expect((k / n - p) ** 2).toBeCloseTo((z * z * p * (1 - p)) / n, 14);
          expect(p >= 0 && p <= 1).toBe(true);
        }
        expect(low <= k / n && k / n <= high && low < high).toBe(true);
      }),
    );
  });

  it("is [0, z^2 / (n + z^2)] for none of n, and the mirror image for all", () => {
    const z2 = 1.959963984540054 ** 2;
    for (const n of [1, 20, 1000]) {
      const [low, high] = wilsonInterval(0, n);
      expect(low).toBe(0);
      expect(high).toBeCloseTo(z2 / (n + z2), 14);
      expect(wilsonInterval(n, n)[1]).toBe(1);
      for (const k of [0, 1, n]) {
        const [a, b] = wilsonInterval(k, n);
        const [c, d] = wilsonInterval(n - k, n);
        expect(1 - b).toBeCloseTo(c, 14);
        expect(1 - a).toBeCloseTo(d, 14);
      }
    }
  });

  it("covers the true share in 95 % of binomial samples, near enough", () => {
    // Exact coverage: the probabilities of the k whose interval holds p. Wilson's lies near 95 %.
    const [n, p] = [200, 0.3];
    let [covered, probability] = [0, (1 - p) ** n];
    for (let k = 0; k <= n; k++) {
      const [low, high] = wilsonInterval(k, n);
      if (low <= p && p <= high) covered += probability;
      probability *= ((n - k) / (k + 1)) * (p / (1 - p));
    }
    expect(covered).toBeGreaterThan(0.93);
    expect(covered).toBeLessThan(0.97);
  });
});

/** Images of one pixel that holds its index. */
const numbered = (labels: readonly number[]): Dataset => ({
  name: "numbered",
  shape: [1],
  count: labels.length,
  pixels: Float32Array.from(labels.keys()),
  labels: Int32Array.from(labels),
});

describe("a sample", () => {
  const labelled = fc.array(fc.constantFrom(0, 1, 3, 7), { minLength: 1, maxLength: 60 });

  it("has of each label its share of the data, less than one image off, in a seeded order", () => {
    fc.assert(
      fc.property(labelled, fc.integer({ min: 1, max: 60 }), fc.nat(9), (labels, limit, seed) => {
        const data = numbered(labels);
        const part = sample(data, { limit, seed });
        const of = Math.min(limit, labels.length);
        expect(new Set(part.pixels).size).toBe(of);
        for (const [i, id] of part.pixels.entries()) expect(part.labels[i]).toBe(labels[id]);
        for (const kind of new Set(labels)) {
          const there = labels.filter((label) => label === kind).length;
          const taken = part.labels.filter((label) => label === kind).length;
          expect(Math.abs(taken - (there * of) / labels.length)).toBeLessThan(1);
        }
        expect(sample(data, { limit, seed })).toEqual(part);
      }),
    );
  });

  it("that is balanced has floor(N / k) images of each label that has them, none twice", () => {
    fc.assert(
      fc.property(labelled, fc.integer({ min: 1, max: 60 }), fc.nat(9), (labels, limit, seed) => {
        const data = numbered(labels);
        const part = sample(data, { limit, seed, balanced: true });
        expect(part.count).toBe(Math.min(limit, labels.length));
        const ids = [...part.pixels];
        expect(new Set(ids).size).toBe(part.count);
        for (const [i, id] of ids.entries()) expect(part.labels[i]).toBe(labels[id]);
        if (limit < labels.length) expect([...part.source!]).toEqual(ids);
        const kinds = [...new Set(labels)];
        const share = Math.floor(limit / kinds.length);
        for (const kind of kinds) {
          const there = labels.filter((label) => label === kind).length;
          const taken = part.labels.filter((label) => label === kind).length;
          expect(taken).toBeGreaterThanOrEqual(Math.min(share, there));
        }
        expect(sample(data, { limit, seed, balanced: true })).toEqual(part);
      }),
    );
  });

  it("depends on the seed, says what it is, and counts from the unsliced data", async () => {
    const digits = await openData("digits:test[100:400]");
    const part = sample(digits, { limit: 50, seed: 3, balanced: true });
    expect(part.note).toBe("a sample of 50 of 300 images, 5 of each label (seed 3)");
    expect(sample(digits, { limit: 50, seed: 4, balanced: true }).source).not.toEqual(part.source);
    expect(part.pixels).toEqual(gather(await openData("digits:test"), part.source!));
    expect(sample(digits, { limit: 53, seed: 3, balanced: true }).note).toMatch(
      /, 5 to \d of each label/,
    );
    expect(sample(digits, { limit: 300 })).toBe(digits);
  });

  it("of a sample, or of points, still names the original images", () => {
    const data = slice(numbered(Array.from({ length: 40 }, (_, i) => i % 4)), 8, 40);
    const points = { ...data, clean: data.pixels as Float32Array };
    const balanced = true;
    const part = sample(sample(points, { limit: 16 }), { limit: 8, balanced });
    expect([...part.source!]).toEqual([...part.pixels]);
    expect(part.clean).toEqual(part.pixels);
    expect(part.note).toMatch(
      /^a sample of 16 of 32 images, by the labels' shares \(seed 0\); a sample of 8 of 16 images, 2 of/,
    );
  });
});
