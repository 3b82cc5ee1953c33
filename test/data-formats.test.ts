// Data as people have them: Parquet, npy, npz under other names, CSV; layouts fitted to the model's.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as zlib from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { checkDataset, type Dataset } from "../src/data/dataset.ts";
import { fitTo } from "../src/data/fit.ts";
import { type NpyArray, writeNpy } from "../src/data/npy.ts";
import { writeNpz } from "../src/data/npz.ts";
import { openData } from "../src/data/open.ts";
import { readPoints, writePoints } from "../src/data/points.ts";

const home = mkdtempSync(join(tmpdir(), "temper-formats-"));
afterAll(() => rmSync(home, { recursive: true }));

function put(name: string, bytes: Uint8Array | string): string {
  const path = join(home, name);
  writeFileSync(path, bytes);
  return path;
}

const refusal = (code: string, text: string | RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(text) as string }) as Error;

const x: NpyArray = { type: "uint8", shape: [2, 1, 2], values: Uint8Array.of(1, 2, 3, 255) };
const y: NpyArray = { type: "int64", shape: [2], values: Int32Array.of(0, 1) };

describe("arrays", () => {
  test("an npz under other names says what it holds, and is read by --keys", async () => {
    const path = put(
      "keras.npz",
      writeNpz(
        new Map<string, NpyArray>([
          ["x_test", x],
          ["y_test", y],
        ]),
      ),
    );
    await expect(openData(path)).rejects.toThrow(
      refusal("data-unreadable", /holds no array "x", but x_test, y_test\n.*--keys/),
    );
    const data = await openData(path, { keys: { x: "x_test", y: "y_test" } });
    expect(data).toMatchObject({ shape: [1, 2], count: 2, labels: y.values });
    const points = put("points.npz", writePoints(data));
    expect(await openData(points, { keys: { x: "x_test", y: "y_test" } })).toMatchObject({
      count: 2,
    });
    await expect(openData(path, { keys: { x: "x_test", y: "other" } })).rejects.toThrow(/"other"/);
  });

  test("x.npy finds y.npy beside it; two files are named with a comma", async () => {
    const [images, labels] = [put("x_a.npy", writeNpy(x)), put("y_a.npy", writeNpy(y))];
    for (const name of [images, `${images},${labels}`, `${images}[0:2]`]) {
      expect(await openData(name)).toMatchObject({ count: 2, labels: y.values, pixels: x.values });
    }
    await expect(openData(put("images.npy", writeNpy(x)))).rejects.toThrow(/which file holds/);
  });

  test.each<[string, NpyArray, string]>([
    [
      "one-hot",
      { type: "uint8", shape: [2, 3], values: Uint8Array.of(1, 0, 0, 0, 1, 0) },
      "one-hot",
    ],
    ["a column", { ...y, shape: [2, 1] }, "column [2,1]"],
    ["whole floats", { type: "float64", shape: [2], values: Float64Array.of(0, 1) }, ""],
  ])("labels that are %s are taken, and called so", async (_, array, note) => {
    const data = await openData(
      put(
        "labels.npz",
        writeNpz(
          new Map<string, NpyArray>([
            ["x", x],
            ["y", array],
          ]),
        ),
      ),
    );
    expect([...data.labels]).toEqual([0, 1]);
    expect(data.note ?? "").toContain(note);
  });
});

describe("tables", () => {
  test("a CSV file: every column but the label's is a number, words are labels as they sort", async () => {
    const data = await openData(put("t.csv", 'a,Label,"b, c"\r\n1,dog,-2.5\n3,"cat",4e1\n'));
    expect(data).toMatchObject({ shape: [2], count: 2, classes: ["cat", "dog"] });
    expect(data.columns).toEqual(["a", "b, c"]);
    expect(readPoints(writePoints(data), "points.npz").columns).toEqual(data.columns);
    expect([...data.labels]).toEqual([1, 0]);
    expect([...data.pixels]).toEqual([1, -2.5, 3, 40]);
  });

  test("columns of pixels are bytes; the label's column is named by --keys", async () => {
    const path = put("p.csv", "digit,pixel0,pixel1\n7,0,255\n");
    await expect(openData(path)).rejects.toThrow(refusal("data-unreadable", /no column label/));
    const data = await openData(path, { keys: { y: "digit" } });
    expect(data.pixels).toEqual(Uint8Array.of(0, 255));
    expect([...data.labels]).toEqual([7]);
  });

  test.each([
    ["a,label\n1,0\nx,1", /row 2, a: "x" is no number/],
    ["a,label\n1", /row 1 has 1 cells/],
    ["label\n1", /no column but the labels/],
    ["a,label\n,0", /row 1, a: "" is no number/],
  ])("refused: %j", async (text, why) => {
    await expect(openData(put("bad.csv", text))).rejects.toThrow(refusal("data-unreadable", why));
  });
});

