// Pixels in an open file, read by ranges: one copy for all processes, of what is too much to hold in each.
import { openSync, readSync, writeSync } from "node:fs";

/** Where pixels lie. */
export interface PixelFile {
  /** The descriptor of the file in the process that reads, or its path. */
  readonly file: number | string;
  /** The first byte, a multiple of 4. */
  readonly at: number;
  /** Bytes 0..255, or float32 in pixel units. */
  readonly type: "uint8" | "float32";
}

/** Whether a value says where pixels lie. */
export const isPixelFile = (value: unknown): value is PixelFile =>
  typeof value === "object" && value !== null && "file" in value && "at" in value;

/** The pixels of a file from one of them on. */
export const partOfFile = (pixels: PixelFile, from: number): PixelFile => ({
  ...pixels,
  at: pixels.at + from * (pixels.type === "uint8" ? 1 : 4),
});

/** Bytes that one call of the system takes; Node's own limit is 2 ** 31 - 1. */
export const ONE_CALL = 2 ** 30;

/**
 * Pixels `from` .. `to` - 1, as they are kept; a copy.
 *
 * @throws Error where the file ends before
 */
export function readPixels(
  { file, at, type }: PixelFile,
  from: number,
  to: number,
): Uint8Array | Float32Array {
  const pixels = type === "uint8" ? new Uint8Array(to - from) : new Float32Array(to - from);
  const descriptor = typeof file === "number" ? file : opened(file);
  readBytes(descriptor, bytesOf(pixels), at + from * pixels.BYTES_PER_ELEMENT);
  return pixels;
}

/**
 * Writes an array at a byte of a file.
 *
 * @throws Error where there is no room for it
 */
export function writeBytes(file: number, array: ArrayBufferView, at: number): void {
  const bytes = bytesOf(array);
  for (let done = 0; done < bytes.length; ) {
    const next = Math.min(bytes.length - done, ONE_CALL);
    done += writeSync(file, bytes, done, next, at + done);
  }
}

/** Fills an array from a byte of a file on. */
export function readBytes(file: number, into: Uint8Array, at: number): void {
  for (let done = 0; done < into.length; ) {
    const next = Math.min(into.length - done, ONE_CALL);
    const read = readSync(file, into, done, next, at + done);
    if (read === 0) throw new Error("a file is shorter than what was written to it");
    done += read;
  }
}

const descriptors = new Map<string, number>();

/** The descriptor of a file by its path: opened once, and closed with the process. */
function opened(path: string): number {
  const descriptor = descriptors.get(path) ?? openSync(path, "r");
  descriptors.set(path, descriptor);
  return descriptor;
}

/** The bytes of an array, which they share. */
export const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
