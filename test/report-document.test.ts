// What the page is given: pictures come back as they went in, and what is counted is counted right.
import { describe, expect, it } from "vitest";
import { confusionOf } from "../src/report/confusion.ts";
import { BINS } from "../src/report/document.ts";
import { differenceOf, pixelsOf } from "../src/report/page/pixels.ts";
import { picturesOf } from "../src/report/pictures.ts";
import { stepOf } from "../src/report/steps.ts";
import { randomStream } from "../src/tensor/random.ts";

const random = randomStream(7, 0);
const uniform = (length: number, scale = 1): Float32Array =>
  Float32Array.from({ length }, () => scale * random.uniform());
const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.below(256));

/** Every picture in pixel units, one after the other. */
function unpacked(pictures: NonNullable<ReturnType<typeof picturesOf>>, of: "pixels" | "clean") {
  const [low, high] = pictures.range;
  return pictures.images.flatMap((_, k) =>
    [...pixelsOf(pictures[of]!, pictures, k)].map((v) => low + v * (high - low)),
  );
}

/** The same image with its channels side by side. */
const interleaved = (pixels: ArrayLike<number>, channels: number, size: number): number[] =>
  Array.from({ length: pixels.length }, (_, at) => {
    const [image, i] = [Math.floor(at / (size * channels)), at % (size * channels)];
    return pixels[image * size * channels + (i % channels) * size + Math.floor(i / channels)];
  });

const farthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((v, i) => Math.abs(v - b[i])));

describe("pictures", () => {
  const images = [0, 1, 2, 3, 4];

  it("of bytes come back exactly, at a byte a number", () => {
    const pixels = bytes(5 * 3 * 7 * 4);
    const pictures = picturesOf({ shape: [3, 7, 4], pixels }, { images, budget: 1e6 })!;
    expect(pictures).toMatchObject({ rows: 7, columns: 4, channels: 3, range: [0, 1] });
    expect(pictures.pixels).toMatchObject({ bits: 8 });
    const wanted = interleaved(pixels, 3, 28);
    expect(unpacked(pictures, "pixels").map((v) => Math.round(v * 255))).toEqual(wanted);
    expect(
      farthest(
        unpacked(pictures, "pixels"),
        wanted.map((v) => v / 255),
      ),
    ).toBeLessThan(1e-12);
  });

  it("of an attack come back within half a step of 16 bits, their bytes before it exactly", () => {
    const before = bytes(5 * 48);
    const clean = Float32Array.from(before, (v) => v / 255);
    const pixels = clean.map((v) => v + 0.2 * random.uniform() - 0.1);
    const pictures = picturesOf({ shape: [3, 4, 4], pixels, clean }, { images, budget: 1e6 })!;
    const [low, high] = pictures.range;
    const wanted = interleaved(pixels, 3, 16);
    expect(farthest(unpacked(pictures, "pixels"), wanted)).toBeLessThan((high - low) / 131_000);
    const clipped = pixels.map((v) => Math.min(1, Math.max(0, v)));
    const inside = picturesOf(
      { shape: [3, 4, 4], pixels: clipped, clean },
      { images, budget: 1e6 },
    )!;
    expect([inside.pixels.bits, inside.clean!.bits]).toEqual([16, 8]);
    expect(unpacked(inside, "clean").map((v) => Math.round(v * 255))).toEqual(
      interleaved(before, 3, 16),
    );
  });

  it("are as many as the budget of bytes holds, and at least one", () => {
    const pixels = uniform(5 * 16);
    const of = (budget: number, clean?: Float32Array) =>
      picturesOf({ shape: [4, 4], pixels, clean }, { images: [4, 2, 0], budget })!.images;
    expect(of(48)).toEqual([4, 2, 0]);
    expect(of(47)).toEqual([4, 2]);
    expect(of(1)).toEqual([4]);
    expect(of(4 * 32, uniform(5 * 16))).toEqual([4, 2]);
  });

  it("too large become means, and say so; a list of numbers is none", () => {
    const pixels = Float32Array.from({ length: 224 * 224 }, (_, i) => (i % 2 === 0 ? 0.25 : 0.75));
    const pictures = picturesOf({ shape: [1, 224, 224], pixels }, { images: [0], budget: 1e6 })!;
    expect(pictures).toMatchObject({ rows: 112, columns: 112, scaledFrom: [224, 224] });
    expect(farthest(unpacked(pictures, "pixels"), Array(112 * 112).fill(0.5))).toBeLessThan(
      1 / 500,
    );
    expect(picturesOf({ shape: [6], pixels: uniform(6) }, { images: [0], budget: 99 })).toBe(
      undefined,
    );
  });
});

