// Images written as PNG files, a folder for each label: what opens again as a folder of images.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { TemperError } from "../errors.ts";
import { type Dataset, imageSize, imagesOf } from "./dataset.ts";
import { loadSharp } from "./images.ts";
import { checkNewFolder, writeFolder } from "./write.ts";

/** What was written. */
export interface Written {
  /** Paths of the images in the folder, in the order of the data. */
  readonly files: readonly string[];
  /** Images with a pixel that is not k / 255, and was rounded or cut off to one. */
  readonly changed: number;
}

/**
 * Writes every image as LABEL/NUMBER.png, grey or in three colours, and index.csv: file, label and, where it is
 * known, the index in the original data. The folder appears whole or not at all.
 *
 * @throws TemperError `file-exists` where the folder is there and not empty; `data-mismatch` of images that are not
 *   [height, width] or [1 or 3, height, width]; `data-unreadable` without the package sharp; `file-missing` where it
 *   cannot be written
 */
export async function writeImageFolder(data: Dataset, folder: string): Promise<Written> {
  const [width, height, channels = 1] = data.shape.toReversed();
  if (![2, 3].includes(data.shape.length) || ![1, 3].includes(channels)) {
    throw new TemperError(
      "data-mismatch",
      `${data.name}: images are [${data.shape}], and PNG needs [height, width] or [1 or 3, height, width]`,
    );
  }
  await checkNewFolder(folder);
  const encode = await encoder({ width, height, channels });
  const files: string[] = [];
  let changed = 0;
  await writeFolder(folder, async (temporary) => {
    const digits = String(data.count - 1).length;
    for (let i = 0; i < data.count; i++) {
      const { bytes, exact } = bytesOf(imagesOf(data, i, i + 1), channels);
      if (!exact) changed++;
      const label = String(data.labels[i]);
      await mkdir(join(temporary, label), { recursive: true });
      files.push(`${label}/${String(i).padStart(digits, "0")}.png`);
      await writeFile(join(temporary, files[i]), await encode(bytes));
    }
    await writeFile(join(temporary, "index.csv"), csvOf(data, files));
  });
  return { files, changed };
}

function csvOf({ labels, source }: Dataset, files: readonly string[]): string {
  const heading = source === undefined ? "file,label" : "file,label,source";
  const rows = files.map((file, i) =>
    [file, labels[i], ...(source === undefined ? [] : [source[i]])].join(","),
  );
  return `${[heading, ...rows].join("\n")}\n`;
}

/** Pixels, channel after channel, as bytes with the channels side by side. */
function bytesOf(
  x: Float32Array,
  channels: number,
): { readonly bytes: Uint8Array; readonly exact: boolean } {
  const pixels = imageSize([x.length / channels]);
  const bytes = new Uint8Array(x.length);
  let exact = true;
  for (const [i, value] of x.entries()) {
    const byte = Math.min(255, Math.max(0, Math.round(255 * value)));
    if (Math.fround(byte / 255) !== value) exact = false;
    bytes[(i % pixels) * channels + Math.floor(i / pixels)] = byte;
  }
  return { bytes, exact };
}

async function encoder(size: {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}): Promise<(bytes: Uint8Array) => Promise<Uint8Array>> {
  const sharp = await loadSharp();
  const raw = { ...size, channels: size.channels as 1 | 3 };
  // Left to itself it writes grey pixels as three equal ones.
  const space = size.channels === 1 ? "b-w" : "srgb";
  return (bytes) => sharp(bytes, { raw }).toColourspace(space).png().toBuffer();
}
