// Which folder is which label: stated, stored in the model, or sorted; what would shift labels is refused.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { classesInMetadata, inOrderOf, parseClasses } from "../src/data/classes.ts";
import { checkDataset, type Dataset } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { readPoints, writePoints } from "../src/data/points.ts";

const home = mkdtempSync(join(tmpdir(), "temper-classes-"));
afterAll(() => rmSync(home, { recursive: true }));

const image = await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } })
  .png()
  .toBuffer();

/** A folder of images at these places; a name that ends in a slash is an empty folder. */
function folder(...names: readonly string[]): string {
  const at = mkdtempSync(join(home, "set-"));
  for (const name of names) {
    const path = join(at, name);
    mkdirSync(name.endsWith("/") ? path : dirname(path), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(path, image);
  }
  return at;
}

const refusal = (code: string, text: string | RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(text) as string }) as Error;

describe("the order of folders", () => {
  const words = ["ant/1.png", "bee/1.png", "bee/2.png", "cat/1.png"];

  test("sorted names, said; a slice and points keep them", async () => {
    const data = await openData(folder(...words));
    expect([...data.labels]).toEqual([0, 1, 1, 2]);
    expect(data.classes).toEqual(["ant", "bee", "cat"]);
    expect(data.note).toBe(
      "3 folders, labels in the sorted order of their names: 0 ant, 1 bee, 2 cat",
    );
    expect(readPoints(writePoints(data), "p").classes).toEqual(data.classes);
  });

  test("the stated names, from a file of lines or of JSON, or a list; a class may be missing", async () => {
    const at = folder(...words);
    const names = ["dog", "cat", "bee", "ant"];
    const [lines, json] = [join(home, "lines.txt"), join(home, "names.json")];
    writeFileSync(lines, `${names.join("\r\n")}\r\n`);
    writeFileSync(json, JSON.stringify(names));
    for (const classes of [names, lines, json]) {
      const data = await openData(at, { classes });
      expect([...data.labels]).toEqual([3, 2, 2, 1]);
      expect(data.classes).toEqual(names);
    }
    const stated = openData(at, { classes: ["ant", "bees", "cat"] });
    await expect(stated).rejects.toThrow(refusal("data-mismatch", /"bee" .*did you mean "bees"/));
  });

  test("the model's names, where every folder is one of them but for case and hyphens", async () => {
    const at = folder("Big_Cat/1.png", "ant/1.png");
    const data = await openData(at, { modelClasses: ["ant", "bee", "big cat"] });
    expect([...data.labels]).toEqual([2, 0]);
    const other = await openData(at, { modelClasses: ["ant", "bee", "cow"] });
    expect([...other.labels]).toEqual([0, 1]);
    expect(other.note).toContain("sorted order");
  });

  test("numbers are labels, however they sort as text, and that is said", async () => {
    const data = await openData(folder("0/a.png", "1/a.png", "2/a.png", "10/a.png", "__MACOSX/"));
    expect([...data.labels].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 10]);
    expect(data.note).toMatch(/0 to 10; sorted as text \(0, 1, 10, 2, .*--classes/);
  });

  test("digits and then letters are as they sort", async () => {
    const data = await openData(folder("0/a.png", "1/a.png", "A/a.png"));
    expect(data.classes).toEqual(["0", "1", "A"]);
  });

  test("what programs leave is left out; a class may be called so where it is stated", async () => {
    const at = folder("a/1.png", "b/1.png", "thumbs/1.png", ".git/1.png", "__MACOSX/1.png");
    expect([...(await openData(at)).labels]).toEqual([0, 1]);
    expect((await openData(at)).note).toContain("left out: the folders __MACOSX, thumbs");
    const stated = await openData(at, { classes: ["a", "b", "thumbs"] });
    expect([...stated.labels]).toEqual([0, 1, 2]);
  });

  test.each([
    ["an empty class", ["a/1.png", "b/", "c/1.png"], /"b" has no images; .*shift/],
    [
      "numbers and words",
      ["1/1.png", "2/1.png", "misc/1.png"],
      /"1" is a number and "misc" is none/,
    ],
    ["the same number twice", ["1/1.png", "01/1.png"], /two folders are the label 1/],
    ["the parts of a set", ["train/1.png", "val/1.png"], /parts of a data set, not classes/],
  ])("refused: %s", async (_, names, text) => {
    await expect(openData(folder(...names))).rejects.toThrow(refusal("data-unreadable", text));
  });

  test("a folder whose name ends as a slice does is a folder", async () => {
    const at = `${folder(...words)}[0:1]`;
    mkdirSync(join(at, "only"), { recursive: true });
    writeFileSync(join(at, "only/1.png"), image);
    expect(await openData(at)).toMatchObject({ name: at, count: 1, classes: ["only"] });
  });

  test("another number of classes than the model's labels is refused", async () => {
    const data = await openData(folder(...words));
    checkDataset(data, { shape: [3, 2, 2], labels: 3 });
    expect(() => checkDataset(data, { shape: [3, 2, 2], labels: 4 })).toThrow(
      refusal("data-mismatch", /3 classes .* the model has 4 labels(.|\n)*--classes/),
    );
  });
});

describe("names", () => {
  test("data with names of their own are translated", () => {
    const data = {
      name: "d",
      labels: Int32Array.of(0, 1, 1),
      classes: ["x", "y"],
    } as unknown as Dataset;
    const moved = inOrderOf(data, ["y", "z", "x"]);
    expect([...moved.labels]).toEqual([2, 0, 0]);
    expect(() => inOrderOf(data, ["x", "z"])).toThrow(refusal("data-mismatch", /"y" is none/));
    expect(inOrderOf({ ...data, labels: Int32Array.of(0) }, ["x", "z"]).classes).toEqual([
      "x",
      "z",
    ]);
  });

  test.each([
    ["a\n\nb", /name 1 is ""/],
    ["a\nb\na", /"a" is there twice/],
    ["[1, 2]", /name 0 is "1"/],
    ["[", /not a JSON list/],
    ["a", /1 name/],
  ])("refused: %j", (text, why) => {
    expect(() => parseClasses(text, "f")).toThrow(refusal("bad-option", why));
  });

  test.each([
    ["names", "{0: 'cat', 1: 'dog'}"],
    ["id2label", '{"1": "dog", "0": "cat"}'],
    ["label2id", '{"dog": 1, "cat": 0}'],
    ["classes", '["cat", "dog"]'],
    ["class_names", "cat,dog"],
    ["labels", "cat\ndog"],
  ])("of a model, in its metadata as %s = %s", (key, value) => {
    const metadata = new Map([
      ["author", "a,b"],
      [key, value],
    ]);
    expect(classesInMetadata(metadata, 2)).toEqual(["cat", "dog"]);
    expect(classesInMetadata(metadata, 3)).toBeUndefined();
  });
});