describe("the difference of two pictures", () => {
  const before = Float64Array.from([0.5, 0.5, 0.5, 0.2]);

  it("is grey where nothing changed, and as bright as the gain says elsewhere", () => {
    const { gain, pixels } = differenceOf(before, Float64Array.from([0.5, 0.6, 0.4, 0.25]))!;
    expect(gain).toBe(5);
    expect(farthest([...pixels], [0.5, 1, 0, 0.75])).toBeLessThan(1e-9);
  });

  it("is undefined where nothing changed", () => {
    expect(differenceOf(before, before)).toBe(undefined);
  });
});

describe("confusions", () => {
  it("are those of a count over all pairs of labels", () => {
    const n = 400;
    const labels = (from: number) =>
      Int32Array.from({ length: n }, () => from + random.below(4 - from));
    const [y, before, after] = [labels(0), labels(-1), labels(-1)];
    const { confusion, flipped } = confusionOf({ y, before, after });
    const times = (answers: Int32Array, label: number, answer: number): number =>
      [...y.keys()].filter((i) => y[i] === label && answers[i] === answer).length;
    const wanted = [0, 1, 2, 3].flatMap((label) =>
      [-1, 0, 1, 2, 3]
        .filter((answer) => answer !== label)
        .map((answer) => [
          label,
          answer,
          times(before, label, answer),
          times(after, label, answer),
        ]),
    );
    const sorted = (rows: readonly (readonly number[])[]) =>
      rows.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
    expect(sorted(confusion)).toEqual(sorted(wanted.filter(([, , b, a]) => b + a > 0)));
    expect(flipped.map(([i]) => i)).toEqual(
      [...y.keys()].filter((i) => before[i] === y[i] && after[i] !== y[i]),
    );
  });
});

describe("a step", () => {
  it("is counted in bins of its sizes, and by tensor", () => {
    const theta0 = new Float32Array(200);
    const theta = Float32Array.from({ length: 200 }, (_, i) =>
      i % 4 === 0 ? 0 : (i % 2 === 0 ? 1 : -1) * 10 ** (-6 * random.uniform()),
    );
    const layers = [
      { offset: 0, size: 50 },
      { offset: 50, size: 150 },
    ];
    const step = stepOf(theta, { iteration: 3, theta0, layers });
    expect(step).toMatchObject({ iteration: 3, moved: 150, weights: 200 });
    const { from, counts } = step.changes;
    const edge = (i: number): number => 10 ** (from + i / BINS);
    for (const [i, counted] of counts.entries()) {
      const inside = theta.filter((v) => Math.abs(v) >= edge(i) && Math.abs(v) < edge(i + 1));
      expect(counted, `from ${edge(i)}`).toBe(inside.length);
    }
    expect(counts.reduce((a, b) => a + b)).toBe(150);
    const norm = (values: Float32Array): number => Math.hypot(...values);
    const wanted = layers.map(({ offset, size }) => norm(theta.subarray(offset, offset + size)));
    expect(farthest([...step.norms], wanted)).toBeLessThan(1e-3);
  });

  it("of nothing has no bins; the smallest changes share one", () => {
    const theta0 = new Float32Array(3);
    const layers = [{ offset: 0, size: 3 }];
    expect(stepOf(theta0, { iteration: 1, theta0, layers }).changes.counts).toEqual([]);
    const theta = Float32Array.from([1e-20, 1e-12, 0]);
    expect(stepOf(theta, { iteration: 1, theta0, layers })).toMatchObject({
      moved: 2,
      changes: { from: -10, counts: [2] },
    });
  });
});
