// The pixels of shared data sets, in a file that all processes read: one copy, however many processes there are.
import { type ImageSource, typeOf } from "../data/dataset.ts";
import { writePixels } from "../data/pixel-file.ts";
import { HELD } from "./scratch.ts";
import { isSame } from "./task.ts";

/** What was shared last under a key, and its place in the file; of no bytes where it is not in the file. */
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
 *   where it is the one that was shared last under this key
 */
export function holdImages(
  held: HeldImages,
  key: string,
  { shape, count, labels, pixels }: ImageSource,
): ImageSource | undefined {
  const given: ImageSource = { shape, count, labels, pixels };
  const known = held.places.get(key);
  if (known !== undefined && isSame(known.given, given)) return undefined;
  const place = known ?? { at: held.end, bytes: 0 };
  const file = ArrayBuffer.isView(pixels) ? written(held, place, pixels) : undefined;
  held.places.set(key, { ...place, ...file, given });
  if (file === undefined) return given;
  return { shape, count, labels, pixels: { file: HELD, at: file.at, type: typeOf(pixels) } };
}

/** Writes pixels to a place that is large enough, or to the end of the file; undefined where there is no room. */
function written(
  held: HeldImages,
  place: Omit<Place, "given">,
  pixels: Uint8Array | Float32Array,
): Omit<Place, "given"> | undefined {
  if (held.file === undefined) return undefined;
  const fits = pixels.byteLength <= place.bytes;
  const at = fits ? place.at : held.end;
  try {
    writePixels(held.file, pixels, at);
  } catch {
    return undefined;
  }
  if (!fits) held.end += 4 * Math.ceil(pixels.byteLength / 4);
  return { at, bytes: fits ? place.bytes : pixels.byteLength };
}
