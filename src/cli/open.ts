// What a command line names: model files, data sets and outputs, so that every refusal says which.
import { access, constants, stat } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { classesInMetadata } from "../data/classes.ts";
import type { AnyDataset, Dataset } from "../data/dataset.ts";
import { fitTo } from "../data/fit.ts";
import type { ModelUnits } from "../data/model-units.ts";
import { type DataOptions, openData } from "../data/open.ts";
import { IMAGENET } from "../data/preprocess.ts";
import { type Model, networkOf, openModel } from "../engine/model.ts";
import type { NetworkOptions } from "../engine/network.ts";
import { demandDevice } from "../engine/session.ts";
import { TemperError } from "../errors.ts";
import type { Graph } from "../onnx/graph.ts";
import type { Context } from "./context.ts";

/**
 * Opens a model. With --preprocess and neither --mean nor --std, a graph that does not begin with a normalisation of
 * its own gets ImageNet's.
 *
 * @throws TemperError as openModel does; of several models, the message names the one it is about
 */
export async function openModelFile(
  path: string,
  flags: NetworkOptions & Pick<DataOptions, "preprocess">,
): Promise<Model> {
  await demandDevice(flags.device); // it is not about the model
  try {
    const { mean, std, output, trainable, device } = flags;
    const options = { mean, std, output, trainable, device };
    const model = await openModel(path, options);
    const stated = mean !== undefined || std !== undefined;
    const { inputShape } = model;
    const coloured = inputShape.length === 3 && [inputShape[0], inputShape[2]].includes(3);
    if (flags.preprocess === undefined || stated || !coloured) return model;
    if (normalisesItself(networkOf(model).graph)) return model;
    await model.close();
    return await openModel(path, { ...options, ...IMAGENET });
  } catch (error) {
    if (!(error instanceof TemperError) || error.code === "file-missing") throw error;
    throw new TemperError(error.code, `${path}: ${error.message}`, { cause: error });
  }
}

/** Whether the first thing that a graph does with its input is to shift or scale it. */
function normalisesItself({ inputs, nodes }: Graph): boolean {
  const passes = ["Cast", "Identity", "Transpose"];
  let value = inputs[0].name;
  for (;;) {
    const node = nodes.find((one) => one.inputs.includes(value));
    if (node === undefined || !passes.includes(node.op)) {
      return ["Sub", "Div", "Mul", "Add", "BatchNormalization"].includes(node?.op ?? "");
    }
    [value] = node.outputs;
  }
}

/**
 * Opens the data, and says what must be known about them.
 *
 * @param model that they are for: its sizes, layout and stored names decide how they are read
 */
export async function openDataset(
  name: string,
  flags: DataOptions,
  context: Context,
  model?: Model,
): Promise<Dataset> {
  const data = await openData(name, optionsOf(flags, context, model));
  return toldOf(model === undefined ? data : fitTo(data, model.inputShape), context);
}

/** Does the same for data that need not fit into memory. */
export async function openLargeDataset(
  name: string,
  flags: DataOptions,
  context: Context,
  model: Model,
): Promise<AnyDataset> {
  const data = await openData(name, { ...optionsOf(flags, context, model), stored: true });
  return toldOf(fitTo(data, model.inputShape), context);
}

function optionsOf(flags: DataOptions, { progress }: Context, model: Model | undefined) {
  const { dataDir, augment, seed, classes, keys, resize, crop, preprocess, exif } = flags;
  return {
    ...{ dataDir, augment, seed, classes, keys, resize, crop, preprocess, exif },
    ...(model && {
      inputShape: model.inputShape,
      modelClasses: storedClasses(model),
      units: unitsOf(model),
    }),
    onProgress: progress.update,
  };
}

/** The normalisation that the model was opened with. */
function unitsOf(model: Model): ModelUnits {
  const { mean, std } = networkOf(model).options;
  return { mean, std };
}

function toldOf<D extends AnyDataset>(data: D, { progress }: Context): D {
  if (data.note !== undefined) progress.line(`${data.name}: ${data.note}`);
  return data;
}

/** The names of its labels that a model's file stores. */
export const storedClasses = (model: Model): readonly string[] | undefined =>
  classesInMetadata(networkOf(model).metadata, model.labels);

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );

type OutputKind =
  | ".npz"
  | ".onnx"
  | ".safetensors"
  | ".html"
  | ".svg"
  | ".png"
  | ".csv"
  | ".md"
  | ".counterexample";

/**
 * Checks an output before any work is done for it. A file's kind is in its name, so that a model is never
 * overwritten with points by a slip.
 *
 * @throws TemperError `bad-option` of another kind, `file-missing` where no file can be written at the path
 */
export async function checkOutput(
  path: string,
  ...kinds: readonly [OutputKind, ...OutputKind[]]
): Promise<void> {
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
  if (!kinds.some((kind) => path.endsWith(kind))) {
    throw new TemperError(
      "bad-option",
      `"${path}": expected a name that ends in ${kinds.join(" or ")}`,
    );
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
