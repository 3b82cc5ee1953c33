// A folder of images with one sub-folder a class, as image sets are kept on disk.
//
// Decoding is sharp's: the pixels of PNG and JPEG files come out as Pillow gives them, what a network saw in
// training. It is an optional dependency, loaded when a folder is opened.
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { TemperError } from "../errors.ts";
import { type Dataset, imageSize } from "./dataset.ts";

const EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp"];

/** Files decoded at once: the library has threads of its own. */
const AT_ONCE = 64;

interface ImageFile {
  readonly path: string;
  readonly label: number;
}

/** An image as it lies in its file: bytes, row by row, channels of a pixel side by side. */
interface Decoded {
  readonly data: Uint8Array;
  readonly info: { readonly width: number; readonly height: number; readonly channels: number };
}

type Decode = (path: string) => Promise<Decoded>;

async function decoder(): Promise<Decode> {
  const { default: sharp } = await import("sharp").catch((cause) => {
    throw new TemperError(
      "data-unreadable",
      "folders of images need the package sharp, which was left out here\n" +
        '"npm install sharp" adds it; or pack the images into a .npz file with x uint8 [n, c, h, w] and y [n]',
      { cause },
    );
  });
  return async (path) => {
    const image = sharp(path).removeAlpha();
    const { space } = await image.metadata();
    // Left to itself it turns grey pixels into three equal ones.
    const grey = space === "b-w" || space === "grey16";
    return image
      .toColourspace(grey ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
  };
}

/** The classes in order. Names that are all whole numbers are labels; others are numbered as they sort. */
function labelsOf(classes: readonly string[]): Map<string, number> {
  const numbers = classes.every((name) => /^\d+$/.test(name));
  return new Map(classes.toSorted().map((name, i) => [name, numbers ? Number(name) : i]));
}

/** The images, class by class, and what lies among them that is none. */
async function filesOf(
  folder: string,
): Promise<{ readonly images: readonly ImageFile[]; readonly others: readonly string[] }> {
  const classes: string[] = [];
  for (const name of await readdir(folder)) {
    // A link to a folder is a class like any other: left out, it would shift the labels of the rest.
    const target = await stat(join(folder, name)).catch(() => undefined);
    if (target?.isDirectory() && !name.startsWith(".")) classes.push(name);
  }
  const images: ImageFile[] = [];
  const others: string[] = [];
  for (const [name, label] of labelsOf(classes)) {
    for (const file of (await readdir(join(folder, name))).toSorted()) {
      if (file.startsWith(".")) continue;
      const path = join(folder, name, file);
      if (EXTENSIONS.includes(extname(file).toLowerCase())) images.push({ path, label });
      else others.push(path);
    }
  }
  if (images.length > 0) return { images, others };
  throw new TemperError(
    "data-unreadable",
    `${folder}: ${classes.length} sub-folders with no image in them\n` +
      `give a folder with one sub-folder a class, images as ${EXTENSIONS.join(", ")}`,
  );
}

async function decoded(decode: Decode, { path }: ImageFile): Promise<Decoded> {
  try {
    return await decode(path);
  } catch (cause) {
    const words = (cause as Error).message.split("\n")[0];
    throw new TemperError("data-unreadable", `${path}: not an image that can be read: ${words}`, {
      cause,
    });
  }
}

/** Channels side by side -> channel after channel. A grey image among coloured ones has three equal channels. */
function planes({ data, info }: Decoded, channels: number, out: Uint8Array): void {
  const pixels = info.width * info.height;
  for (let c = 0; c < channels; c++) {
    const from = Math.min(c, info.channels - 1);
    for (let i = 0; i < pixels; i++) out[c * pixels + i] = data[i * info.channels + from];
  }
}

/**
 * Opens a folder: images [count, 1 or 3, height, width], class after class, file after file, both as their
 * names sort. An alpha channel is dropped, sixteen bits become eight.
 *
 * @throws TemperError data-unreadable: no images, one that cannot be read, sizes that differ
 */
export async function openImageFolder(folder: string): Promise<Dataset> {
  const { images: files, others } = await filesOf(folder);
  const decode = await decoder();
  const images: Decoded[] = [];
  for (let at = 0; at < files.length; at += AT_ONCE) {
    const some = files.slice(at, at + AT_ONCE);
    images.push(...(await Promise.all(some.map((file) => decoded(decode, file)))));
  }
  const { width, height } = images[0].info;
  const other = images.findIndex(({ info }) => info.width !== width || info.height !== height);
  if (other >= 0) {
    const { info } = images[other];
    throw new TemperError(
      "data-unreadable",
      `${files[other].path}: ${info.width} x ${info.height} pixels, but ${files[0].path} has ${width} x ${height}\n` +
        "give images of one size: the model's",
    );
  }
  const channels = images.some(({ info }) => info.channels > 1) ? 3 : 1;
  const shape = [channels, height, width];
  const size = imageSize(shape);
  const pixels = new Uint8Array(files.length * size);
  for (const [i, image] of images.entries()) {
    planes(image, channels, pixels.subarray(i * size, (i + 1) * size));
  }
  return {
    name: folder,
    shape,
    count: files.length,
    pixels,
    labels: Int32Array.from(files, ({ label }) => label),
    note:
      others.length === 0
        ? undefined
        : `${others.length} of ${files.length + others.length} files left out (${others[0]}): ` +
          `not ${EXTENSIONS.join(", ")}`,
  };
}
