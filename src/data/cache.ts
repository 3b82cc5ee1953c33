// Files that can be made again, kept for the next run under the hash of all that decides them, up to a limit.
import { randomUUID } from "node:crypto";
import {
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { TemperError } from "../errors.ts";
import { cacheFolder } from "./files.ts";

/** Bytes that the files may take in all, where TEMPER_CACHE_LIMIT (in GB) says nothing else. */
const LIMIT = 20e9;

/** How long a file may be unfinished before it is taken for what a killed process left. */
const ABANDONED_MS = 24 * 3600 * 1000;

const WHOLE = ".kept";
const PART = ".part";
const NOTE = ".json";

/** A file of the cache. */
export interface CachedFile {
  readonly path: string;
  readonly bytes: number;
  /** When it was last used. */
  readonly used: Date;
}

/** The folder: TEMPER_CACHE, or one in the user's cache folder. */
export const keptFolder = (): string =>
  process.env.TEMPER_CACHE || join(cacheFolder(), "temper", "kept");

/**
 * The limit in bytes.
 *
 * @throws TemperError `bad-option` where TEMPER_CACHE_LIMIT is no number
 */
export function cacheLimit(): number {
  const stated = process.env.TEMPER_CACHE_LIMIT;
  if (stated === undefined || stated === "") return LIMIT;
  const gigabytes = Number(stated);
  if (gigabytes >= 0) return gigabytes * 1e9;
  throw new TemperError(
    "bad-option",
    `TEMPER_CACHE_LIMIT is "${stated}": expected a number of GB, 0 or more`,
  );
}

/**
 * The path of a file of a known length, which is made where it is not there. It is whole or it is not there: another
 * process that makes the same one at the same time replaces it by an equal one.
 *
 * @param key of all that decides what it holds
 * @param make fills the file, which has its length already
 * @returns undefined where it does not fit the limit, or cannot be written
 */
export async function cachedFile(
  key: string,
  bytes: number,
  make: (path: string) => Promise<void>,
): Promise<string | undefined> {
  const folder = keptFolder();
  const path = join(folder, `${key}${WHOLE}`);
  if (bytes > cacheLimit()) return undefined;
  const there = await stat(path).catch(() => undefined);
  if (there?.size === bytes) {
    const now = new Date();
    await utimes(path, now, now).catch(() => {}); // Of a cache that may only be read, the times stay.
    return path;
  }
  const part = join(folder, `${key}.${randomUUID()}${PART}`);
  try {
    await mkdir(folder, { recursive: true });
    const { bavail, bsize } = await statfs(folder);
    if (bytes > bavail * bsize) return undefined;
    const file = await open(part, "wx", 0o600);
    await file.truncate(bytes).finally(() => file.close());
    await make(part);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true }).catch(() => {});
    if (isFull(error)) return undefined;
    throw error;
  }
  await pruneCache(cacheLimit(), path);
  return path;
}

/** What was noted of a file beside its bytes; undefined where nothing was, or what is there cannot be read. */
export async function readNote<T>(key: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(join(keptFolder(), `${key}${NOTE}`), "utf8")) as T;
  } catch {
    return undefined;
  }
}

/** Notes something of a file that is being made. */
export const writeNote = (key: string, note: unknown): Promise<void> =>
  writeFile(join(keptFolder(), `${key}${NOTE}`), JSON.stringify(note));

/** Whether a file could not be written, for want of room or of the right to. */
const isFull = (error: unknown): boolean =>
  ["ENOSPC", "EDQUOT", "EFBIG", "EACCES", "EPERM", "EROFS", "ENOTDIR"].includes(
    (error as NodeJS.ErrnoException).code ?? "",
  );

/** Lists the files, the one used last first; unfinished ones too. */
export async function cachedFiles(): Promise<CachedFile[]> {
  const folder = keptFolder();
  const names = await readdir(folder).catch(() => []);
  const own = names.filter((name) => name.endsWith(WHOLE) || name.endsWith(PART));
  const files = await Promise.all(
    own.map(async (name): Promise<CachedFile[]> => {
      const path = join(folder, name);
      const there = await stat(path).catch(() => undefined); // Another process may have removed it.
      return there === undefined ? [] : [{ path, bytes: there.size, used: there.mtime }];
    }),
  );
  return files.flat().toSorted((a, b) => b.used.getTime() - a.used.getTime());
}

/**
 * Removes the files that were used longest ago, until the others are within a limit.
 *
 * @param keep the path of one that stays
 * @returns what was removed
 */
export async function pruneCache(limit: number, keep?: string): Promise<CachedFile[]> {
  const files = await cachedFiles();
  const removed: CachedFile[] = [];
  let total = files.find(({ path }) => path === keep)?.bytes ?? 0;
  for (const file of files) {
    if (file.path === keep) continue;
    const unfinished = file.path.endsWith(PART);
    const abandoned = Date.now() - file.used.getTime() > ABANDONED_MS;
    if (unfinished ? limit > 0 && !abandoned : total + file.bytes <= limit) {
      total += file.bytes;
      continue;
    }
    await rm(file.path, { force: true });
    if (!unfinished) await rm(file.path.replace(WHOLE, NOTE), { force: true });
    removed.push(file);
  }
  return removed;
}
