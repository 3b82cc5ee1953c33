// Data sets that all processes read from one file: the images that went in, whatever was written over.
import { closeSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Dataset, gather, imagesOf } from "../src/data/dataset.ts";
import type { PixelFile } from "../src/data/pixel-file.ts";
import { holdImages, nothingHeld } from "../src/engine/held.ts";
import { networkOf } from "../src/engine/model.ts";
import { openScratch } from "../src/engine/scratch.ts";
import { forwardShards } from "../src/engine/shards.ts";
import { openModel } from "../src/index.ts";
import { randomStream } from "../src/tensor/random.ts";
import { noise } from "./helpers/small.ts";

/** n images of bytes. */
function bytes(n: number, seed: number): Dataset {
  const random = randomStream(seed, n);
  const pixels = Uint8Array.from({ length: n * 15 }, () => random.below(256));
  return { name: "bytes", shape: [3, 5], count: n, pixels, labels: new Int32Array(n) };
}

describe("a data set in the file of all processes", () => {
  it("is read back as it was, by ranges and by indices, of bytes and of floats", () => {
    const file = openScratch()!;
    const held = nothingHeld(file);
    const sets = { a: bytes(7, 1), b: noise(5, 2, [3, 5]), c: bytes(9, 3), d: bytes(2, 4) };
    // The last ones take the places of the first: one that fits, and one that does not.
    const order = [
      ["x", sets.a],
      ["y", sets.b],
      ["x", sets.c],
      ["y", sets.d],
    ] as const;
    const found = new Map(order.map(([key, data]) => [data, holdImages(held, key, data)!]));
    for (const data of [sets.a, sets.c, sets.d]) {
      const source = found.get(data)!;
      const at = { ...source, pixels: { ...(source.pixels as PixelFile), file } };
      expect(imagesOf(at)).toEqual(imagesOf(data));
      expect(imagesOf(at, 1, 2)).toEqual(imagesOf(data, 1, 2));
      const ids = Int32Array.of(1, 0, 1);
      expect(gather(at, ids)).toEqual(gather(data, ids));
    }
    closeSync(file);
  });

  it("is known again, and goes by message where there is no file", () => {
    const file = openScratch()!;
    const held = nothingHeld(file);
    expect(holdImages(held, "data", bytes(7, 1))).toBeDefined();
    expect(holdImages(held, "data", bytes(7, 1))).toBeUndefined();
    expect(holdImages(held, "data", bytes(7, 2))).toBeDefined();
    // What lies in a file of its own stands between two times of the same.
    const elsewhere = { ...bytes(7, 2), pixels: { file: "F", at: 0, type: "uint8" } as const };
    expect(holdImages(held, "data", elsewhere)?.pixels).toEqual(elsewhere.pixels);
    expect(holdImages(held, "data", elsewhere)).toBeUndefined();
    expect(holdImages(held, "data", bytes(7, 2))?.pixels).toMatchObject({ type: "uint8" });
    closeSync(file);
    expect(holdImages(nothingHeld(undefined), "data", bytes(7, 1))?.pixels).toBeInstanceOf(
      Uint8Array,
    );
    // A file that cannot be written, as on a full disk.
    expect(holdImages(held, "data", bytes(9, 2))?.pixels).toBeInstanceOf(Uint8Array);
  });
});

it("shards are slices of a thousand images, and of fewer where a network is large", async () => {
  const network = networkOf(await openModel("models/digits-cnnlight.onnx"));
  expect(forwardShards(network, 2500).map(({ from, to }) => to - from)).toEqual([1000, 1000, 500]);
  const shapes = new Map(
    [...network.shapes].map(([name, dims]) => [name, dims.map((d) => (d > 20 ? 40 * d : d))]),
  );
  const large = forwardShards({ ...network, shapes }, 2500);
  expect(large[0].from).toBe(0);
  expect(large.at(-1)!.to).toBe(2500);
  for (const [i, { from, to }] of large.entries()) {
    expect(to).toBeGreaterThan(from);
    if (i > 0) expect(from).toBe(large[i - 1].to);
  }
  expect(large.length).toBeGreaterThan(3);
});
