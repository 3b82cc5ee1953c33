// Reads a model from the disk: its file, and the data files beside it that hold some of its tensors.
import { readFile, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { TemperError } from "../errors.ts";
import { externalLocations, type ModelBytes } from "../onnx/external.ts";

/**
 * Reads the model at `path` and every data file that it names.
 *
 * @throws TemperError `file-missing` where a file cannot be read, `model-unsupported` where a data file lies
 *   outside the model's folder
 */
export async function readModelFiles(path: string): Promise<ModelBytes> {
  const file = await readOr(
    path,
    (why) => `cannot read the model "${path}": ${why}\ngive the path of an ONNX file`,
  );
  const externalData = new Map<string, Uint8Array>();
  for (const location of externalLocations(file)) {
    const found = await insideFolder(dirname(path), location);
    const missing = (why: string): string =>
      `cannot read the model's data file "${location}": ${why}\nput it beside the model, as it was exported`;
    externalData.set(location, await readOr(found, missing));
  }
  return { file, externalData };
}

async function readOr(path: string, message: (why: string) => string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code, message: words } = cause as NodeJS.ErrnoException;
    const known: Record<string, string> = {
      ENOENT: "there is no such file",
      EISDIR: "it is a folder",
      ENOTDIR: "a part of its path is no folder",
      EACCES: "you may not read it",
      ERR_FS_FILE_TOO_LARGE: "it is larger than 2 GB",
    };
    throw new TemperError("file-missing", message(known[code ?? ""] ?? words), { cause });
  }
}

/** A model may come from anybody: no path that it names, and no link, leads out of its folder. */
async function insideFolder(folder: string, location: string): Promise<string> {
  const wanted = join(folder, location);
  const leaves = (from: string, to: string): boolean => {
    const way = relative(from, to);
    return way === ".." || way.startsWith(`..${sep}`) || isAbsolute(way);
  };
  const refuse = (what: string): never => {
    throw new TemperError(
      "model-unsupported",
      `the model keeps tensors in "${location}", ${what}\nput the data file into the model's folder`,
    );
  };
  if (isAbsolute(location) || leaves(folder, wanted)) refuse("which is outside its folder");
  // What does not exist is refused when it is read.
  const real = await realpath(wanted).catch(() => undefined);
  if (real !== undefined && leaves(await realpath(folder), real))
    refuse("a link out of its folder");
  return real ?? wanted;
}
