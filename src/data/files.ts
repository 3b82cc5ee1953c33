// Where data files lie and how their bytes are read, gzipped or not.
import { access, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { TemperError } from "../errors.ts";

/** No published data set is near this; a file that unpacks to more is broken or hostile. */
const MAX_UNPACKED_BYTES = 2 ** 31;

export interface FolderOptions {
  /** Wins over the environment variable TEMPER_DATA, which wins over the user's cache folder. */
  readonly dataDir?: string | undefined;
}

/** Where this system keeps what can be made again. */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === "win32") return LOCALAPPDATA || join(homedir(), "AppData", "Local");
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches");
  return XDG_CACHE_HOME || join(homedir(), ".cache");
}

/** The folder that holds `mnist` and `cifar10`. */
export function dataFolder({ dataDir }: FolderOptions = {}): string {
  return dataDir || process.env.TEMPER_DATA || join(cacheFolder(), "temper");
}

/** Unpacks gzip, recognised by its first bytes; other bytes are returned as they are. */
function gunzip(bytes: Uint8Array, where: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (cause) {
    throw new TemperError(
      "data-unreadable",
      `${where}: cannot be unpacked: ${(cause as Error).message}\nthe gzip file is damaged; fetch it again`,
      { cause },
    );
  }
}

/**
 * The unpacked bytes of a file.
 * @throws TemperError file-missing, data-unreadable
 */
export async function readDataFile(path: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    throw new TemperError(
      "file-missing",
      `${path}: cannot be read: ${(cause as Error).message}\ncheck the path`,
      { cause },
    );
  }
  const unpacked = gunzip(bytes, path);
  // A plain view: the slice() of a Node Buffer shares memory where a typed array's copies.
  return new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength);
}

/** `folder/name` or `folder/name.gz`, whichever is there, or undefined. */
export async function findPublished(folder: string, name: string): Promise<string | undefined> {
  for (const path of [join(folder, name), join(folder, `${name}.gz`)]) {
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  return undefined;
}

/** The refusal when a published file is not in the folder. */
export function missingPublished(data: string, folder: string, file: string): TemperError {
  return new TemperError(
    "file-missing",
    `${data}: ${file} (or ${file}.gz) is not in ${folder}\n` +
      `"temper data ${data.split(":")[0]}" fetches it; ` +
      "or put the files as published there, or set TEMPER_DATA or --data-dir to the folder above it",
  );
}
