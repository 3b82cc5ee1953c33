// Points as people have them: images that are wrong as they are, points that survive 8 bits, and both as PNG.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attack } from "../src/attack/attack.ts";
import { evaluate } from "../src/attack/evaluate.ts";
import { onGrid } from "../src/attack/quantise.ts";
import { subset } from "../src/attack/sample.ts";
import { type Dataset, imagesOf, toPixelUnits } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { writeImageFolder } from "../src/data/png.ts";
import { readPoints, writePoints } from "../src/data/points.ts";
import { type Model, openModel } from "../src/engine/model.ts";
import { randomStream } from "../src/tensor/random.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { trainedBytes } from "./helpers/trained.ts";

let model: Model;
let data: Dataset;
beforeAll(async () => {
  model = await openModel(await trainedBytes());
  data = await openData("digits:test[100:300]");
});
afterAll(() => model.close());

/** f_y - max rival of each image, written out again. */
async function marginsOf({ labels, ...set }: Dataset): Promise<number[]> {
  const logits = await model.logits(imagesOf({ ...set, labels }), set.count);
  return Array.from(labels, (y, i) => {
    const row = [...logits.subarray(10 * i, 10 * i + 10)];
    return row[y] - Math.max(...row.filter((_, l) => l !== y));
  });
}

describe("points on a grid of levels", () => {
  it("lie on it, in the ball and the range, less than a level from the attacked image", () => {
    const levels = fc.constantFrom(1, 3, 15, 255);
    const norm = fc.constantFrom("linf", "l2");
    fc.assert(
      fc.property(fc.nat(999), levels, norm, fc.double({ min: 0, max: 0.4 }), (seed, q, n, eps) => {
        const random = randomStream(seed);
        const draw = (of: () => number): Float32Array => Float32Array.from({ length: 9 }, of);
        const clean = draw(() => Math.round(q * random.uniform()) / q);
        const part = n === "linf" ? eps : eps / 3;
        const moved = clean.map((v) => v + part * (2 * random.uniform() - 1));
        const x = moved.map((v) => Math.min(1, Math.max(0, v)));
        // The clean image is on the grid: there is always a way back to it.
        const rounded = onGrid(x, clean, { levels: q, clip: [0, 1], norm: n, eps })!;
        const distances = rounded.map((v, i) => Math.abs(v - clean[i]));
        const far = n === "linf" ? Math.max(...distances) : Math.hypot(...distances);
        expect(far).toBeLessThanOrEqual(eps + 1e-6);
        for (const [i, v] of rounded.entries()) {
          expect(v).toBe(Math.fround(Math.round(v * q) / q));
          expect(Math.abs(v - x[i])).toBeLessThan(1 / q + 1e-6);
        }
      }),
    );
  });

  it("are wrong as they are stored, and what rounding undid is counted and left out", async () => {
    const call = { data, attack: "fab-t", eps: 0.2, steps: 20, threads: 0 } as const;
    const { points, broken, notes } = await attack(model, { ...call, quantise: 15 });
    expect(points.count).toBe(broken);
    const stored = { ...points, pixels: imagesOf(points).map((v) => Math.round(15 * v) / 15) };
    expect(imagesOf(points)).toEqual(stored.pixels);
    expect((await marginsOf(stored)).every((m) => m <= 0)).toBe(true);
    const free = await attack(model, call);
    const undone = Number(/^(\d+) of \d+ turned images are right again/.exec(notes[0])?.[1]);
    expect(undone).toBeGreaterThan(0);
    expect(broken + undone).toBe(free.broken);
    const refused = attack(model, { ...call, quantise: 0 });
    await expect(refused).rejects.toThrow("quantise 0: expected a whole number");
  });
});

describe("wrong inputs", () => {
  it("are those that evaluate finds wrong, and --wrong writes them with their true labels", async () => {
    const labels = data.labels.map((label, i) => (i % 9 === 0 ? (label + 1) % 10 : label));
    const set = { ...data, labels };
    const margins = await marginsOf(set);
    const { wrong } = await evaluate(model, { data: set, threads: 0 });
    expect([...wrong]).toEqual([...margins.keys()].filter((i) => margins[i] <= 0));
    const cwd = newFolder();
    writeFileSync(join(cwd, "m.onnx"), await trainedBytes());
    writeFileSync(join(cwd, "set.npz"), writePoints(set));
    const args = ["evaluate", "m.onnx", "--data", "set.npz", "--threads", "1"];
    const { code, stdout } = await temper([...args, "--wrong", "wrong.npz"], { cwd });
    expect({
      code,
      said: stdout.includes(`${wrong.length} wrong images written to wrong.npz`),
    }).toEqual({ code: 0, said: true });
    const read = readPoints(readFileSync(join(cwd, "wrong.npz")), "wrong.npz");
    const expected = subset(set, wrong);
    expect(read.labels).toEqual(expected.labels);
    expect(read.pixels).toEqual(imagesOf(expected));
    expect([...read.source!]).toEqual([...wrong]); // the file holds the slice from its start
    expect([...expected.source!]).toEqual([...wrong].map((i) => 100 + i));
    const two = await temper([...args, "m.onnx", "--wrong", "wrong.npz"], { cwd });
    expect({ code: two.code, stderr: two.stderr }).toEqual({
      code: 2,
      stderr: "error: --wrong wrong.npz: expected one model; given 2\n",
    });
  });
});

describe("images as PNG", () => {
  it.each([
    [1, 28],
    [3, 8],
  ])(
    "of %i channels come back as they were, in their order, by the index",
    async (channels, side) => {
      const folder = join(newFolder(), "images");
      const size = channels * side * side;
      const random = randomStream(channels);
      const pixels = Uint8Array.from({ length: 12 * size }, () =>
        Math.floor(256 * random.uniform()),
      );
      const labels = Int32Array.from({ length: 12 }, (_, i) => (i * 7) % 5);
      const source = labels.map((_, i) => 40 + i);
      const shape = [channels, side, side];
      const set = { name: "set", shape, count: 12, pixels: toPixelUnits(pixels), labels, source };
      expect((await writeImageFolder(set, folder)).changed).toBe(0);
      const back = await openData(folder);
      expect(back.shape).toEqual(set.shape);
      expect(back).toMatchObject({ count: 12, labels, source, pixels });
      const rows = readFileSync(join(folder, "index.csv"), "utf8").trimEnd().split("\n");
      expect(rows[0]).toBe("file,label,source");
      expect(rows[12]).toBe("2/11.png,2,51"); // 7 * 11 is 2 more than a multiple of 5
    },
  );

  it("are written by the command, which says what it rounded and never replaces a folder", async () => {
    const cwd = newFolder();
    const points = { ...subset(data, Int32Array.of(0, 1)), pixels: imagesOf(data, 0, 2).slice() };
    points.pixels[5] = 0.3; // no byte is 0.3
    writeFileSync(join(cwd, "points.npz"), writePoints(points));
    const { code, stdout, stderr, files } = await temper(["points", "points.npz", "--png", "im"], {
      cwd,
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "2 images and index.csv written to im\n" });
    expect(stderr).toMatch(/^note: pixels of 1 of 2 images are no bytes/);
    expect(files).not.toContainEqual(expect.stringContaining(".tmp"));
    const again = await temper(["points", "points.npz", "--png", "im"], { cwd });
    expect({ code: again.code, stderr: again.stderr.split("\n")[0] }).toEqual({
      code: 2,
      stderr: 'error: "im" is not empty',
    });
    mkdirSync(join(cwd, "empty"));
    expect((await temper(["points", "points.npz", "--png", "empty"], { cwd })).code).toBe(0);
  });
});
