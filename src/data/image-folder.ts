// A folder of images with one sub-folder a class, as image sets are kept on disk, or with an index of its files.
import { joinNotes } from "./classes.ts";
import type { Dataset } from "./dataset.ts";
import { indexedFiles } from "./folder-index.ts";
import { type FolderClasses, labelledFiles } from "./folders.ts";
import { type ImageOptions, packImages } from "./images.ts";

/**
 * Opens a folder: images [count, 1 or 3, height, width] in the order of its index.csv with columns file and label,
 * else class after class, file after file, both as their names sort.
 *
 * @throws TemperError data-unreadable: no images, one that cannot be read, sizes that differ, labels that would be a
 *   guess; data-mismatch: a folder that is none of the classes
 */
export async function openImageFolder(
  folder: string,
  options: ImageOptions & FolderClasses = {},
): Promise<Dataset> {
  const listed = (await indexedFiles(folder, options)) ?? (await bySubFolder(folder, options));
  const { paths, note, ...labelled } = listed;
  const packed = await packImages(
    paths.map((path) => ({ name: path, source: path })),
    options,
  );
  return {
    name: folder,
    shape: packed.shape,
    count: paths.length,
    pixels: packed.pixels,
    ...labelled,
    note: joinNotes(note, packed.note),
  };
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
