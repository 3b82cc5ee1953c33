// A folder of images opens as a data set: pixels to the bit, labels by the names of the sub-folders, every refusal.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { openData } from "../src/data/open.ts";
import { GREY, png, RGB, RGBA } from "./helpers/png.ts";

const home = mkdtempSync(join(tmpdir(), "temper-folder-"));
afterAll(() => rmSync(home, { recursive: true }));

function folder(files: Readonly<Record<string, Uint8Array>>): string {
  const at = mkdtempSync(join(home, "set-"));
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(at, name)), { recursive: true });
    writeFileSync(join(at, name), bytes);
  }
  return at;
}

const ramp = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + 7 * i);
const size = [2, 3] as const;

describe("a folder of images", () => {
  test("a class that is a link to a folder is one like the others", async () => {
    const at = folder({
      "a/x.png": png(GREY, size, ramp(6, 1)),
      "b/x.png": png(GREY, size, ramp(6, 2)),
      "c/x.png": png(GREY, size, ramp(6, 3)),
    });
    renameSync(join(at, "b"), join(home, "elsewhere"));
    symlinkSync(join(home, "elsewhere"), join(at, "b"));
    const { labels, pixels, note } = await openData(at);
    expect([...labels]).toEqual([0, 1, 2]);
    expect([...pixels]).toEqual([1, 2, 3].flatMap((from) => ramp(6, from)));
    expect(note).toBe("3 folders, labels in the sorted order of their names: 0 a, 1 b, 2 c");
  });

  test("grey images: one channel, class after class, file after file", async () => {
    const at = folder({
      "dog/b.png": png(GREY, size, ramp(6, 3)),
      "dog/a.PNG": png(GREY, size, ramp(6, 2)),
      "cat/z.png": png(GREY, size, ramp(6, 1)),
      "cat/notes.txt": Buffer.from("not an image"),
      "cat/.z.png": Buffer.from("nor this"),
      ".hidden/a.png": Buffer.from("nor this"),
    });
    const data = await openData(at);
    expect(data).toMatchObject({ name: at, shape: [1, 3, 2], count: 3 });
    expect([...data.labels]).toEqual([0, 1, 1]);
    expect([...data.pixels]).toEqual([1, 2, 3].flatMap((from) => ramp(6, from)));
    expect(data.note).toContain("1 of 4 files left out");
    const rest = await openData(`${at}[1:]`);
    expect(rest).toMatchObject({ name: `${at}[1:3]`, count: 2 });
    expect([...rest.labels]).toEqual([1, 1]);
  });

  test("coloured images: channel after channel, alpha dropped, grey ones among them in three", async () => {
    const rgb = ramp(18);
    const rgba = Array.from({ length: 24 }, (_, i) => (i % 4 === 3 ? 90 : i));
    const at = folder({
      "a/1.png": png(RGB, size, rgb),
      "a/2.png": png(RGBA, size, rgba),
      "b/3.png": png(GREY, size, ramp(6, 5)),
    });
    const data = await openData(at);
    expect(data.shape).toEqual([3, 3, 2]);
    const planes = (pixels: number[], channels: number): number[] =>
      [0, 1, 2].flatMap((c) => pixels.filter((_, i) => i % channels === c));
    const grey = ramp(6, 5);
    expect([...data.pixels]).toEqual([
      ...planes(rgb, 3),
      ...planes(rgba, 4),
      ...[...grey, ...grey, ...grey],
    ]);
  });

  test("sub-folders that are whole numbers are labels", async () => {
    const image = png(GREY, size, ramp(6));
    const data = await openData(folder({ "10/a.png": image, "9/a.png": image, "2/a.png": image }));
    expect([...data.labels].sort((a, b) => a - b)).toEqual([2, 9, 10]);
  });

  test("JPEG files, near what was put in", async () => {
    const flat = Buffer.alloc(16 * 16 * 3, 120);
    const image = sharp(flat, { raw: { width: 16, height: 16, channels: 3 } });
    const data = await openData(folder({ "0/a.jpg": await image.jpeg().toBuffer() }));
    expect(data.shape).toEqual([3, 16, 16]);
    for (const pixel of data.pixels) expect(Math.abs(pixel - 120)).toBeLessThanOrEqual(2);
  });

  test.each([
    ["no images", { "a/readme.txt": Buffer.from("x") }, "1 sub-folders with no image"],
    [
      "no sub-folders",
      { "a.png": png(GREY, size, ramp(6)) },
      "give a folder with one sub-folder a",
    ],
    ["a broken file", { "a/x.png": Buffer.from("x") }, "a/x.png: not an image that can be read"],
    [
      "two sizes",
      { "a/x.png": png(GREY, size, ramp(6)), "b/y.png": png(GREY, [3, 2], ramp(6)) },
      "b/y.png: 3 x 2 pixels, but",
    ],
  ])("%s: refused", async (_, files, words) => {
    await expect(openData(folder(files))).rejects.toMatchObject({
      code: "data-unreadable",
      message: expect.stringContaining(words) as string,
    });
  });
});

describe("a folder of images with index.csv", () => {
  const grey = (from: number): Buffer => png(GREY, size, ramp(6, from));
  const listed = (index: string, ...names: readonly string[]): string =>
    folder({
      ...Object.fromEntries(names.map((name, i) => [name, grey(i)])),
      "index.csv": Buffer.from(index),
    });

  test("labels, sources and order are the index's, wherever the files lie", async () => {
    const at = listed("file,label,source\n3/b.png,5,70\na.png,0,9\n", "a.png", "3/b.png");
    const data = await openData(at);
    expect(data).toMatchObject({ count: 2, shape: [1, 3, 2] });
    expect([[...data.labels], [...data.source!]]).toEqual([
      [5, 0],
      [70, 9],
    ]);
    expect([...data.pixels]).toEqual([1, 0].flatMap((from) => ramp(6, from)));
    expect(data.note).toBe("labels and sources of 2 images by index.csv");
  });

  test("a file that was taken out is left out and counted; one that came is refused", async () => {
    const at = listed("file,label\n0/a.png,0\n1/b.png,1\n", "0/a.png", "1/c.png");
    await expect(openData(at)).rejects.toThrow(
      /index.csv: does not list 1\/c.png\nadd a row for it, or remove the index/,
    );
    rmSync(join(at, "1/c.png"));
    const { labels, note } = await openData(at);
    expect([...labels]).toEqual([0]);
    expect(note).toBe("labels of 1 images by index.csv; 1 that it lists are not there: left out");
  });

  test("words are names in the model's order, else sorted; a table of other columns is no index", async () => {
    const at = listed("label,file\ndog,a.png\nant,b.png\n", "a.png", "b.png");
    expect([...(await openData(at)).labels]).toEqual([1, 0]);
    const modelClasses = ["cat", "dog", "ant"];
    const named = await openData(at, { modelClasses });
    expect([[...named.labels], named.classes]).toEqual([[1, 2], modelClasses]);
    await expect(openData(at, { classes: ["ant", "cat"] })).rejects.toThrow(
      /"dog" is none of the 2 classes/,
    );
    const table = listed("id,width\n1,2\n", "7/a.png");
    expect([...(await openData(table)).labels]).toEqual([7]);
  });
});
