// Which files of a published data set are in a folder, and whether they are what was published.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { TemperError } from "../errors.ts";
import { findPublished, readDataFile } from "./files.ts";
import type { KnownFile } from "./published.ts";

/** One published file as it lies in a folder. */
export interface FileStatus {
  /** Its published name, unpacked. */
  readonly name: string;
  /** Where it lies, plain or gzipped, and its size there; null when it is missing. */
  readonly path: string | null;
  readonly bytes: number | null;
  /** `wrong`: there, but its unpacked bytes are not the published ones. */
  readonly state: "right" | "wrong" | "missing";
}

export const sha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

/** The size of a file, 0 when there is none. */
export const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

/** Whether the file at `path` has the known size and checksum, its bytes as they lie there. */
export async function isRight(path: string, known: KnownFile): Promise<boolean> {
  if ((await sizeOf(path)) !== known.bytes) return false;
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex") === known.sha256;
}

async function isRightUnpacked(path: string, known: KnownFile): Promise<boolean> {
  try {
    const bytes = await readDataFile(path);
    return bytes.length === known.bytes && sha256(bytes) === known.sha256;
  } catch (error) {
    if (error instanceof TemperError && error.code === "data-unreadable") return false;
    throw error;
  }
}

/**
 * Looks for each file in `folder` as `openData` does, and compares what it unpacks to with its checksum.
 * @throws TemperError file-missing: a file is there but cannot be read
 */
export async function verifyFiles(
  files: readonly KnownFile[],
  folder: string,
): Promise<FileStatus[]> {
  const statuses: FileStatus[] = [];
  for (const known of files) {
    const { name } = known;
    const path = await findPublished(folder, name);
    if (path === undefined) statuses.push({ name, path: null, bytes: null, state: "missing" });
    else {
      const state = (await isRightUnpacked(path, known)) ? "right" : "wrong";
      statuses.push({ name, path, bytes: await sizeOf(path), state });
    }
  }
  return statuses;
}
