// Datasets in memory: slices, batches, checks against a model, the content hash, points, digits.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkDataset,
  type Dataset,
  gather,
  hashDataset,
  imagesOf,
  slice,
} from "../src/data/dataset.ts";
import { drawDigits } from "../src/data/digits.ts";
import { type NpyArray, writeNpy } from "../src/data/npy.ts";
import { writeNpz } from "../src/data/npz.ts";
import { readPoints, writePoints } from "../src/data/points.ts";

const refusal = (code: string, text: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(text) as string }) as Error;

/** Six 1 x 1 x 2 byte images; pixel j of image i is 20 i + j. */
const bytes: Dataset = {
  name: "mnist:test",
  shape: [1, 1, 2],
  count: 6,
  pixels: Uint8Array.from({ length: 12 }, (_, i) => 20 * (i >> 1) + (i & 1)),
  labels: Int32Array.of(0, 1, 2, 0, 1, 2),
};

/** The same as attacked points: one pixel outside [0, 1], source and clean known. */
const points: Dataset = {
  ...bytes,
  name: "p.npz",
  pixels: imagesOf(bytes).fill(1.25, 3, 4),
  source: Int32Array.of(9, 8, 7, 6, 5, 4),
  clean: imagesOf(bytes),
};

describe("slices and batches", () => {
  test("gather of a slice is gather of the whole, shifted; so are labels, source and clean", () => {
    const bounds = fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 6 })).filter(([a, b]) => a < b);
    fc.assert(
      fc.property(fc.constantFrom(bytes, points), bounds, fc.nat(5), (data, [a, b], pick) => {
        const part = slice(data, a, b);
        const [inside, outside] = [pick % part.count, a + (pick % part.count)];
        expect(gather(part, Int32Array.of(inside))).toEqual(imagesOf(data, outside, outside + 1));
        expect(part.labels[inside]).toBe(data.labels[outside]);
        expect(part.source?.[inside]).toBe(data.source?.[outside]);
        expect(part.clean?.[2 * inside]).toBe(data.clean?.[2 * outside]);
        expect(part.first).toBe(a);
      }),
    );
  });

  test("byte pixels are float32(value / 255); the order of indices is kept", () => {
    expect(gather(bytes, Int32Array.of(5, 0, 5))).toEqual(
      Float32Array.of(100 / 255, 101 / 255, 0, 1 / 255, 100 / 255, 101 / 255),
    );
  });

  test("slices share memory, and a slice of a slice is named from the start", () => {
    const part = slice(slice(bytes, 1, 5), 2, 4);
    expect(part.pixels.buffer).toBe(bytes.pixels.buffer);
    expect(part.name).toBe("mnist:test[3:5]");
  });

  test.each([
    [-1, 3],
    [0, 7],
    [3, 3],
    [4, 2],
    [0.5, 2],
    [Number.NaN, 2],
  ])("slice [%s:%s] of six images is refused", (a, b) => {
    expect(() => slice(bytes, a, b)).toThrow(refusal("bad-option", "does not fit 6 images"));
  });
});

describe("checks against a model", () => {
  const model = { shape: [1, 1, 2], labels: 3 };

  test("data that fit pass", () => {
    checkDataset(bytes, model);
    checkDataset(points, model);
  });

  test.each([
    [
      "another shape",
      bytes,
      { ...model, shape: [1, 2, 1] },
      "[1,1,2], but the model takes [1,2,1]",
    ],
    ["another rank", bytes, { ...model, shape: [2] }, "the model takes [2]"],
    ["label too large", bytes, { ...model, labels: 2 }, "the label of image 2 is 2"],
    [
      "negative label",
      { ...bytes, labels: Int32Array.of(0, -1, 0, 0, 0, 0) },
      model,
      "the label of image 1 is -1",
    ],
    ["no images", { ...bytes, count: 0 }, model, "0 images of [1,1,2]"],
    [
      "pixels of another type",
      { ...points, pixels: Float64Array.from(points.pixels) as unknown as Float32Array },
      model,
      "pixels in a Float64Array",
    ],
    ["fewer labels", { ...bytes, labels: bytes.labels.slice(1) }, model, "12 pixels, 5 labels"],
    ["more pixels", { ...bytes, count: 5, labels: bytes.labels.slice(1) }, model, "5 images of"],
    ["fewer clean pixels", { ...points, clean: new Float32Array(11) }, model, "11 clean pixels"],
    [
      "NaN",
      { ...points, pixels: imagesOf(bytes).fill(Number.NaN, 9, 10) },
      model,
      "image 4 holds NaN at pixel 1",
    ],
    [
      "infinite clean pixel",
      { ...points, clean: imagesOf(bytes).fill(-Infinity, 0, 1) },
      model,
      "clean image 0 holds -Infinity at pixel 0",
    ],
  ])("refused: %s", (_, data, wanted, text) => {
    expect(() => checkDataset(data, wanted)).toThrow(refusal("data-mismatch", text));
  });
});

