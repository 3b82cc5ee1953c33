// A folder of images with one sub-folder a class, as image sets are kept on disk, or with an index of its files.
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { joinNotes } from "./classes.ts";
import type { AnyDataset } from "./dataset.ts";
import { indexedFiles } from "./folder-index.ts";
import { type FolderClasses, labelledFiles } from "./folders.ts";
import { type ImageOptions, packImages, storeImages } from "./images.ts";

/** How a folder is opened. */
export interface FolderImages extends ImageOptions, FolderClasses {
  /**
   * Whether more than 512 MB of pixels lie in a file, where the next opening finds them, and are read by ranges; else
   * all are in memory. Default false.
   */
  readonly stored?: boolean | undefined;
}

/**
 * Opens a folder: images [count, 1 or 3, height, width] in the order of its index.csv with columns file and label,
 * else class after class, file after file, both as their names sort.
 *
 * @throws TemperError data-unreadable: no images, one that cannot be read, sizes that differ, labels that would be a
 *   guess; data-mismatch: a folder that is none of the classes
 */
export async function openImageFolder(
  folder: string,
  options: FolderImages = {},
): Promise<AnyDataset> {
  const listed = (await indexedFiles(folder, options)) ?? (await bySubFolder(folder, options));
  const { paths, note, ...labelled } = listed;
  const images = paths.map((path) => ({ name: path, source: path }));
  const { note: converted, ...packed } =
    options.stored === true
      ? await storeImages(images, options, { key: await keyOf(paths, options) })
      : await packImages(images, options);
  const set = { name: folder, count: paths.length, ...labelled, ...packed };
  return { ...set, note: joinNotes(note, converted) } as AnyDataset;
}

/** Of a form of what is kept: another one makes other pixels of the same files. */
const FORM = "images 1";

/** The hash of all that decides the pixels: a file is known by its path, its size and when it was last changed. */
async function keyOf(paths: readonly string[], options: ImageOptions): Promise<string> {
  const { resize, crop, preprocess, inputShape, exif } = options;
  const hash = createHash("sha256");
  hash.update(JSON.stringify([FORM, resize, crop, preprocess, inputShape, exif]));
  for (const path of paths) {
    const { size, mtimeMs } = await stat(path);
    hash.update(JSON.stringify([resolve(path), size, mtimeMs]));
  }
  return hash.digest("hex");
}

async function bySubFolder(folder: string, options: FolderClasses) {
  const { files, classes, note } = await labelledFiles(folder, options);
  return {
    paths: files.map(({ path }) => path),
    labels: Int32Array.from(files, ({ label }) => label),
    classes,
    note,
  };
}
