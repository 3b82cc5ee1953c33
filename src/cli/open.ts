// What a command line names: model files and data sets, opened so that every refusal says which.
import type { Dataset } from "../data/dataset.ts";
import { openData } from "../data/open.ts";
import { type Model, openModel } from "../engine/model.ts";
import { TemperError } from "../errors.ts";
import type { Context } from "./context.ts";
import { type CommonFlags, type ModelFlags, modelOptions } from "./options.ts";

/** @throws TemperError as openModel does; of several models, the message names the one it is about */
export async function openModelFile(path: string, flags: ModelFlags): Promise<Model> {
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
  { dataDir }: Pick<CommonFlags, "dataDir">,
  { progress }: Context,
): Promise<Dataset> {
  const data = await openData(name, { dataDir });
  if (data.note !== undefined) progress.line(`${data.name}: ${data.note}`);
  return data;
}
