// Encoded images -> the pixels that Pillow gives, what a network saw in training, packed as one array.
//
// Decoding is sharp's, told to leave colour profiles and orientation alone. It is an optional dependency, loaded
// when images are opened. Resizing is our own: sharp's differs from Pillow's, and shrinks JPEGs while loading.
import { closeSync, openSync } from "node:fs";
import { TemperError } from "../errors.ts";
import type { Progress } from "../progress.ts";
import { cachedFile, readNote, writeNote } from "./cache.ts";
import { imageSize } from "./dataset.ts";
import { demandMemory } from "./memory.ts";
import { type PixelFile, writeBytes } from "./pixel-file.ts";
import { type SizeOptions, sizeAfter, sized, sizingInWords, sizingOf } from "./preprocess.ts";
import type { Bitmap } from "./resample.ts";

/** Files decoded at once: the library has threads of its own. */
const AT_ONCE = 64;

const PACKED = "; or pack the images into a .npz file with x uint8 [n, c, h, w] and y [n]";

/** An image as it is stored. */
export interface EncodedImage {
  /** Names it in messages. */
  readonly name: string;
  /** A path, or the bytes of the file. */
  readonly source: string | Uint8Array;
}

/** How images are decoded. */
export interface ImageOptions extends SizeOptions {
  /** Whether images are turned as their EXIF tag says: `ignore`, as Pillow does, or `apply`. Default ignore. */
  readonly exif?: "apply" | "ignore" | undefined;
  /** Is told how many images are decoded. */
  readonly onProgress?: Progress | undefined;
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly grey: boolean;
  readonly cmyk: boolean;
  readonly alpha: boolean;
  readonly sixteenBit: boolean;
  readonly profile: boolean;
  readonly turned: boolean;
}

type Sharp = typeof import("sharp").default;

/** @param otherwise what can be done without it, behind the advice to install it */
export async function loadSharp(otherwise = ""): Promise<Sharp> {
  const { default: sharp } = await import("sharp").catch((cause) => {
    throw new TemperError(
      "data-unreadable",
      "image files need the package sharp, which was left out here\n" +
        `"npm install sharp" adds it${otherwise}`,
      { cause },
    );
  });
  return sharp;
}

// Pillow reads on where libjpeg only warns; sharp would stop there.
const open = (sharp: Sharp, { source }: EncodedImage): ReturnType<Sharp> =>
  sharp(source, { ignoreIcc: true, failOn: "error" });

async function readable<T>({ name }: EncodedImage, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const words = (cause as Error).message.split("\n")[0];
    throw new TemperError("data-unreadable", `${name}: not an image that can be read: ${words}`, {
      cause,
    });
  }
}

async function headerOf(sharp: Sharp, image: EncodedImage, turn: boolean): Promise<Header> {
  const about = await readable(image, () => open(sharp, image).metadata());
  const { space, depth, orientation = 1 } = about;
  const sideways = turn && orientation >= 5;
  return {
    width: sideways ? about.height : about.width,
    height: sideways ? about.width : about.height,
    grey: space === "b-w" || space === "grey16",
    cmyk: space === "cmyk",
    alpha: about.hasAlpha,
    sixteenBit: depth === "ushort",
    profile: about.hasProfile,
    turned: orientation > 1,
  };
}

/** Pillow's MULDIV255. */
const product255 = (a: number, b: number): number => {
  const t = a * b + 128;
  return ((t >> 8) + t) >> 8;
};

/** Ink -> colour as Pillow computes it, from the raw channels. */
function colourOfInk(data: Uint8Array): Uint8Array {
  const out = new Uint8Array((data.length / 4) * 3);
  for (let i = 0; i < data.length / 4; i++) {
    const paper = 255 - data[4 * i + 3];
    for (let c = 0; c < 3; c++) {
      out[3 * i + c] = Math.max(0, paper - product255(data[4 * i + c], paper));
    }
  }
  return out;
}

/** Sixteen bits, lowest byte first -> their high byte. */
const highBytes = (data: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: data.length / 2 }, (_, i) => data[2 * i + 1]);

