// Archives of any size, read from the disk by ranges: the 64-bit fields of ZIP, and what is not believed.

import { mkdtempSync, rmSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { arrayOf, type NpyArray, writeNpy } from "../src/data/npy.ts";
import { readNpzFile, writeNpz } from "../src/data/npz.ts";
import { openPoints, readPoints, writePoints } from "../src/data/points.ts";
import { listZip } from "../src/data/zip.ts";
import { noise } from "./helpers/small.ts";

const folder = mkdtempSync(join(tmpdir(), "temper-zip-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
async function write(bytes: Uint8Array): Promise<string> {
  const path = join(folder, `${files++}.npz`);
  await writeFile(path, bytes);
  return path;
}

const u16 = (n: number): number[] => [n & 255, (n >> 8) & 255];
const u32 = (n: number): number[] => [...u16(n), ...u16(n >>> 16)];
const u64 = (n: number): number[] => [...u32(n), ...u32(0)];
const FULL = 0xffffffff;

interface Change {
  readonly deflate?: boolean;
  readonly crc?: number;
  /** What the directory says that a member has when it is unpacked. */
  readonly claims?: number;
}

/** An archive whose every size and place stands in 64-bit fields, as one of more than 4 GB has them. */
function zip64(members: ReadonlyMap<string, Uint8Array>, change: Change = {}): Uint8Array {
  const bytes: number[] = [];
  const directory: number[] = [];
  for (const [name, data] of members) {
    const stored = change.deflate ? new Uint8Array(deflateRawSync(data)) : data;
    const [at, method] = [bytes.length, change.deflate ? 8 : 0];
    const letters = [...new TextEncoder().encode(name)];
    const head = [
      ...u16(45),
      ...u16(0),
      ...u16(method),
      ...u32(0),
      ...u32(change.crc ?? crc32(data)),
    ];
    const sizes = [...u64(change.claims ?? data.length), ...u64(stored.length)];
    bytes.push(...u32(0x04034b50), ...head, ...u32(FULL), ...u32(FULL));
    bytes.push(...u16(letters.length), ...u16(20), ...letters, ...u16(1), ...u16(16), ...sizes);
    bytes.push(...stored);
    directory.push(...u32(0x02014b50), ...u16(45), ...head, ...u32(FULL), ...u32(FULL));
    // Another field stands before the one that counts.
    directory.push(...u16(letters.length), ...u16(6 + 28), ...u16(0), ...u16(0), ...u16(0));
    directory.push(...u32(0), ...u32(FULL), ...letters, ...u16(9), ...u16(2), 0, 0);
    directory.push(...u16(1), ...u16(24), ...sizes, ...u64(at));
  }
  const [at, end] = [bytes.length, bytes.length + directory.length];
  const count = members.size;
  bytes.push(...directory, ...u32(0x06064b50), ...u64(44), ...u16(45), ...u16(45), ...u32(0));
  bytes.push(...u32(0), ...u64(count), ...u64(count), ...u64(directory.length), ...u64(at));
  bytes.push(...u32(0x07064b50), ...u32(0), ...u64(end), ...u32(1));
  bytes.push(...u32(0x06054b50), ...u16(0), ...u16(0), ...u16(0xffff), ...u16(0xffff));
  return Uint8Array.from([...bytes, ...u32(FULL), ...u32(FULL), ...u16(3), 1, 2, 3]);
}

const arrays = new Map<string, NpyArray>([
  [
    "x",
    arrayOf(
      Float32Array.from({ length: 3000 }, (_, i) => i / 3),
      [3, 1000],
    ),
  ],
  ["y", arrayOf(Int32Array.of(4, 5, 6))],
]);
const members = new Map([...arrays].map(([name, array]) => [`${name}.npy`, writeNpy(array)]));

describe("an archive on the disk", () => {
  it.each<[string, Uint8Array]>([
    ["as it is written here", writeNpz(arrays)],
    ["with 64-bit fields", zip64(members)],
    ["with 64-bit fields, deflated", zip64(members, { deflate: true })],
  ])("%s gives its arrays", async (_, bytes) => {
    const path = await write(bytes);
    const found = await readNpzFile(path, { only: ["x", "y", "z"] });
    expect(found.arrays).toEqual(arrays);
    expect(found.held).toEqual(["x", "y"]);
    expect([...(await readNpzFile(path, { only: ["y"] })).arrays.keys()]).toEqual(["y"]);
  });

  it("gives the same data set by ranges as from memory", async () => {
    const bytes = writePoints(noise(5));
    const path = await write(bytes);
    expect(await openPoints(path, "points")).toEqual(readPoints(bytes, "points"));
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      "a text",
      new TextEncoder().encode("no archive, by far ".repeat(9)),
      /no directory at its end/,
    ],
    ["cut short", zip64(members).subarray(0, 2000), /no directory at its end/],
    [
      "a beginning that is gone",
      zip64(members).subarray(100),
      /cut short|directory is not where it says|outside/,
    ],
    ["another checksum", zip64(members, { crc: 1 }), /x.npy is damaged: its checksum/],
    ["a stored member that claims more", zip64(members, { claims: 9e8 }), /claims 900000000 bytes/],
    ["a deflated one", zip64(members, { deflate: true, claims: 2 ** 31 - 1 }), /claims 2147483647/],
    ["a deflated one that is shorter", zip64(members, { deflate: true, claims: 13000 }), /shorter/],
    ["a deflated one that is longer", zip64(members, { deflate: true, claims: 99 }), /longer/],
  ])("is refused: %s", async (_, bytes, words) => {
    const path = await write(bytes);
    await expect(readNpzFile(path, { only: ["x"] })).rejects.toMatchObject({
      code: "data-unreadable",
      message: expect.stringMatching(words) as string,
    });
  });

  it("is refused for any byte that is changed, or read as it was", async () => {
    const whole = zip64(members, { deflate: true });
    const headers = whole.length - 500; // the directory and what leads to it
    for (let i = 0; i < whole.length; i += i < headers ? 400 : 3) {
      const bytes = whole.slice();
      bytes[i] ^= 0x55;
      const path = await write(bytes);
      const read = await readNpzFile(path, { only: ["y"] }).catch((error: unknown) => error);
      if (read instanceof Error) expect(read).toMatchObject({ code: "data-unreadable" });
      else if (read !== undefined) {
        const { arrays: found } = read as Awaited<ReturnType<typeof readNpzFile>>;
        if (found.has("y")) expect(found.get("y")).toEqual(arrays.get("y"));
      }
      rmSync(path);
    }
  });

  it("lists its members with where they lie", async () => {
    const file = await open(await write(zip64(members)));
    const listed = await listZip(file);
    await file.close();
    expect(listed.map(({ name, originalSize }) => [name, originalSize])).toEqual(
      [...members].map(([name, { length }]) => [name, length]),
    );
    expect(listed[0].at).toBe(0);
  });
});
