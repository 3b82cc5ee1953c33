// Every reader of data, each with a small good file, to be given broken ones.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { zipSync } from "fflate";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { expect } from "vitest";
import { parseClasses } from "../../src/data/classes.ts";
import { writeNpy } from "../../src/data/npy.ts";
import { openData } from "../../src/data/open.ts";
import { writePoints } from "../../src/data/points.ts";
import { writeCounterexample } from "../../src/data/vnnlib/counterexample.ts";
import { labelProperty } from "../../src/data/vnnlib/property.ts";
import { writeVnnlib } from "../../src/data/vnnlib/write.ts";
import { TemperError } from "../../src/errors.ts";
import { mutated } from "./mutated.ts";

/** A good file by the place where it is looked for, and how it is opened. */
interface Reader {
  readonly good: Uint8Array;
  /** Of the folder that holds the file. */
  readonly file: string;
  readonly open: (folder: string) => Promise<unknown>;
  /** Other files that it needs. */
  readonly beside?: Readonly<Record<string, Uint8Array>>;
}

const x = { type: "float32", shape: [4, 1, 2, 2], values: new Float32Array(16).fill(0.5) } as const;
const y = { type: "int64", shape: [4], values: Int32Array.of(0, 1, 0, 1) } as const;

/** The files by the names of their readers. */
export async function readersOf(): Promise<Record<string, Reader>> {
  const image = sharp({ create: { width: 24, height: 17, channels: 3, background: "#a03060" } });
  const png = new Uint8Array(await image.clone().png().toBuffer());
  const points = writePoints({
    ...{ name: "p", shape: [1, 2, 2], count: 4, pixels: x.values, labels: y.values },
    classes: ["a", "b"],
  });
  const named = (name: string) => (folder: string) => openData(join(folder, name));
  const idx = (magic: number, ...dims: number[]): Uint8Array => {
    const header = Buffer.alloc(4 + 4 * dims.length);
    for (const [i, value] of [magic, ...dims].entries()) header.writeUInt32BE(value, 4 * i);
    return Buffer.concat([header, new Uint8Array(dims.reduce((a, b) => a * b, 1))]);
  };
  const labels = idx(2049, 3);
  const box = { lower: Float64Array.of(0, 0.5), upper: Float64Array.of(1e-3, 0.75) };
  const property = new TextEncoder().encode(writeVnnlib(labelProperty(box, 1, 3)));
  const [inside, answer] = [Float64Array.of(0, 0.6), Float64Array.of(2, 1, 0)];
  const found = writeCounterexample({ x: inside, y: answer });
  const counterexample = new TextEncoder().encode(found);
  const parquet = new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: "image", data: [png, png, png], type: "BYTE_ARRAY" },
        { name: "label", data: [0, 1, 1], type: "INT32" },
      ],
    }),
  );
  const cifar = Buffer.concat(
    [0, 1].map((label) => Uint8Array.from({ length: 3073 }, (_, j) => (j ? j : label))),
  );
  return {
    npz: { good: points, file: "a.npz", open: named("a.npz") },
    "npz, deflated": {
      good: zipSync({ "x.npy": writeNpy(x), "y.npy": writeNpy(y) }),
      ...{ file: "b.npz", open: named("b.npz") },
    },
    npy: {
      good: writeNpy(x),
      ...{ file: "x.npy", open: named("x.npy"), beside: { "y.npy": writeNpy(y) } },
    },
    csv: {
      good: new TextEncoder().encode('a,b,label\n1,2,"cat"\n3,4,dog\n'),
      ...{ file: "a.csv", open: named("a.csv") },
    },
    parquet: { good: parquet, file: "a.parquet", open: named("a.parquet") },
    png: { good: png, file: "p/0/a.png", open: named("p") },
    jpeg: {
      good: new Uint8Array(await image.clone().jpeg().toBuffer()),
      ...{ file: "j/0/a.jpg", open: named("j") },
    },
    webp: {
      good: new Uint8Array(await image.clone().webp().toBuffer()),
      ...{ file: "w/0/a.webp", open: named("w") },
    },
    idx: {
      good: idx(2051, 3, 2, 2),
      file: "images",
      beside: { labels },
      open: (folder) => openData(`idx:${join(folder, "images")},${join(folder, "labels")}`),
    },
    "idx, gzipped": {
      good: gzipSync(idx(2051, 3, 2, 2)),
      file: "images.gz",
      beside: { labels },
      open: (folder) => openData(`idx:${join(folder, "images.gz")},${join(folder, "labels")}`),
    },
    cifar10: {
      good: cifar,
      file: "cifar10/test_batch.bin",
      open: (folder) => openData("cifar10:test", { dataDir: folder }),
    },
    vnnlib: {
      good: property,
      file: "a.vnnlib",
      beside: { "a.counterexample": counterexample },
      open: named("a.counterexample"),
    },
    counterexample: {
      good: counterexample,
      ...{ file: "b.counterexample", open: named("b.counterexample") },
      beside: { "b.vnnlib": property },
    },
    classes: {
      good: new TextEncoder().encode('["cat", "dog"]'),
      file: "names.txt",
      open: async () => undefined,
    },
  };
}

const write = (path: string, bytes: Uint8Array): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
};

/** Gives a reader broken files of the seeds from `from` on: each is read, or refused in the house's own words. */
export async function surviveMutations(
  [name, { good, file, open, beside = {} }]: [string, Reader],
  folder: string,
  { from, n }: { readonly from: number; readonly n: number },
): Promise<void> {
  for (const [path, bytes] of Object.entries(beside)) write(join(folder, path), bytes);
  const at = join(folder, file);
  write(at, good);
  await open(folder);
  for (let seed = from; seed < from + n; seed++) {
    const bytes = mutated(good, seed);
    write(at, bytes);
    try {
      if (name === "classes") parseClasses(new TextDecoder().decode(bytes), name);
      else await open(folder);
    } catch (error) {
      expect(error, `${name}, seed ${seed}`).toBeInstanceOf(TemperError);
      const { message } = error as TemperError;
      expect(message.split("\n").length, `${name}, seed ${seed}: ${message}`).toBeLessThan(4);
    }
  }
}