async function decode(
  sharp: Sharp,
  image: EncodedImage,
  { grey, cmyk, sixteenBit }: Header,
  turn: boolean,
): Promise<Bitmap> {
  const opened = turn ? open(sharp, image).autoOrient() : open(sharp, image);
  const spaces = sixteenBit ? (["grey16", "rgb16"] as const) : (["b-w", "srgb"] as const);
  const plain = cmyk
    ? opened.pipelineColourspace("cmyk").toColourspace("cmyk")
    : // Left to itself it turns grey pixels into three equal ones, and rounds sixteen bits by a curve.
      opened
        .removeAlpha()
        .pipelineColourspace(sixteenBit ? spaces[grey ? 0 : 1] : "srgb")
        .toColourspace(spaces[grey ? 0 : 1]);
  const deep = sixteenBit && !cmyk;
  const { data, info } = await readable(image, () =>
    plain.raw({ depth: deep ? "ushort" : "uchar" }).toBuffer({ resolveWithObject: true }),
  );
  if (cmyk) return { ...info, data: colourOfInk(data), channels: 3 };
  return { ...info, data: deep ? highBytes(data) : data };
}

/** Channels side by side -> channel after channel. A grey image among coloured ones has three equal channels. */
function planes(image: Bitmap, channels: number, out: Uint8Array): void {
  const pixels = image.width * image.height;
  for (let c = 0; c < channels; c++) {
    const from = Math.min(c, image.channels - 1);
    for (let i = 0; i < pixels; i++) out[c * pixels + i] = image.data[i * image.channels + from];
  }
}

/** @throws TemperError data-unreadable unless all images have one size after resizing and crop */
function commonSize(
  images: readonly EncodedImage[],
  sizes: readonly (readonly [number, number])[],
): readonly [number, number] {
  const [width, height] = sizes[0];
  const other = sizes.findIndex(([w, h]) => w !== width || h !== height);
  if (other < 0) return [width, height];
  const [w, h] = sizes[other];
  throw new TemperError(
    "data-unreadable",
    `${images[other].name}: ${w} x ${h} pixels, but ${images[0].name} has ${width} x ${height}\n` +
      "give images of one size, or --preprocess torchvision or timm, as the model was trained, " +
      "or --resize S with --crop S",
  );
}

/** What was changed on the way, counted. */
function conversions(headers: readonly Header[], channels: number, turn: boolean): string[] {
  const count = (of: (header: Header) => boolean): number => headers.filter(of).length;
  const counted: readonly (readonly [number, string])[] = [
    [count(({ alpha, cmyk }) => alpha && !cmyk), "alpha dropped"],
    [count(({ sixteenBit, grey }) => sixteenBit && !grey), "16 bits to the high 8"],
    [
      count(({ sixteenBit, grey }) => sixteenBit && grey),
      'grey of 16 bits to the high 8 (Pillow\'s convert("L") saturates it)',
    ],
    [count(({ cmyk }) => cmyk), "CMYK to RGB by Pillow's formula"],
    [count(({ profile }) => profile), "colour profile ignored"],
    [count(({ turned }) => turned), turn ? "turned as EXIF says" : "EXIF orientation ignored"],
    [channels === 3 ? count(({ grey }) => grey) : 0, "grey to three equal channels"],
  ];
  return counted.filter(([n]) => n > 0).map(([n, what]) => `${n} of ${headers.length} ${what}`);
}

/** How images of one size are packed: bytes `[n, channels, height, width]`. */
interface Packing {
  readonly shape: readonly [number, number, number];
  /** What was converted; undefined where nothing was. */
  readonly note: string | undefined;
}

/** Images of one size in memory. */
export interface PackedImages extends Packing {
  readonly pixels: Uint8Array;
}

/** Images of one size in a file. */
export interface StoredImages extends Packing {
  readonly pixels: PixelFile;
}

/** Bytes of pixels that are held in memory in any case. */
const HELD = 2 ** 29;

