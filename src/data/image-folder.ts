// A folder of images with one sub-folder a class, as image sets are kept on disk.
import { joinNotes } from "./classes.ts";
import type { Dataset } from "./dataset.ts";
import { type FolderClasses, labelledFiles } from "./folders.ts";
import { type ImageOptions, packImages } from "./images.ts";

/**
 * Opens a folder: images [count, 1 or 3, height, width], class after class, file after file, both as their
 * names sort.
 *
 * @throws TemperError data-unreadable: no images, one that cannot be read, sizes that differ, labels that would be a
 *   guess; data-mismatch: a folder that is none of the classes
 */
export async function openImageFolder(
  folder: string,
  options: ImageOptions & FolderClasses = {},
): Promise<Dataset> {
  const { files, classes, note } = await labelledFiles(folder, options);
  const images = files.map(({ path }) => ({ name: path, source: path }));
  const packed = await packImages(images, options);
  return {
    name: folder,
    shape: packed.shape,
    count: files.length,
    pixels: packed.pixels,
    labels: Int32Array.from(files, ({ label }) => label),
    classes,
    note: joinNotes(note, packed.note),
  };
}
