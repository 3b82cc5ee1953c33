// WebDataset: samples in tar files, found by the endings of their names, and read where they lie.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openData } from "../src/data/open.ts";
import { GREY, png } from "./helpers/png.ts";

const folder = mkdtempSync(join(tmpdir(), "temper-tar-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const put = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};

type Member = readonly [name: string, bytes: Uint8Array | string, kind?: string];

const padded = (bytes: Uint8Array): Uint8Array => {
  const out = new Uint8Array(512 * Math.ceil(bytes.length / 512));
  out.set(bytes);
  return out;
};

function header(name: string, size: number, kind: string): Uint8Array {
  const bytes = new Uint8Array(512);
  const write = (at: number, words: string) => bytes.set(new TextEncoder().encode(words), at);
  write(0, name);
  write(124, size.toString(8).padStart(11, "0"));
  write(148, " ".repeat(8));
  write(156, kind);
  write(257, "ustar\x0000");
  const sum = bytes.reduce((a, c) => a + c, 0);
  write(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return bytes;
}

/** A tar file; a name in two parts stands in an extended header before its own. */
const tar = (members: readonly Member[]): Uint8Array =>
  Buffer.concat([
    ...members.flatMap(([name, given, kind = "0"]) => {
      const bytes = typeof given === "string" ? new TextEncoder().encode(given) : given;
      return [header(name, bytes.length, kind), padded(bytes)];
    }),
    new Uint8Array(1024),
  ]);

const image = (value: number): Uint8Array => png(GREY, [2, 3], Array(6).fill(value));
const pax = (key: string, value: string): string => {
  const record = (length: number): string => `${length} ${key}=${value}\n`;
  return record(record(10).length);
};

const plain: Member[] = [
  ["data/0001.png", image(7)],
  ["data/0001.cls", "3\n"],
  ["data/0001.json", "{}"],
  ["data", "", "5"],
  ["data/0002.cls", "0"],
  ["data/0002.png", image(9)],
];

describe("a tar file of samples", () => {
  it("gives its images and labels in its order, whichever part comes first", async () => {
    const data = await openData(put("plain.tar", tar(plain)));
    expect(data).toMatchObject({ count: 2, shape: [1, 3, 2], labels: Int32Array.of(3, 0) });
    expect([...data.pixels]).toEqual([...Array(6).fill(7), ...Array(6).fill(9)]);
  });

  it("knows long names, extended headers, words as labels, and what stands beside the samples", async () => {
    const long = `${"far/".repeat(40)}0003`;
    const members: Member[] = [
      ["pax_global_header", pax("comment", "x"), "g"],
      ["README.txt", "about"],
      ["././@PaxHeader", pax("mtime", "17.25"), "x"],
      ["a/1.JPG.png", "no image of ours"],
      ["././@PaxHeader", pax("path", `${long}.png`), "x"],
      ["cut", image(1)],
      ["././@LongLink", `${long}.cls\0`, "L"],
      ["cut", "dog"],
      ["b.png", image(2)],
      ["b.cls", "cat"],
    ];
    const data = await openData(put("named.tar", tar(members)));
    expect(data).toMatchObject({ classes: ["cat", "dog"], labels: Int32Array.of(1, 0) });
    expect(data.note).toContain("cat");
  });

  it("may be one of several, and has other endings by --keys", async () => {
    put("part-0.tar", tar(plain));
    put(
      "part-1.tar",
      tar([
        ["c.png", image(4)],
        ["c.seg.png", image(5)],
        ["c.cls", "9"],
        ["c.txt", "1"],
      ]),
    );
    expect((await openData(join(folder, "part-*.tar"))).labels).toEqual(Int32Array.of(3, 0, 9));
    const name = `${join(folder, "part-1.tar")}[0:1]`;
    const data = await openData(name, { keys: { x: "seg.png", y: "txt" } });
    expect([data.labels[0], data.pixels[0], data.reading]).toEqual([
      ...[1, 5, { keys: { x: "seg.png", y: "txt" } }],
    ]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["a text", new TextEncoder().encode("no archive, by far. ".repeat(60)), /is no tar file/],
    ["cut short", tar(plain).subarray(0, 900), /is cut short/],
    ["a changed header", tar(plain).map((byte, i) => (i === 1030 ? byte ^ 1 : byte)), /damaged/],
    ["nothing", tar([]), /holds no images/],
    ["an image without a label", tar(plain.slice(0, 1)), /0001: no label among png/],
    ["a label without an image", tar(plain.slice(1, 2)), /no image among cls/],
    ["an empty label", tar([plain[0], ["data/0001.cls", " \n"]]), /label is empty/],
    ["no image in it", tar([["data/0001.png", "text"], plain[1]]), /not an image that can be read/],
  ])("is refused: %s", async (name, bytes, words) => {
    await expect(openData(put(`${name}.tar`, bytes))).rejects.toMatchObject({
      code: "data-unreadable",
      message: expect.stringMatching(words) as string,
    });
  });

  it("is refused where it is not there", async () => {
    await expect(openData(join(folder, "none.tar"))).rejects.toThrow(/none.tar: cannot be read/);
    await expect(openData(join(folder, "none-*.tar"))).rejects.toThrow(/no file is named so/);
  });
});
