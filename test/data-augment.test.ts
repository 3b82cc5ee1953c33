// Crops and flips: every image is a window of its padded self, by one draw that slices and types share.
import { describe, expect, test } from "vitest";
import { augmentDataset } from "../src/data/augment.ts";
import { type Dataset, hashDataset, slice, toPixelUnits } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";

const [CHANNELS, HEIGHT, WIDTH] = [2, 6, 10];
const SIZE = CHANNELS * HEIGHT * WIDTH;
const COUNT = 4000;

/** The same image again and again, no two of its pixels alike. */
const same: Dataset = {
  name: "same",
  shape: [CHANNELS, HEIGHT, WIDTH],
  count: COUNT,
  pixels: Uint8Array.from({ length: COUNT * SIZE }, (_, i) => i % SIZE),
  labels: new Int32Array(COUNT),
};

/** A line with its inside repeated in the mirror of each end, 4 pixels far: 4 3 2 1 | 0 1 2 ... */
function padded<T>(line: readonly T[]): T[] {
  return [...line.slice(1, 5).reverse(), ...line, ...line.slice(-5, -1).reverse()];
}

/** The window of an image's padded self at (top, left), mirrored where `flip`. */
function windowOf(image: ArrayLike<number>, top: number, left: number, flip: boolean): number[] {
  return Array.from({ length: CHANNELS }, (_, c) => {
    const rows = Array.from({ length: HEIGHT }, (_, y) =>
      padded(Array.from({ length: WIDTH }, (_, x) => image[(c * HEIGHT + y) * WIDTH + x])),
    );
    return padded(rows)
      .slice(top, top + HEIGHT)
      .flatMap((row) => {
        const cut = row.slice(left, left + WIDTH);
        return flip ? cut.reverse() : cut;
      });
  }).flat();
}

describe("crop-flip", () => {
  const augmented = augmentDataset(same, 0);

  test("each image is one of the 162 windows, all of them drawn, none of them favoured", () => {
    const image = same.pixels.subarray(0, SIZE);
    const drawn = new Map<string, number>();
    for (let top = 0; top <= 8; top++) {
      for (let left = 0; left <= 8; left++) {
        for (const flip of [false, true]) {
          drawn.set(windowOf(image, top, left, flip).join(), 0);
        }
      }
    }
    expect(drawn.size).toBe(162);
    for (let i = 0; i < COUNT; i++) {
      const seen = augmented.pixels.subarray(i * SIZE, (i + 1) * SIZE).join();
      expect(drawn.has(seen)).toBe(true);
      drawn.set(seen, drawn.get(seen)! + 1);
    }
    // 24.7 each on average, give or take 5: 55 is six of these away.
    for (const n of drawn.values()) expect(n).toBeGreaterThan(0);
    expect(Math.max(...drawn.values())).toBeLessThan(55);
  });

  test("a slice agrees with the whole, floats with bytes, the clean images with the attacked", () => {
    const [from, to] = [40, 60];
    const cut = slice(same, from, to);
    const part = augmentDataset(cut, 0);
    expect(part.pixels).toEqual(augmented.pixels.subarray(from * SIZE, to * SIZE));
    const units = toPixelUnits(cut.pixels);
    const floats = augmentDataset({ ...cut, pixels: units, clean: units }, 0);
    expect(floats.pixels).toEqual(toPixelUnits(part.pixels));
    expect(floats.clean).toEqual(floats.pixels);
  });

  test("the seed decides, and the data they come from are left alone", async () => {
    const before = hashDataset(same);
    expect(hashDataset(augmentDataset(same, 0))).toBe(hashDataset(augmented));
    expect(hashDataset(augmentDataset(same, 1))).not.toBe(hashDataset(augmented));
    expect(hashDataset(same)).toBe(before);
    const name = "digits:test[3:9]";
    const [plain, opened] = await Promise.all([
      openData(name),
      openData(name, { augment: "crop-flip", seed: 7 }),
    ]);
    expect(opened).toEqual(augmentDataset(plain, 7));
    expect(opened.augment).toBe("crop-flip");
  });

  test("images too small to reflect are refused, and so is another word", async () => {
    const small = { ...same, shape: [2, 4, 10], pixels: same.pixels.subarray(0, 80), count: 1 };
    expect(() => augmentDataset(small, 0)).toThrow(/images of \[2,4,10\] cannot be cropped/);
    const word = "crop" as "crop-flip";
    await expect(openData("digits:test", { augment: word })).rejects.toThrow(/augment crop:/);
  });
});
