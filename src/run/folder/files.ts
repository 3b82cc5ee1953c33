// The files of a RUN folder: their names, and how they are prepared for, written, listed and removed.
//
// Only files that a run.json lists are ever removed.
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { sha256 } from "../../data/verify.ts";
import { isTemporary, writeAtomic } from "../../data/write.ts";
import { TemperError } from "../../errors.ts";

export const RECORD = "run.json";
export const TIMINGS = "timings.json";
export const CORRECTED = "corrected.onnx";
/** The data of a model that keeps weights outside its file. */
export const CORRECTED_DATA = `${CORRECTED}.data`;
export const POINTS = "points.npz";
export const THETAS = "thetas.npz";
export const PREDICTIONS = "predictions.npz";
/** The page, which the command line adds when a run is finished: with its times in it, so no hash vouches for it. */
export const REPORT = "report.html";
/** What a run that is not finished goes on from; private to the run that wrote it. */
export const STATE = "state/state.npz";
/** What it goes on from of anchor k = 0, 1, ..., which never changes: written once, before the state that counts it. */
export const anchorFile = (k: number): string => `state/anchor-${k}.npz`;

/** The names in a folder but those of temporary files, or undefined where there is no folder. */
async function listFolder(folder: string): Promise<string[] | undefined> {
  try {
    return (await readdir(folder)).filter((name) => !isTemporary(name));
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new TemperError(
      "file-exists",
      `cannot use "${folder}" as a run folder: ${message}\ngive a path where a folder can be made`,
      {
        cause,
      },
    );
  }
}

/** Whether a folder holds a run, finished or not. */
export const recordIn = async (folder: string): Promise<boolean> =>
  (await listFolder(folder))?.includes(RECORD) ?? false;

/** Reads a JSON file of a run. */
export async function readJson(folder: string, name: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(folder, name), "utf8"));
  } catch (cause) {
    throw new TemperError(
      "run-unreadable",
      `"${folder}" is not a run: cannot read its ${name} (${(cause as Error).message})\n` +
        "give a folder that temper correct wrote",
      { cause },
    );
  }
}

/** Whether the run in a folder is taken up again, or replaced. */
export interface RunInPlace {
  readonly resume?: boolean | undefined;
  readonly force?: boolean | undefined;
}

/**
 * Makes sure that a run may be written to `folder`: it does not exist, is empty, or holds a run that is taken up again
 * or replaced. Returns the files to be replaced; changes nothing.
 *
 * @throws TemperError `file-exists`
 */
export async function checkFolder(
  folder: string,
  { resume = false, force = false }: RunInPlace,
): Promise<readonly string[]> {
  const present = await listFolder(folder);
  if (present === undefined || present.length === 0) return [];
  if (resume && present.includes(RECORD)) return [];
  if (!present.includes(RECORD)) {
    throw new TemperError(
      "file-exists",
      `"${folder}" exists and is not a run of Temper (no ${RECORD})\ngive another folder`,
    );
  }
  const { files, end } = (await readJson(folder, RECORD)) as {
    readonly files?: unknown;
    readonly end?: unknown;
  };
  if (!force) {
    const what = end === undefined ? "an unfinished run" : "a finished run";
    const resume = end === undefined ? "--resume to continue it, " : "";
    throw new TemperError(
      "file-exists",
      `"${folder}" holds ${what}\ngive ${resume}another folder, or --force to replace it`,
    );
  }
  if (!Array.isArray(files) || !files.every((name) => /^(state\/)?[\w-]+\.[a-z]+$/.test(name))) {
    throw new TemperError(
      "run-unreadable",
      `"${folder}/${RECORD}" lists no files; remove the folder yourself`,
    );
  }
  return files;
}

/**
 * Checks the folder and, with `force`, removes the files that its run.json lists, and nothing else; run.json
 * itself comes last, so that a folder that is not yet empty is still known for a run.
 */
export async function prepareFolder(folder: string, force: boolean): Promise<void> {
  const files = await checkFolder(folder, { force });
  for (const name of files.toSorted((a, b) => Number(a === RECORD) - Number(b === RECORD)))
    await rm(join(folder, name), { force: true });
}

/** The JSON of a record or of timings as it is written. */
export const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Writes the files of a run, the record last: what it says of the others is true once it is there. */
export async function writeFolder(
  folder: string,
  files: ReadonlyMap<string, Uint8Array | string>,
): Promise<void> {
  for (const name of files.keys()) await makeFolder(dirname(join(folder, name)));
  const names = [...files.keys()].filter((name) => name !== RECORD);
  for (const name of [...names, RECORD]) {
    const content = files.get(name);
    if (content !== undefined) await writeAtomic(join(folder, name), content);
  }
}

/** @throws TemperError `file-missing` where it cannot be made */
async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause) => {
    throw new TemperError(
      "file-missing",
      `cannot make the folder "${folder}": ${cause.message}\ngive one that may be written and has space`,
      { cause },
    );
  });
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
