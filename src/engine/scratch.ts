// Files without a name that all workers write and read: what is too large for messages travels by them.
//
// A message is copied some six times on its way, into memory that the parent's collector has to clear away. The
// same bytes written to a file and read back into an array that is there already take a quarter of the time.
import { randomUUID } from "node:crypto";
import { openSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesOf, readBytes, writeBytes } from "../data/pixel-file.ts";

/** The descriptor in a child process of the file whose places the tasks agree on. */
export const SCRATCH = 4;

/** The descriptor there of a second one, which holds what is shared (held.ts). */
export const HELD = 5;

/** The descriptor there of a third one, which is the child's own: its long answers (long-answers.ts). */
export const ANSWERS = 6;

/** Bytes from which on an array travels by a file. */
export const LONG = 1e6;

/**
 * Opens a file and returns its descriptor, or undefined where there is no place for temporary files. Its name is
 * removed at once, so that nothing stays behind, however the process ends.
 */
export function openScratch(): number | undefined {
  const path = join(tmpdir(), `temper-${randomUUID()}`);
  try {
    const file = openSync(path, "wx+", 0o600);
    unlinkSync(path);
    return file;
  } catch {
    return undefined;
  }
}

/** Writes numbers at a byte of the file; false where there is no room for them. */
export function writeAt(file: number, numbers: ArrayBufferView, at: number): boolean {
  try {
    writeBytes(file, numbers, at);
    return true;
  } catch {
    return false;
  }
}

/** Fills an array from a byte of the file on. */
export function readAt(file: number, into: ArrayBufferView, at: number): void {
  readBytes(file, bytesOf(into), at);
}