/**
 * Decodes images, one or more, resizes and crops them. One coloured image makes all of them three channels.
 * @throws TemperError data-unreadable: an image that cannot be read, sizes that differ; bad-option
 */
export async function packImages(
  images: readonly EncodedImage[],
  options: ImageOptions,
): Promise<PackedImages> {
  return packed(images, options, await packingOf(images, options));
}

/**
 * Does the same with a file in the place of memory, where there are many: the next call with this key finds it again.
 *
 * @param key of all that decides the pixels; `held`: bytes of pixels that are in memory in any case, by default 512 MB
 */
export async function storeImages(
  images: readonly EncodedImage[],
  options: ImageOptions,
  { key, held = HELD }: { readonly key: string; readonly held?: number },
): Promise<PackedImages | StoredImages> {
  const known = await readNote<Packing>(key);
  let read: Read | undefined;
  const packing = async (): Promise<Read> => {
    read ??= await packingOf(images, options);
    return read;
  };
  const { shape, note } = known ?? (await packing());
  const size = imageSize(shape);
  if (images.length * size <= held) return packed(images, options, await packing());
  const path = await cachedFile(key, images.length * size, async (file) => {
    const descriptor = openSync(file, "r+");
    try {
      const take = (pixels: Uint8Array, i: number): void =>
        writeBytes(descriptor, pixels, i * size);
      await decodeAll(images, options, await packing(), take);
    } finally {
      closeSync(descriptor);
    }
    await writeNote(key, { shape, note });
  });
  if (path === undefined) return packed(images, options, await packing());
  return { shape, note, pixels: { file: path, at: 0, type: "uint8" } };
}

async function packed(
  images: readonly EncodedImage[],
  options: ImageOptions,
  { shape, note, headers }: Read,
): Promise<PackedImages> {
  const size = imageSize(shape);
  demandMemory(
    images.length * size,
    `${images.length} images of [${shape}]`,
    "give fewer images, or smaller ones by --resize and --crop",
  );
  const pixels = new Uint8Array(images.length * size);
  await decodeAll(images, options, { shape, headers }, (image, i) => pixels.set(image, i * size));
  return { shape, note, pixels };
}

/** With the headers of the files. */
interface Read extends Packing {
  readonly headers: readonly Header[];
}

/** Reads the headers: what will be refused is refused before the long part. */
async function packingOf(images: readonly EncodedImage[], options: ImageOptions): Promise<Read> {
  const sizing = sizingOf(options);
  const turn = options.exif === "apply";
  const sharp = await loadSharp(PACKED);
  const headers = await inParts(images, (image) => headerOf(sharp, image, turn));
  const sizes = headers.map(({ width, height }) => sizeAfter(width, height, sizing));
  const [width, height] = commonSize(images, sizes);
  const channels = headers.every(({ grey }) => grey) ? 1 : 3;
  const words = [sizingInWords(sizing), ...conversions(headers, channels, turn)];
  const note = words.filter(Boolean).join(", ") || undefined;
  return { shape: [channels, height, width], note, headers };
}

/** Decodes every image, and hands over its pixels and its place. */
async function decodeAll(
  images: readonly EncodedImage[],
  options: ImageOptions,
  { shape, headers }: Pick<Read, "shape" | "headers">,
  take: (pixels: Uint8Array, i: number) => void,
): Promise<void> {
  const sizing = sizingOf(options);
  const turn = options.exif === "apply";
  const sharp = await loadSharp(PACKED);
  let done = 0;
  await inParts(images, async (image, i) => {
    const whole = sized(await decode(sharp, image, headers[i], turn), sizing);
    const pixels = new Uint8Array(imageSize(shape));
    planes(whole, shape[0], pixels);
    take(pixels, i);
    options.onProgress?.("reading images", ++done, images.length);
  });
}

async function inParts<T, R>(
  all: readonly T[],
  one: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const part = all.slice(at, at + AT_ONCE);
    results.push(...(await Promise.all(part.map((item, k) => one(item, at + k)))));
  }
  return results;
}