test("the hash sees shape, pixels, labels and element type, and nothing else", () => {
  const hash = hashDataset(bytes);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(hashDataset({ ...bytes, name: "other", source: bytes.labels, first: 3 })).toBe(hash);
  const others: Dataset[] = [
    { ...bytes, shape: [1, 2, 1] },
    { ...bytes, pixels: bytes.pixels.map((v) => v ^ 1) as Uint8Array },
    { ...bytes, labels: bytes.labels.map((v) => v + 1) },
    { ...bytes, pixels: imagesOf(bytes) },
  ];
  expect(new Set([hash, ...others.map(hashDataset)]).size).toBe(5);
});

describe("points files", () => {
  test("points come back as they were, outside [0, 1] too", () => {
    expect(readPoints(writePoints(points), "p.npz")).toEqual(points);
    expect(writePoints(points)).toEqual(writePoints(points));
  });

  test("byte images, other integers and float64 are understood", () => {
    const read = readPoints(
      writeNpz(
        new Map<string, NpyArray>([
          ["x", { type: "float64", shape: [1, 2], values: Float64Array.of(0.1, 0.2) }],
          ["y", { type: "uint8", shape: [1], values: Uint8Array.of(4) }],
          ["clean", { type: "uint8", shape: [1, 2], values: Uint8Array.of(0, 255) }],
          ["note", { type: "float64", shape: [], values: Float64Array.of(1) }],
        ]),
      ),
      "f.npz",
    );
    expect(read.pixels).toEqual(Float32Array.of(0.1, 0.2));
    expect(read.labels).toEqual(Int32Array.of(4));
    expect(read.clean).toEqual(Float32Array.of(0, 1));
  });

  const uniform = (low: number, high: number): Float32Array =>
    Float32Array.from({ length: 100 }, (_, i) => low + ((high - low) * i) / 99);
  test.each<[string, Dataset["pixels"], string | undefined]>([
    ["float bytes", uniform(0, 255).map(Math.round), "pixels reach 255: expected [0, 1]"],
    ["resized float bytes", uniform(0, 251.5), "pixels reach 251.5: expected [0, 1]"],
    ["a few grey levels", uniform(0, 16).map(Math.round), "pixels reach 16: expected [0, 1]"],
    ["bytes", Uint8Array.from(uniform(0, 255)), undefined],
    ["images in black and white", uniform(0, 1).map(Math.round), undefined],
    ["an attack that does not clip", uniform(-0.5, 1.5), undefined],
    ["normalised images", uniform(-2.1, 2.7), "they look normalised"],
    ["images in [-1, 1]", uniform(-1, 1), "they look like [-1, 1]"],
    ["bytes of 0 and 1", Uint8Array.from(uniform(0, 1), Math.round), "only 0 and 1"],
  ])("%s: noted where they seem not to be in pixel units", (_, values, note) => {
    const type = values instanceof Uint8Array ? "uint8" : "float32";
    const file = writeNpz(
      new Map([
        ["x", { type, shape: [100, 1], values } as NpyArray],
        ["y", { type: "int64", shape: [100], values: new Int32Array(100) }],
      ]),
    );
    expect(readPoints(file, "f.npz").note ?? "").toMatch(note === undefined ? /^$/ : note);
  });

  const x: NpyArray = { type: "uint8", shape: [2, 1], values: Uint8Array.of(1, 2) };
  const y: NpyArray = { type: "int64", shape: [2], values: Int32Array.of(1, 2) };
  const floats: NpyArray = { type: "float32", shape: [2], values: Float32Array.of(1, 2) };
  const halves: NpyArray = { type: "float32", shape: [2], values: Float32Array.of(0.5, 0.5, 0, 1) };
  const nan: NpyArray = { type: "float32", shape: [2], values: Float32Array.of(1, Number.NaN) };
  const negative: NpyArray = { type: "int64", shape: [2, 1], values: Int32Array.of(-1, 2) };
  test.each<[string, Record<string, NpyArray>, string]>([
    ["no x", { y }, 'holds no array "x"'],
    ["no y", { x }, 'holds no array "y"'],
    ["x not a batch", { x: floats, y }, "x is [2], not a batch of images"],
    ["x of integers that are no bytes", { x: negative, y }, "x is int64 and holds -1"],
    [
      "y of floats",
      { x, y: { ...halves, values: halves.values.slice(0, 2) } as NpyArray },
      "y is float32, and label 0 is 0.5",
    ],
    ["y of probabilities", { x, y: { ...halves, shape: [2, 2] } }, "y is [2,2], neither"],
    ["y of three axes", { x, y: { ...x, shape: [2, 1, 1] } }, "y is [2,1,1], but x has 2 images"],
    ["fewer labels", { x: { ...x, shape: [1, 2] }, y }, "y is [2], but x has 1 images"],
    ["clean of another shape", { x, y, clean: floats }, "clean is [2], but x is [2,1]"],
    ["source of floats", { x, y, source: nan }, "source is float32"],
  ])("refused: %s", (_, arrays, text) => {
    const file = writeNpz(new Map(Object.entries(arrays)));
    expect(() => readPoints(file, "f.npz")).toThrow(refusal("data-unreadable", `f.npz: ${text}`));
  });

  test("a lone .npy is not an archive", () => {
    expect(() => readPoints(writeNpy(x), "f.npz")).toThrow(refusal("data-unreadable", "f.npz"));
  });
});

