// Who is attacked and who judges: turns are fair, and no image that judges is ever attacked for cuts.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Dataset, gather, slice } from "../src/data/dataset.ts";
import { draw, splitOf } from "../src/run/robust/draws.ts";
import { randomStream } from "../src/tensor/random.ts";
import { noise } from "./helpers/small.ts";

describe("draws", () => {
  it("take every item equally often, up to one, at any time", () => {
    const counts = fc.integer({ min: 1, max: 30 });
    fc.assert(
      fc.property(counts, counts, counts, fc.nat(99), (size, n, draws, seed) => {
        const items = Int32Array.from({ length: size }, (_, i) => 7 * i + 3);
        const order = (round: number) => randomStream(seed, round).permutation(size);
        const times = new Map([...items].map((item) => [item, 0]));
        for (let k = 1; k <= draws; k++) {
          const drawn = draw(items, n, k, order);
          expect(drawn).toHaveLength(Math.min(n, size));
          for (const item of drawn) times.set(item, times.get(item)! + 1);
          const all = [...times.values()];
          expect(Math.max(...all) - Math.min(...all)).toBeLessThan(2);
        }
        expect(times.size).toBe(size);
      }),
    );
  });

  it("go through the items in the given order, and in the next round in the next", () => {
    const orders = [Int32Array.of(2, 0, 1), Int32Array.of(1, 2, 0)];
    const drawn = [1, 2, 3].flatMap((k) => [
      ...draw(Int32Array.of(5, 6, 7), 2, k, (r) => orders[r]),
    ]);
    expect(drawn).toEqual([7, 5, 6, 6, 7, 5]);
  });
});

const seedOne = { random: undefined, judged: 1000, seed: 1 };
const data: Dataset = noise(50, 1, [1, 2, 2]);
const imagesIn = (set: Dataset, ids: Int32Array): string[] =>
  [...ids].map((id) => gather(set, Int32Array.of(id)).join());

describe("sources and judges", () => {
  it("are different images of D: a fifth at most judges, the rest or the first N are attacked", () => {
    const least = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(
        least,
        fc.option(least, { nil: undefined }),
        least,
        fc.nat(99),
        (judged, random, count, seed) => {
          const some = slice(data, 0, Math.max(2, Math.min(count, data.count)));
          fc.pre(random === undefined || random < some.count);
          const { sources, judging } = splitOf(some, some, { random, judged, seed });
          const all = new Set([...sources, ...judging]);
          expect(all.size).toBe(sources.length + judging.length);
          expect([...all].every((id) => id >= 0 && id < some.count)).toBe(true);
          const most = Math.min(judged, Math.ceil(some.count / 5));
          expect(judging.length).toBeGreaterThan(0);
          expect(judging.length).toBeLessThanOrEqual(most);
          if (random === undefined) expect(all.size).toBe(some.count);
          else expect(sources.length).toBe(random);
        },
      ),
    );
  });

  it("are as many as asked for, or refused", () => {
    const ask = (random: number) => () => splitOf(data, data, { ...seedOne, random });
    expect(ask(49)().sources).toHaveLength(49);
    expect(ask(50)).toThrow("given 50, but noise 1 holds 50 images, and one at least must judge");
    const other = noise(60, 3, [1, 2, 2]);
    expect(() => splitOf(data, other, { ...seedOne, random: 61 })).toThrow("give at most 60");
  });

  it("are chosen by the seed", () => {
    const split = (seed: number) => splitOf(data, data, { ...seedOne, seed });
    expect(split(1)).toEqual(split(1));
    expect(split(1)).not.toEqual(split(2));
  });

  it("are different images where the sources are a set of their own that has some of D's", () => {
    // The same pixels, opened anew as floats; others before them.
    const others = noise(5, 2, [1, 2, 2]);
    const some: Dataset = {
      ...others,
      count: 45,
      pixels: Float32Array.from([...others.pixels, ...slice(data, 0, 40).pixels]),
      labels: Int32Array.from([...others.labels, ...data.labels.slice(0, 40)]),
    };
    const { sources, judging } = splitOf(data, some, seedOne);
    expect([...sources].toSorted((a, b) => a - b)).toEqual([...some.labels.keys()]);
    const attacked = imagesIn(some, sources);
    expect(judging).toHaveLength(10);
    for (const image of imagesIn(data, judging)) expect(attacked).not.toContain(image);
    expect(splitOf(data, some, { ...seedOne, random: 7 }).sources).toHaveLength(7);
  });

  it("are refused where there is no image for both", () => {
    const one = slice(data, 0, 1);
    expect(() => splitOf(one, one, seedOne)).toThrow(/\[0:1\]: 1 image;.*\ngive at least 2$/);
    expect(() => splitOf(data, { ...data }, seedOne)).toThrow(/holds every image .* none is left/);
  });
});
