// What is shared and long, in a file that all processes read: the pixels of data sets, of which there is one copy then,
// however many processes there are, and theta, which as a message each of them would be sent.
import { type ImageSource, typeOf } from "../data/dataset.ts";
import { writeBytes } from "../data/pixel-file.ts";
import { HELD, LONG, readAt } from "./scratch.ts";
import { isSame } from "./task.ts";

/** A key's place in the file, of no bytes where it has none; and the data set that was shared last under it. */
interface Place {
  readonly given?: ImageSource;
  readonly at: number;
  readonly bytes: number;
}

/** What lies in the file: a key keeps its place where what is shared next under it fits there. */
export interface Held {
  readonly file: number | undefined;
  readonly places: Map<string, Place>;
  end: number;
}

export const nothingHeld = (file: number | undefined): Held => ({
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
  held: Held,
  key: string,
  { shape, count, labels, pixels }: ImageSource,
): ImageSource | undefined {
  const given: ImageSource = { shape, count, labels, pixels };
  const known = held.places.get(key);
  if (known !== undefined && isSame(known.given, given)) return undefined;
  const place = known ?? NOWHERE;
  const file = ArrayBuffer.isView(pixels) ? written(held, place, pixels) : undefined;
  held.places.set(key, { ...place, ...file, given });
  if (file === undefined) return given;
  return { shape, count, labels, pixels: { file: HELD, at: file.at, type: typeOf(pixels) } };
}

const NOWHERE: Place = { at: 0, bytes: 0 };

/** Where float32 lie in the file. */
export interface HeldNumbers {
  readonly at: number;
  readonly length: number;
}

/**
 * Writes long numbers into the file, in place of those that were shared before under this key. A process that reads
 * late finds the new ones, of which it is told next: what it was asked with the old ones nobody waits for any more.
 *
 * @returns undefined where the value is none, or not long, or there is no room for it
 */
export function holdNumbers(held: Held, key: string, value: unknown): HeldNumbers | undefined {
  if (!(value instanceof Float32Array) || value.byteLength < LONG) return undefined;
  const place = written(held, held.places.get(key) ?? NOWHERE, value);
  if (place === undefined) return undefined;
  held.places.set(key, place);
  return { at: place.at, length: value.length };
}

/** The numbers, in a process that has the file. */
export function heldNumbers({ at, length }: HeldNumbers): Float32Array {
  const numbers = new Float32Array(length);
  readAt(HELD, numbers, at);
  return numbers;
}

/** Writes an array to a place that is large enough, or to the end of the file; undefined where there is no room. */
function written(held: Held, place: Place, array: Uint8Array | Float32Array): Place | undefined {
  if (held.file === undefined) return undefined;
  const fits = array.byteLength <= place.bytes;
  const at = fits ? place.at : held.end;
  try {
    writeBytes(held.file, array, at);
  } catch {
    return undefined;
  }
  if (!fits) held.end += 4 * Math.ceil(array.byteLength / 4);
  return { at, bytes: fits ? place.bytes : array.byteLength };
}
