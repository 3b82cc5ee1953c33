// Opening data by name: published files gzipped and plain, slices, every refusal, atomic writing.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test, vi } from "vitest";
import { dataFolder } from "../src/data/files.ts";
import { openData } from "../src/data/open.ts";
import { writePoints } from "../src/data/points.ts";
import { writeAtomic } from "../src/data/write.ts";

const folder = mkdtempSync(join(tmpdir(), "temper-data-"));
afterAll(() => rmSync(folder, { recursive: true }));
const given = process.env.TEMPER_DATA;

const refusal = (code: string, text: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(text) as string }) as Error;

/** An IDX file: magic, dimensions, values 0, 1, 2, ... */
function idx(magic: number, dims: readonly number[], length = dims.reduce((a, b) => a * b, 1)) {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.writeUInt32BE(magic);
  for (const [i, dim] of dims.entries()) header.writeUInt32BE(dim, 4 + 4 * i);
  return Buffer.concat([header, Uint8Array.from({ length }, (_, i) => i)]);
}

/** A CIFAR batch: record i has the given label, pixel j is i + j mod 256. */
function batch(labels: readonly number[]): Buffer {
  return Buffer.concat(
    labels.map((label, i) => Uint8Array.from({ length: 3073 }, (_, j) => (j ? i + j - 1 : label))),
  );
}

function put(path: string, bytes: Uint8Array): string {
  const full = join(folder, path);
  mkdirSync(join(full, ".."), { recursive: true });
  writeFileSync(full, bytes);
  return full;
}

describe("MNIST", () => {
  put("plain/mnist/train-images-idx3-ubyte", idx(2051, [3, 2, 4]));
  put("plain/mnist/train-labels-idx1-ubyte", idx(2049, [3]));
  put("packed/mnist/t10k-images-idx3-ubyte.gz", gzipSync(idx(2051, [3, 2, 4])));
  put("packed/mnist/t10k-labels-idx1-ubyte.gz", gzipSync(idx(2049, [3])));

  test.each([
    ["mnist:train", "plain"],
    ["mnist:test", "packed"],
  ])("%s from %s files", async (name, where) => {
    const data = await openData(name, { dataDir: join(folder, where) });
    expect(data).toMatchObject({ name, shape: [1, 2, 4], count: 3 });
    expect([...data.pixels]).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect([...data.labels]).toEqual([0, 1, 2]);
  });

  test.each([
    ["[1:3]", [1, 2], "[1:3]"],
    ["[:2]", [0, 1], "[0:2]"],
    ["[2:]", [2], "[2:3]"],
    ["[:]", [0, 1, 2], "[0:3]"],
  ])("slice %s", async (text, labels, canonical) => {
    const data = await openData(`mnist:train${text}`, { dataDir: join(folder, "plain") });
    expect([...data.labels]).toEqual(labels);
    expect(data.pixels[0]).toBe(8 * labels[0]);
    expect(data.name).toBe(`mnist:train${canonical}`);
  });

  test("a slice beyond the data is refused", async () => {
    await expect(openData("mnist:train[1:4]", { dataDir: join(folder, "plain") })).rejects.toThrow(
      refusal("bad-option", "slice [1:4] does not fit 3 images"),
    );
  });

  test("a missing file names the folder and how to set it", async () => {
    vi.stubEnv("TEMPER_DATA", join(folder, "plain"));
    await expect(openData("mnist:test")).rejects.toThrow(
      refusal("file-missing", `is not in ${join(folder, "plain", "mnist")}\n`),
    );
    await expect(openData("mnist:test")).rejects.toThrow(/TEMPER_DATA or --data-dir/);
    vi.unstubAllEnvs();
  });

  test("the folder: option, then TEMPER_DATA, then the user's cache", () => {
    vi.stubEnv("TEMPER_DATA", "from-env");
    expect(dataFolder({ dataDir: "given" })).toBe("given");
    expect(dataFolder()).toBe("from-env");
    vi.stubEnv("TEMPER_DATA", "");
    expect(dataFolder()).toMatch(/.+temper$/);
    vi.unstubAllEnvs();
  });
});

describe("IDX refusals", () => {
  const labels = put("idx/labels", idx(2049, [3]));
  const images = put("idx/images", idx(2051, [3, 1, 1]));
  test.each([
    ["truncated header", idx(2051, [3, 1, 1]).subarray(0, 10), "10 bytes are too few"],
    ["three bytes", Uint8Array.of(0, 0, 8), "3 bytes are too few"],
    ["wrong magic", idx(2049, [3]), "starts with the number 2049, not 2051"],
    ["truncated", idx(2051, [3, 1, 1], 2), "says [3,1,1], 19 bytes, but it has 18"],
    ["too long", idx(2051, [3, 1, 1], 4), "but it has 20"],
    ["absurd size", idx(2051, [2 ** 31, 2 ** 31, 2 ** 31], 4), "but it has 20"],
    ["damaged gzip", gzipSync(idx(2051, [3, 1, 1])).subarray(0, 25), "cannot be unpacked"],
    ["fewer images than labels", idx(2051, [2, 1, 1]), "2 images in"],
  ])("%s", async (_, bytes, text) => {
    const path = put("idx/bad", bytes);
    await expect(openData(`idx:${path},${labels}`)).rejects.toThrow(
      refusal("data-unreadable", text),
    );
  });

  test("labels with the magic of images; no images at all; a path that is not there", async () => {
    await expect(openData(`idx:${images},${images}`)).rejects.toThrow(
      refusal("data-unreadable", "starts with the number 2051, not 2049"),
    );
    const none = [put("idx/i0", idx(2051, [0, 1, 1])), put("idx/l0", idx(2049, [0]))];
    await expect(openData(`idx:${none}`)).rejects.toThrow(
      refusal("data-unreadable", "holds no images"),
    );
    await expect(openData(`idx:nowhere,${labels}`)).rejects.toThrow(
      refusal("file-missing", "nowhere: cannot be read"),
    );
  });
});

