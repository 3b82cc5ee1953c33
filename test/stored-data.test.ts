// Data sets whose pixels lie in a file: the same images, hashes and results as those in memory.
import { mkdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { cachedFiles, pruneCache } from "../src/data/cache.ts";
import {
  type AnyDataset,
  checkDataset,
  gather,
  hashDataset,
  imagesOf,
  inMemory,
  slice,
} from "../src/data/dataset.ts";
import { fitTo } from "../src/data/fit.ts";
import { storeImages } from "../src/data/images.ts";
import { correct, evaluate, openData, openModel } from "../src/index.ts";
import { newFolder } from "./helpers/command.ts";
import { itLong } from "./helpers/long.ts";

const COUNT = 60;
const files: string[] = [];
let memory: AnyDataset;
let stored: AnyDataset;
let labels: Int32Array;

/** Opens the images as a folder would, with nothing held in memory. */
async function openStored(key: string): Promise<AnyDataset> {
  const images = files.map((name) => ({ name, source: name }));
  const { pixels, shape } = await storeImages(images, {}, { key, held: 0 });
  return { name: "stored", count: COUNT, labels, shape, pixels } as AnyDataset;
}

beforeAll(async () => {
  const folder = newFolder();
  const digits = slice(await openData("digits:train"), 0, COUNT);
  labels = digits.labels;
  for (let i = 0; i < COUNT; i++) {
    const file = join(folder, `${i}.png`);
    const pixels = (digits.pixels as Uint8Array).slice(i * 784, (i + 1) * 784);
    await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
      .toColourspace("b-w")
      .toFile(file);
    files.push(file);
  }
  memory = digits;
  stored = await openStored("digits");
});

describe("a data set in a file", () => {
  it("has the images and the hash of the one in memory, and so have its slices", () => {
    expect(ArrayBuffer.isView(stored.pixels)).toBe(false);
    const pairs = [
      [stored, memory],
      [slice(stored, 7, 20), slice(memory, 7, 20)],
    ] as const;
    for (const [a, b] of pairs) {
      expect(hashDataset(a)).toBe(hashDataset(b));
      expect(imagesOf(a, 2, 5)).toEqual(imagesOf(b, 2, 5));
      expect(gather(a, Int32Array.of(9, 0))).toEqual(gather(b, Int32Array.of(9, 0)));
    }
    checkDataset(stored, { shape: [1, 28, 28], labels: 10 });
    expect(hashDataset(inMemory(fitTo(stored, [28, 28, 1])))).toBe(
      hashDataset(fitTo(memory, [28, 28, 1])),
    );
    expect(() => checkDataset(stored, { shape: [1, 32, 32], labels: 10 })).toThrow("[1,32,32]");
  });

  it("is found again, and made anew when it has gone", async () => {
    const times = async (): Promise<number[]> =>
      (await cachedFiles()).map(({ used }) => used.getTime());
    const [file] = await cachedFiles();
    utimesSync(file.path, 1000, 1000);
    await openStored("digits");
    expect((await times())[0]).toBeGreaterThan(1e9); // It was used, and not read from the images:
    const key = "gone";
    const real = files.splice(0);
    files.push(...real.map((name) => `${name}.gone`));
    expect(hashDataset(await openStored("digits"))).toBe(hashDataset(memory));
    await expect(openStored(key)).rejects.toMatchObject({ code: "data-unreadable" });
    files.splice(0, COUNT, ...real);
    await pruneCache(0);
    stored = await openStored("digits");
    expect(hashDataset(stored)).toBe(hashDataset(memory));
  });

  itLong("is evaluated, and corrected on, as the one in memory is", async () => {
    const model = await openModel("models/digits-cnnlight.onnx");
    const by = { threads: 1, attacks: [{ attack: "fgsm", eps: 0.1 }] } as const;
    const [a, b] = [
      await evaluate(model, { data: stored, ...by }),
      await evaluate(model, { data: memory, ...by }),
    ];
    expect(a).toEqual(b);
    const points = inMemory({ ...slice(stored, 0, 2), labels: Int32Array.of(1, 2) });
    const call = { points, iterations: 2, alphas: 2, threads: 1 };
    const [c, d] = [
      await correct(model, { ...call, data: stored, validation: slice(stored, 30, 60) }),
      await correct(model, { ...call, data: memory, validation: slice(memory, 30, 60) }),
    ];
    expect(JSON.stringify(c.record)).toBe(JSON.stringify(d.record));
    await model.close();
  });
});

it("a folder that is small is held in memory, as it always was", async () => {
  const folder = newFolder();
  for (const label of ["a", "b"]) {
    mkdirSync(join(folder, label));
    await sharp(files[0]).toFile(join(folder, label, "1.png"));
  }
  const data = await openData(folder, { stored: true });
  expect(data.pixels).toBeInstanceOf(Uint8Array);
  expect(hashDataset(data)).toBe(hashDataset(await openData(folder)));
});
