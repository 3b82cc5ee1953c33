// Files that appear whole or not at all.
import { randomBytes } from "node:crypto";
import { open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TemperError } from "../errors.ts";

/** A rename lasts only once its folder is on disk; Windows cannot open folders and needs no sync. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  await handle.sync().finally(() => handle.close());
}

/** Whether a name is that of a temporary file, which a process leaves that is killed while it writes. */
export const isTemporary = (name: string): boolean => /\.[0-9a-f]{12}\.tmp$/.test(name);

/** Removes the temporary files of a folder, or those alone whose names begin as given. */
export async function removeTemporaries(folder: string, beginning = ""): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(beginning) && isTemporary(name))
      await rm(join(folder, name), { force: true });
  }
}

/**
 * Writes a file so that a reader, also after a crash, sees the old content or the new, never half:
 * a temporary file in the same folder, flushed, then renamed.
 * @throws TemperError file-missing when the folder is not there or cannot be written
 */
export async function writeAtomic(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await open(temporary, "wx");
    await handle
      .writeFile(bytes)
      .then(() => handle.sync())
      .finally(() => handle.close());
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first failure is the news
    throw new TemperError(
      "file-missing",
      `${path}: cannot be written: ${(cause as Error).message}\n` +
        "check that the folder exists, may be written and has space",
      { cause },
    );
  }
}

/** @throws TemperError file-exists where the folder is there and not empty, or is none */
export async function checkNewFolder(folder: string): Promise<void> {
  const present = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [];
    throw new TemperError("file-exists", `"${folder}" is no folder: ${cause.message}`, { cause });
  });
  if (present.length === 0) return;
  const message = `"${folder}" is not empty\nname a folder that is not there`;
  throw new TemperError("file-exists", message);
}

/**
 * Writes a folder that appears whole or not at all.
 *
 * @param fill writes what the folder holds into the one that it is given, which it makes
 * @throws TemperError file-exists where the folder is there and not empty; file-missing where it cannot be written
 */
export async function writeFolder(
  folder: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  await checkNewFolder(folder);
  const temporary = `${folder.replace(/[\\/]+$/, "")}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await fill(temporary);
    await rm(folder, { recursive: true, force: true }); // an empty one
    await rename(temporary, folder);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    if (cause instanceof TemperError) throw cause;
    throw new TemperError(
      "file-missing",
      `${folder}: cannot be written: ${(cause as Error).message}\n` +
        "check that the folder above it exists, may be written and has space",
      { cause },
    );
  }
}