describe("CIFAR-10", () => {
  put("plain/cifar10/data_batch_1.bin", batch([6, 9]));
  put("plain/cifar10/data_batch_4.bin.gz", gzipSync(batch([3])));
  put("plain/cifar10/test_batch.bin", batch([7, 10]));
  put("packed/cifar10/test_batch.bin.gz", gzipSync(batch([1, 2]).subarray(0, 6000)));

  test("the batch files that are there, in order, their number said", async () => {
    const data = await openData("cifar10:train", { dataDir: join(folder, "plain") });
    expect(data).toMatchObject({ shape: [3, 32, 32], count: 3, note: "2 of 5 batch files" });
    expect([...data.labels]).toEqual([6, 9, 3]);
    expect([0, 1, 2].map((i) => data.pixels[3072 * i])).toEqual([0, 1, 0]);
    expect(data.pixels[3071]).toBe(3071 % 256);
  });

  test.each([
    ["plain", "record 1 has the label 10"],
    ["packed", "6000 bytes are not a whole number of 3073-byte records"],
  ])("a bad %s batch is refused", async (where, text) => {
    await expect(openData("cifar10:test", { dataDir: join(folder, where) })).rejects.toThrow(
      refusal("data-unreadable", text),
    );
  });

  test("no batch file at all", async () => {
    await expect(openData("cifar10:train", { dataDir: folder })).rejects.toThrow(
      refusal("file-missing", "data_batch_1.bin (or data_batch_1.bin.gz) is not in"),
    );
  });
});

describe("names", () => {
  test.each([
    ["mnits:train", "did you mean mnist:train?"],
    ["cifar:test", "did you mean cifar10:test?"],
    ["mnist", "did you mean mnist:train?"],
    ["photos", "known: mnist:train, mnist:test, cifar10:train"],
    ["x.npz[5]", "not a slice"],
    ["digits:test[-1:3]", "not a slice"],
    ["digits:test[0:9][0:3]", "not a slice"],
    ["idx:a", "one comma"],
    ["idx:a,b,c", "3 paths"],
    ["idx:a,", "a path is empty"],
  ])("%s is refused", async (name, text) => {
    await expect(openData(name)).rejects.toThrow(refusal("bad-option", text));
  });

  test("digits and npz files open by name, slices too", async () => {
    const digits = await openData("digits:test[10:13]");
    expect(digits).toMatchObject({ shape: [1, 28, 28], count: 3, first: 10 });
    const path = join(folder, "digits.npz");
    await writeAtomic(path, writePoints(digits));
    const read = await openData(`${path}[1:]`);
    expect(read).toMatchObject({ name: `${path}[1:3]`, shape: [1, 28, 28], count: 2 });
    expect(read.labels).toEqual(digits.labels.slice(1));
  });
});

describe("atomic writing", () => {
  test("replaces a file and leaves no other", async () => {
    const home = join(folder, "atomic");
    mkdirSync(home);
    await writeAtomic(join(home, "a"), "old and long");
    await Promise.all([1, 2, 3].map(() => writeAtomic(join(home, "a"), "new")));
    expect(readFileSync(join(home, "a"), "utf8")).toBe("new");
    expect(readdirSync(home)).toEqual(["a"]);
  });

  test("a folder that is not there, a file in its place, a folder as the target", async () => {
    const file = put("file", Uint8Array.of(1));
    for (const path of [join(folder, "none", "a"), join(file, "a"), join(folder, "atomic")]) {
      await expect(writeAtomic(path, "x")).rejects.toThrow(
        refusal("file-missing", "cannot be written"),
      );
    }
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });
});

describe.skipIf(given === undefined)("the published files under TEMPER_DATA", () => {
  test.each([
    ["mnist:train", 60_000, [5, 0, 4, 1, 9]],
    ["mnist:test", 10_000, [7, 2, 1, 0, 4]],
    ["cifar10:test", 10_000, [3, 8, 8, 0, 6]],
  ])("%s", async (name, count, first) => {
    const data = await openData(name);
    expect(data.count).toBe(count);
    expect([...data.labels.subarray(0, 5)]).toEqual(first);
  });

  test("cifar10:train starts with the first batch", async () => {
    const data = await openData("cifar10:train");
    expect([...data.labels.subarray(0, 5)]).toEqual([6, 9, 9, 4, 1]);
    expect(data.note).toMatch(/^[1-5] of 5 batch files$/);
  });
});
