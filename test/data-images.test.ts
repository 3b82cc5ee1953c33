// Image files as the training pipeline had them: Pillow's decoding, resizing and crop, each against planted values.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { openData } from "../src/data/open.ts";
import { sizeAfter, sizingOf } from "../src/data/preprocess.ts";
import { type Bitmap, centreCrop, resize, shorterSideTo } from "../src/data/resample.ts";
import { GREY, png, RGB } from "./helpers/png.ts";

const home = mkdtempSync(join(tmpdir(), "temper-images-"));
afterAll(() => rmSync(home, { recursive: true }));

function folder(files: Readonly<Record<string, Uint8Array>>): string {
  const at = mkdtempSync(join(home, "set-"));
  mkdirSync(join(at, "0"));
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(at, "0", name), bytes);
  return at;
}

const row = (...data: readonly number[]): Bitmap => ({
  data: Uint8Array.from(data),
  width: data.length,
  height: 1,
  channels: 1,
});

describe("resizing", () => {
  // By hand: bilinear to half the width weighs 1/8, 3/8, 3/8, 1/8; at the edge 3/7, 3/7, 1/7.
  test("bilinear, shrunk by two", () => {
    const { data } = resize(row(0, 0, 0, 255, 255, 255), 3, 1, "bilinear");
    expect([...data]).toEqual([0, Math.round((255 * 4) / 8), 255]);
    expect([...resize(row(70, 0, 0, 0), 2, 1, "bilinear").data]).toEqual([30, 0]);
  });

  // Enlarged by two, the weights lie at 1/4 and 3/4 between the pixels' centres.
  test("bilinear, enlarged by two", () => {
    expect([...resize(row(0, 100), 4, 1, "bilinear").data]).toEqual([0, 25, 75, 100]);
  });

  // Keys' cubic at 1/4, 3/4, 5/4, 7/4: 0.8672, 0.2266, -0.0703, -0.0234; it overshoots, and is clipped to bytes.
  test("bicubic, enlarged by two", () => {
    const { data } = resize(row(0, 0, 200, 200), 8, 1, "bicubic");
    // Pixel 3 lies a quarter past the second: 200 times the weights of the third and fourth, 3/4 and 7/4 away.
    expect(data[3]).toBe(Math.round(200 * (0.2265625 - 0.0234375)));
    expect(data[4] + data[3]).toBe(200);
    expect(data[5]).toBeGreaterThan(200);
    expect(data[2]).toBe(0);
  });

  test("a flat image stays flat, rows and columns are alike, equal sizes change nothing", () => {
    const sizes = fc.record({
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 40 }),
      to: fc.integer({ min: 1, max: 40 }),
      filter: fc.constantFrom("bilinear" as const, "bicubic" as const),
      bytes: fc.uint8Array({ minLength: 40, maxLength: 40 }),
    });
    fc.assert(
      fc.property(sizes, ({ width, height, to, filter, bytes }) => {
        const flat = {
          data: new Uint8Array(width * height * 3).fill(bytes[0]),
          width,
          height,
          channels: 3,
        };
        expect(new Set(resize(flat, to, to, filter).data)).toEqual(new Set([bytes[0]]));
        const line = row(...bytes.subarray(0, width));
        const column = { ...line, width: 1, height: width };
        expect(resize(line, to, 1, filter).data).toEqual(resize(column, 1, to, filter).data);
        expect(resize(line, width, 1, filter).data).toEqual(line.data);
      }),
      { numRuns: 60 },
    );
  });

  test("sizes and crops round as torchvision's", () => {
    expect(shorterSideTo(500, 375, 256)).toEqual([341, 256]);
    expect(shorterSideTo(375, 500, 256)).toEqual([256, 341]);
    const image = row(0, 1, 2, 3, 4, 5, 6);
    // (7 - 4) / 2 = 1.5 and (7 - 2) / 2 = 2.5 both round to 2, the even number.
    expect([...centreCrop(image, 4, 1).data]).toEqual([2, 3, 4, 5]);
    expect([...centreCrop(image, 2, 1).data]).toEqual([2, 3]);
    expect([...centreCrop(row(1, 2), 5, 1).data]).toEqual([0, 1, 2, 0, 0]);
  });

  test("the defaults of torchvision and timm, scaled to the model", () => {
    const of = (preprocess: "torchvision" | "timm", side?: number) =>
      sizingOf({ preprocess, inputShape: side === undefined ? undefined : [3, side, side] });
    expect(of("torchvision")).toEqual({ resize: 256, filter: "bilinear", crop: [224, 224] });
    expect(of("timm", 299)).toEqual({ resize: 341, filter: "bicubic", crop: [299, 299] });
    expect(sizingOf({ preprocess: "timm", inputShape: [96, 96, 3], crop: 64 }).crop).toEqual([
      64, 64,
    ]);
    expect(sizeAfter(30, 20, sizingOf({ resize: 10 }))).toEqual([15, 10]);
    expect(() => sizingOf({ resize: 0.5 })).toThrow(/resize 0.5/);
    expect(() => sizingOf({ preprocess: "fastai" as "timm" })).toThrow(/torchvision or timm/);
  });
});

