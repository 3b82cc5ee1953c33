// The RUN folder: prepared, written once, read back. Only files that a run.json lists are ever removed.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "../data/write.ts";
import { TemperError } from "../errors.ts";

export const RECORD = "run.json";

export const sha256 = (bytes: Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

async function listFolder(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new TemperError("file-exists", `cannot use "${folder}" as a run folder: ${message}`, {
      cause,
    });
  }
}

/** Reads a JSON file of a run. */
export async function readJson(folder: string, name: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, name), "utf8"));
  } catch (cause) {
    throw new TemperError(
      "run-unreadable",
      `"${folder}" is not a finished run: cannot read its ${name} (${(cause as Error).message})`,
      { cause },
    );
  }
}

/**
 * Makes sure that a run may be written to `folder`: it does not exist, is empty, or `force` is given
 * and it holds a run, whose listed files are then removed.
 *
 * @throws TemperError `file-exists`
 */
export async function prepareFolder(folder: string, force: boolean): Promise<void> {
  const present = await listFolder(folder);
  if (present === undefined || present.length === 0) return;
  if (!present.includes(RECORD)) {
    throw new TemperError(
      "file-exists",
      `"${folder}" exists and is not a run of Temper (no ${RECORD})\ngive another folder`,
    );
  }
  if (!force) {
    throw new TemperError(
      "file-exists",
      `"${folder}" holds a run already\ngive another folder, or --force to replace it`,
    );
  }
  const { files } = (await readJson(folder, RECORD)) as { readonly files?: unknown };
  if (!Array.isArray(files) || !files.every((name) => /^[\w-]+\.[a-z]+$/.test(name))) {
    throw new TemperError(
      "run-unreadable",
      `"${folder}/${RECORD}" lists no files; remove the folder yourself`,
    );
  }
  for (const name of files) await rm(join(folder, name), { force: true });
}

/** Writes the files of a run, the record last: a folder with a run.json is complete. */
export async function writeFolder(
  folder: string,
  files: ReadonlyMap<string, Uint8Array | string>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = [...files.keys()].filter((name) => name !== RECORD);
  for (const name of [...names, RECORD]) await writeAtomic(join(folder, name), files.get(name)!);
}

/** Reads a binary file of a run and checks that it is the one the record was written with. */
export async function readChecked(folder: string, name: string, hash: string): Promise<Uint8Array> {
  const path = join(folder, name);
  const bytes = await readFile(path).catch((cause) => {
    throw new TemperError("run-unreadable", `cannot read "${path}": ${cause.message}`, { cause });
  });
  if (sha256(bytes) !== hash) {
    throw new TemperError("run-unreadable", `"${path}" was changed since the run was written`);
  }
  return bytes;
}
