// What a command line names: model files, data sets and outputs, so that every refusal says which.
import { access, constants, stat } from "node:fs/promises";
import { dirname, relative } from "node:path";
import type { Dataset } from "../data/dataset.ts";
import { type DataOptions, openData } from "../data/open.ts";
import { type Model, openModel } from "../engine/model.ts";
import type { NetworkOptions } from "../engine/network.ts";
import { TemperError } from "../errors.ts";
import type { Context } from "./context.ts";
import { modelOptions } from "./shared-flags.ts";

/** @throws TemperError as openModel does; of several models, the message names the one it is about */
export async function openModelFile(path: string, flags: NetworkOptions): Promise<Model> {
  try {
    return await openModel(path, modelOptions(flags));
  } catch (error) {
    if (!(error instanceof TemperError) || error.code === "file-missing") throw error;
    throw new TemperError(error.code, `${path}: ${error.message}`, { cause: error });
  }
}

/** Opens the data, and says what must be known about them. */
export async function openDataset(
  name: string,
  { dataDir, augment, seed }: DataOptions,
  { progress }: Context,
): Promise<Dataset> {
  const data = await openData(name, { dataDir, augment, seed });
  if (data.note !== undefined) progress.line(`${data.name}: ${data.note}`);
  return data;
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );

type OutputKind = ".npz" | ".onnx" | ".svg" | ".png";

/**
 * Checks an output before any work is done for it. A file's kind is in its name, so that a model is never
 * overwritten with points by a slip.
 *
 * @throws TemperError `bad-option` of another kind, `file-missing` where no file can be written at the path
 */
export async function checkOutput(path: string, kind: OutputKind): Promise<void> {
  const folder = dirname(path);
  const why = !(await isFolder(folder))
    ? `there is no folder "${folder}"`
    : (await isFolder(path))
      ? "it is a folder"
      : await access(folder, constants.W_OK).then(
          () => undefined,
          () => `the folder "${folder}" may not be written`,
        );
  if (why !== undefined) {
    throw new TemperError(
      "file-missing",
      `cannot write "${path}": ${why}\nname a file in a folder that exists`,
    );
  }
  if (!path.endsWith(kind)) {
    throw new TemperError("bad-option", `"${path}": expected a name that ends in ${kind}`);
  }
}

/** @throws TemperError `bad-option` where an output lies in the RUN folder that it is made from */
export function refuseInsideRun(path: string, run: string): void {
  if (relative(run, path).startsWith("..")) return;
  throw new TemperError(
    "bad-option",
    `"${path}" lies in the run "${run}", which never changes\ngive a path outside it`,
  );
}