describe("Parquet", async () => {
  const png = (value: number) =>
    sharp(new Uint8Array(4).fill(value), { raw: { width: 2, height: 2, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
  const bytes = await Promise.all([10, 20, 30].map(png));
  const features = {
    img: { _type: "Image" },
    fine: { _type: "ClassLabel", names: ["cat", "dog"] },
    other: { _type: "ClassLabel", names: ["u", "v"] },
  };
  /** A file as the Hugging Face library writes it: a struct of bytes and path, labels, names in the metadata. */
  const file = (
    images: readonly Uint8Array[],
    labels: readonly bigint[],
    two = false,
    packing: Pick<Parameters<typeof parquetWriteBuffer>[0], "codec" | "compressors"> = {},
  ): Uint8Array =>
    new Uint8Array(
      parquetWriteBuffer({
        schema: [
          { name: "root", num_children: two ? 3 : 2 },
          { name: "img", num_children: 2, repetition_type: "OPTIONAL" },
          { name: "bytes", type: "BYTE_ARRAY", repetition_type: "OPTIONAL" },
          { name: "path", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
          { name: "fine", type: "INT64", repetition_type: "OPTIONAL" },
          ...(two
            ? [{ name: "other", type: "INT64" as const, repetition_type: "OPTIONAL" as const }]
            : []),
        ],
        columnData: [
          { name: "img", data: images.map((image, i) => ({ bytes: image, path: `${i}.png` })) },
          { name: "fine", data: [...labels] },
          ...(two ? [{ name: "other", data: [...labels] }] : []),
        ],
        kvMetadata: [{ key: "huggingface", value: JSON.stringify({ info: { features } }) }],
        ...packing,
      }),
    );
  put("train-00000-of-00002.parquet", file(bytes.slice(0, 2), [0n, 1n]));
  put("train-00001-of-00002.parquet", file(bytes.slice(2), [0n]));

  test("shards by a star, one of them with a word about the others", async () => {
    const data = await openData(join(home, "train-*.parquet"));
    expect(data).toMatchObject({ shape: [1, 2, 2], count: 3, classes: ["cat", "dog"] });
    expect([...data.labels]).toEqual([0, 1, 0]);
    expect([...data.pixels]).toEqual([10, 20, 30].flatMap((v) => [v, v, v, v]));
    const one = await openData(join(home, "train-00000-of-00002.parquet[1:]"));
    expect(one.count).toBe(1);
    expect(one.note).toMatch(
      /one of 2 shards: ".*train-\*\.parquet" reads all; labels 0 cat, 1 dog/,
    );
  });

  test("labels are translated to the model's order by name", async () => {
    const data = await openData(join(home, "train-*.parquet"), { classes: ["dog", "cow", "cat"] });
    expect([...data.labels]).toEqual([2, 0, 2]);
  });

  test("several columns of labels: which one is said by --keys", async () => {
    const path = put("two.parquet", file(bytes, [1n, 1n, 0n], true));
    await expect(openData(path)).rejects.toThrow(
      refusal("data-unreadable", /2 columns of labels among img, fine, other/),
    );
    expect((await openData(path, { keys: { y: "other" } })).classes).toEqual(["u", "v"]);
  });

  test.each(["UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "ZSTD", "LZ4"] as const)(
    "packed with %s: read, or refused with what to do",
    async (codec) => {
      const { gzipSync, brotliCompressSync, zstdCompressSync } = zlib as typeof zlib & {
        readonly zstdCompressSync?: typeof zlib.gzipSync;
      };
      const plain = (page: Uint8Array): Uint8Array => page;
      const compressors = {
        GZIP: (page: Uint8Array) => new Uint8Array(gzipSync(page)),
        BROTLI: (page: Uint8Array) => new Uint8Array(brotliCompressSync(page)),
        ZSTD: zstdCompressSync
          ? (page: Uint8Array) => new Uint8Array(zstdCompressSync(page))
          : plain,
        LZ4: plain,
      };
      const packing = codec === "SNAPPY" ? {} : { codec, compressors };
      const path = put(`${codec}.parquet`, file(bytes, [1n, 0n, 1n], false, packing));
      const open = openData(path);
      if (codec === "LZ4" || (codec === "ZSTD" && zstdCompressSync === undefined)) {
        const advice = codec === "ZSTD" ? "use Node 22.15 or newer, or write" : "write";
        await expect(open).rejects.toThrow(
          refusal(
            "data-unreadable",
            new RegExp(
              `is packed with ${codec}, which Node .* does not unpack\n${advice} it again`,
            ),
          ),
        );
        return;
      }
      const { labels, pixels } = await open;
      expect([[...labels], [...pixels]]).toEqual([
        [1, 0, 1],
        [10, 20, 30].flatMap((value) => Array(4).fill(value)),
      ]);
    },
  );

  test("what is no Parquet file, and what is not there", async () => {
    const path = put("no.parquet", "PAR1, but nothing else PAR1");
    await expect(openData(path)).rejects.toThrow(
      refusal("data-unreadable", /not a readable Parquet/),
    );
    await expect(openData(join(home, "none-*.parquet"))).rejects.toThrow(
      refusal("file-missing", "none"),
    );
    await expect(openData(join(home, "none.parquet"))).rejects.toThrow(
      refusal("file-missing", "none"),
    );
  });
});

describe("another layout than the model's", () => {
  const images = (shape: readonly number[]): Dataset => {
    const n = shape.reduce((a, b) => a * b, 1);
    const pixels = Uint8Array.from({ length: 2 * n }, (_, i) => i);
    return { name: "d", shape, count: 2, pixels, labels: Int32Array.of(0, 1) };
  };

  test.each([
    [[1, 4, 5], [20]],
    [[20], [1, 4, 5]],
    [
      [4, 5],
      [4, 5, 1],
    ],
    [
      [1, 4, 5],
      [4, 5],
    ],
  ])("[%s] as [%s]: the same pixels", (from, to) => {
    const data = images(from);
    const fitted = fitTo(data, to);
    expect(fitted).toMatchObject({ shape: to, pixels: data.pixels });
    expect(fitted.note).toContain(`images of [${from}] taken as [${to}]`);
    checkDataset(fitted, { shape: to, labels: 2 });
  });

  test("channels are moved, and moved back", () => {
    const data = images([3, 4, 5]);
    const moved = fitTo(data, [4, 5, 3]);
    // Channel 2 of row 1, column 3 in the second image.
    expect(moved.pixels[60 + (1 * 5 + 3) * 3 + 2]).toBe(data.pixels[60 + 2 * 20 + 1 * 5 + 3]);
    expect(fitTo(moved, [3, 4, 5]).pixels).toEqual(data.pixels);
  });

  test("grey to colour, and colour to grey by Pillow's weights, in floats too", () => {
    const grey = images([1, 2, 5]);
    const colour = fitTo(grey, [2, 5, 3]);
    expect([...colour.pixels.subarray(0, 6)]).toEqual([0, 0, 0, 1, 1, 1]);
    expect(fitTo(colour, [1, 2, 5]).pixels).toEqual(grey.pixels);
    const red = {
      ...images([3, 2, 5]),
      pixels: new Uint8Array(60).fill(255, 0, 10).fill(255, 40, 50),
    };
    const weights = [76, 150].flatMap((value) => Array.from({ length: 10 }, () => value));
    expect([...fitTo(red, [2, 5]).pixels]).toEqual(weights);
    const float = { ...red, pixels: Float32Array.from(red.pixels, (byte) => byte / 255) };
    expect(fitTo(float, [1, 2, 5]).pixels[10]).toBeCloseTo(0.587, 4);
  });

  test.each([
    [[3, 4, 5], [60]],
    [[60], [3, 4, 5]],
    [
      [1, 4, 5],
      [1, 5, 4],
    ],
    [
      [1, 28, 28],
      [3, 32, 32],
    ],
  ])("[%s] as [%s]: several ways or none, left for the refusal", (from, to) => {
    const data = images(from);
    expect(fitTo(data, to)).toBe(data);
    expect(() => checkDataset(data, { shape: to, labels: 2 })).toThrow(/the model takes/);
  });
});

describe("the library checks what it is given", () => {
  const good: Dataset = {
    ...{ name: "d", shape: [1, 1, 2], count: 2, labels: Int32Array.of(0, 1) },
    pixels: Float32Array.of(0, 0.5, 0.5, 1),
  };
  test.each<[string, object, RegExp]>([
    ["labels in a list", { labels: [0, 1] }, /labels in Array/],
    ["labels in floats", { labels: Float32Array.of(0, 0.5) }, /labels in Float32Array, with 0.5/],
    ["a label that is NaN", { labels: [0, Number.NaN] }, /labels in Array, with NaN/],
    ["labels of 64 bits", { labels: BigInt64Array.of(0n, 1n) }, /labels in BigInt64Array/],
    ["no labels", { labels: undefined }, /labels in undefined/],
    ["no shape", { shape: undefined }, /the shape is undefined/],
    ["bytes in floats", { pixels: Float32Array.of(0, 10, 200, 255) }, /pixels reach 255 in floats/],
  ])("%s: refused", (_, change, why) => {
    const data = { ...good, ...change } as Dataset;
    expect(() => checkDataset(data, { shape: [1, 1, 2], labels: 2 })).toThrow(
      refusal("data-mismatch", why),
    );
  });

  test("options that do not exist", async () => {
    const options = { klasses: ["a", "b"] } as object;
    await expect(openData("digits:test", options)).rejects.toThrow(
      refusal("bad-option", /did you mean classes/),
    );
  });
});
