// The pixels of shared data sets, in a file that all processes read: one copy, however many processes there are.
import type { ImageSource } from "../data/dataset.ts";
import { writePixels } from "../data/pixel-file.ts";
import { HELD } from "./scratch.ts";
import { isSame } from "./task.ts";

/** The pixels of each key, where they were written and by what they are known again. */
interface Place {
  readonly given: ImageSource;
  readonly at: number;
  readonly bytes: number;
}

/** What lies in the file: a key keeps its place where its next data set fits there. */
export interface HeldImages {
  readonly file: number | undefined;
  readonly places: Map<string, Place>;
  end: number;
}

export const noImages = (file: number | undefined): HeldImages => ({
  file,
  places: new Map(),
  end: 0,
});

/**
 * Writes the pixels of a data set into the file.
 *
 * @returns the data set as the processes read it: from the file, or as it is where there is no room in one; undefined
 *   where it is the one that was written last for this key
 */
export function holdImages(
  held: HeldImages,
  key: string,
  { shape, count, labels, pixels }: ImageSource,
): ImageSource | undefined {
  const given: ImageSource = { shape, count, labels, pixels };
  const known = held.places.get(key);
  if (known !== undefined && isSame(known.given, given)) return undefined;
  if (held.file === undefined || !ArrayBuffer.isView(pixels)) return given;
  const bytes = pixels.byteLength;
  const at = known !== undefined && bytes <= known.bytes ? known.at : held.end;
  try {
    writePixels(held.file, pixels, at);
  } catch {
    held.places.delete(key);
    return given;
  }
  held.places.set(key, { given, at, bytes: at === held.end ? bytes : known!.bytes });
  if (at === held.end) held.end += 4 * Math.ceil(bytes / 4);
  const type = pixels instanceof Uint8Array ? "uint8" : "float32";
  return { shape, count, labels, pixels: { file: HELD, at, type } };
}
