// IDX files as MNIST publishes them: big-endian header, then one byte a pixel or a label.
import { TemperError } from "../errors.ts";
import { type Dataset, imageSize } from "./dataset.ts";
import { findPublished, missingPublished, readDataFile } from "./files.ts";

const IMAGES_MAGIC = 2051; // unsigned bytes, three dimensions
const LABELS_MAGIC = 2049; // unsigned bytes, one dimension

/** Checks magic and length; returns the dimensions and the bytes after the header, uncopied. */
function readIdx(bytes: Uint8Array, magic: number, where: string): [number[], Uint8Array] {
  const refuse = (what: string): never => {
    throw new TemperError(
      "data-unreadable",
      `${where}: ${what}\n` +
        `give the IDX ${magic === IMAGES_MAGIC ? "images" : "labels"} file as published, gzipped or not`,
    );
  };
  const header = 4 + 4 * (magic & 0xff); // the magic's last byte is the number of dimensions
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = bytes.length < 4 ? undefined : view.getUint32(0);
  if (found !== undefined && found !== magic) {
    refuse(`starts with the number ${found}, not ${magic}`);
  }
  if (bytes.length < header) refuse(`${bytes.length} bytes are too few for an IDX header`);
  const dims: number[] = [];
  for (let at = 4; at < header; at += 4) dims.push(view.getUint32(at));
  const total = header + imageSize(dims);
  if (bytes.length !== total) {
    refuse(`its header says [${dims}], ${total} bytes, but it has ${bytes.length}`);
  }
  return [dims, bytes.subarray(header)];
}

/**
 * Images [count, 1, rows, columns] and labels from the unpacked bytes of two IDX files; `where`
 * names them in messages.
 * @throws TemperError data-unreadable: wrong magic, truncated, too long, counts that differ
 */
function readIdxPair(
  images: Uint8Array,
  labels: Uint8Array,
  where: { readonly name: string; readonly images: string; readonly labels: string },
): Dataset {
  const [[count, rows, columns], pixels] = readIdx(images, IMAGES_MAGIC, where.images);
  const [[labelCount], labelBytes] = readIdx(labels, LABELS_MAGIC, where.labels);
  if (count !== labelCount) {
    throw new TemperError(
      "data-unreadable",
      `${where.name}: ${count} images in ${where.images}, but ${labelCount} labels in ${where.labels}\n` +
        "give two files of the same set",
    );
  }
  return {
    name: where.name,
    shape: [1, rows, columns],
    count,
    pixels,
    labels: Int32Array.from(labelBytes),
  };
}

/** Opens `idx:IMAGES,LABELS`. */
export async function openIdx(name: string, images: string, labels: string): Promise<Dataset> {
  const [imageBytes, labelBytes] = [await readDataFile(images), await readDataFile(labels)];
  return readIdxPair(imageBytes, labelBytes, { name, images, labels });
}

/** Opens `mnist:train` or `mnist:test` from the published files in `folder`. */
export async function openMnist(split: "train" | "test", folder: string): Promise<Dataset> {
  const name = `mnist:${split}`;
  const prefix = split === "train" ? "train" : "t10k";
  const path = async (file: string): Promise<string> => {
    const found = await findPublished(folder, file);
    if (found === undefined) throw missingPublished(name, folder, file);
    return found;
  };
  const images = await path(`${prefix}-images-idx3-ubyte`);
  return openIdx(name, images, await path(`${prefix}-labels-idx1-ubyte`));
}