describe("the built-in digits", () => {
  const train = drawDigits("train");
  const digits = drawDigits("test");

  test("the same images every time, others for train than for test", () => {
    expect(hashDataset(drawDigits("test"))).toBe(hashDataset(digits));
    const image = (data: Dataset, i: number): string =>
      Buffer.from(data.pixels.slice(784 * i, 784 * (i + 1)) as Uint8Array).toString("base64");
    const seen = new Set(Array.from({ length: train.count }, (_, i) => image(train, i)));
    expect(seen.size).toBe(12_000);
    for (let i = 0; i < digits.count; i++) expect(seen.has(image(digits, i))).toBe(false);
  });

  test.each([
    [train, 1200],
    [digits, 200],
  ])("every label equally often, in no order", ({ labels }, each) => {
    const counts = new Int32Array(10);
    for (const label of labels) counts[label]++;
    expect([...counts]).toEqual(new Array(10).fill(each));
    const repeats = labels.filter((label, i) => i > 0 && label === labels[i - 1]).length;
    expect(repeats / labels.length).toBeGreaterThan(0.07);
    expect(repeats / labels.length).toBeLessThan(0.13);
  });

  test("bright ink on a dark ground in every image", () => {
    const pixels = digits.pixels as Uint8Array;
    const mean = pixels.reduce((sum, v) => sum + v, 0) / pixels.length / 255;
    expect(mean).toBeGreaterThan(0.08);
    expect(mean).toBeLessThan(0.2);
    for (let i = 0; i < digits.count; i++) {
      const image = pixels.subarray(784 * i, 784 * (i + 1));
      expect(image.reduce((high, v) => Math.max(high, v), 0)).toBeGreaterThan(120);
    }
  });

  test("the label decides the shape, but not trivially: nearest mean image is right for most", () => {
    const means = new Float64Array(10 * 784);
    for (let i = 0; i < train.pixels.length; i++) {
      means[784 * train.labels[Math.floor(i / 784)] + (i % 784)] += train.pixels[i] / 1200;
    }
    let right = 0;
    for (let i = 0; i < digits.count; i++) {
      let [best, bestDistance] = [-1, Infinity];
      for (let label = 0; label < 10; label++) {
        let distance = 0;
        for (let j = 0; j < 784; j++) {
          distance += (digits.pixels[784 * i + j] - means[784 * label + j]) ** 2;
        }
        if (distance < bestDistance) [best, bestDistance] = [label, distance];
      }
      if (best === digits.labels[i]) right++;
    }
    expect(right / digits.count).toBeGreaterThan(0.75);
    expect(right / digits.count).toBeLessThan(0.95);
  });
});