describe("decoding", () => {
  const rgb = Uint8Array.from({ length: 4 * 3 * 3 }, (_, i) => 7 * i);
  const raw = { raw: { width: 4, height: 3, channels: 3 as const } };
  const planes = [0, 1, 2].flatMap((c) => [...rgb].filter((_, i) => i % 3 === c));

  test("a colour profile changes no pixel, and is counted", async () => {
    const file = await sharp(rgb, raw).withIccProfile("p3").png().toBuffer();
    // What sharp stores was moved to the profile; without one the same bytes are read as they are.
    const bare = await sharp(file, { ignoreIcc: true }).raw().toBuffer();
    const data = await openData(folder({ "a.png": file }));
    expect(data.note).toContain("1 of 1 colour profile ignored");
    expect([...data.pixels]).toEqual(
      [0, 1, 2].flatMap((c) => [...bare].filter((_, i) => i % 3 === c)),
    );
    expect([...data.pixels]).not.toEqual(planes);
  });

  test("EXIF orientation is ignored or applied, and counted", async () => {
    const file = await sharp(rgb, raw).withMetadata({ orientation: 6 }).png().toBuffer();
    const at = folder({ "a.png": file });
    const asIs = await openData(at);
    expect(asIs).toMatchObject({ shape: [3, 3, 4] });
    expect([...asIs.pixels]).toEqual(planes);
    expect(asIs.note).toContain("1 of 1 EXIF orientation ignored");
    const turned = await openData(at, { exif: "apply" });
    expect(turned.shape).toEqual([3, 4, 3]);
    // A quarter to the right: the first row is the first column, read from below.
    expect([...turned.pixels.subarray(0, 3)]).toEqual([planes[8], planes[4], planes[0]]);
    await expect(openData(at, { exif: "turn" as "apply" })).rejects.toThrow(/exif turn/);
  });

  test("ink is turned into colour by Pillow's formula", async () => {
    const flat = await sharp(new Uint8Array(16 * 16 * 3).fill(90), {
      raw: { width: 16, height: 16, channels: 3 },
    })
      .toColourspace("cmyk")
      .jpeg({ quality: 100 })
      .toBuffer();
    const ink = await sharp(flat, { ignoreIcc: true })
      .pipelineColourspace("cmyk")
      .toColourspace("cmyk")
      .raw()
      .toBuffer();
    const data = await openData(folder({ "a.jpg": flat }));
    expect(data.note).toContain("CMYK to RGB");
    const [c, , , k] = ink;
    const product = (255 - k) * c;
    expect(data.pixels[0]).toBe(Math.max(0, 255 - k - Math.round(product / 255)));
  });

  test("sixteen bits give the high byte", async () => {
    const deep = [0x01, 0x80, 0xff, 0x00, 0x12, 0x34, 0x00, 0xff];
    const data = await openData(folder({ "a.png": png(GREY, [2, 2], deep, 16) }));
    expect([...data.pixels]).toEqual([0x01, 0xff, 0x12, 0x00]);
    expect(data.note).toContain("saturates");
    const colour = Array.from({ length: 24 }, (_, i) => (37 * i) % 256);
    const rgb16 = await openData(folder({ "a.png": png(RGB, [2, 2], colour, 16) }));
    const high = colour.filter((_, i) => i % 2 === 0);
    expect([...rgb16.pixels]).toEqual([0, 1, 2].flatMap((c) => high.filter((_, i) => i % 3 === c)));
  });

  test("mixed sizes are refused with advice, and read with it; progress is told", async () => {
    const file = (width: number) =>
      sharp({ create: { width, height: 20, channels: 3, background: "#123456" } })
        .png()
        .toBuffer();
    const at = folder({ "a.png": await file(20), "b.png": await file(33) });
    await expect(openData(at)).rejects.toThrow(/--preprocess torchvision or timm(.|\n)*--resize S/);
    const seen: number[] = [];
    const data = await openData(at, {
      resize: 10,
      crop: 8,
      onProgress: (_, done, of) => seen.push(done / of),
    });
    expect(data.shape).toEqual([3, 8, 8]);
    expect([...new Set(data.pixels)]).toEqual([0x12, 0x34, 0x56]);
    expect(seen).toEqual([0.5, 1]);
  });
});

test("data that are no image files are not resized, cropped or turned, which is said", async () => {
  const { note, shape } = await openData("digits:test[0:3]", { resize: 32, preprocess: "timm" });
  expect(shape).toEqual([1, 28, 28]);
  expect(note).toMatch(/^resize 32, preprocess timm: for image files only, .* resize them before/);
  expect((await openData("digits:test[0:3]", { keys: { x: "a" } })).note).toBeUndefined();
});
