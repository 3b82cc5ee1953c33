// A model and properties of it as VNN-COMP's verifiers read them.
import { basename } from "node:path";
import { scorePoints } from "../correct/violation.ts";
import { type Dataset, imagesOf } from "../data/dataset.ts";
import { writeBenchmark } from "../data/vnnlib/benchmark.ts";
import { type Model, networkOf } from "../engine/model.ts";
import { modelFiles, type Network } from "../engine/network.ts";
import { TemperError } from "../errors.ts";
import { readGraph } from "../onnx/read.ts";
import { writeGraph } from "../onnx/write.ts";
import { type Context, noting } from "./context.ts";

export interface VnnlibOptions {
  /** The path that the model was read from. */
  readonly path: string;
  readonly folder: string;
  readonly eps: number;
  readonly clip: readonly [low: number, high: number] | null;
  readonly timeout: number;
}

/** Writes onnx/, vnnlib/ and instances.csv, and says what must be known of them. */
export async function writeProperties(
  model: Model,
  data: Dataset,
  { path, folder, eps, clip, timeout }: VnnlibOptions,
  context: Context,
): Promise<{ readonly properties: number; readonly wrong: number; readonly notes: string[] }> {
  const network = networkOf(model);
  const { mean, std } = network.options;
  const asItIs = answersPlainly(network);
  const name = basename(path);
  const { length: properties } = await writeBenchmark(data, folder, {
    ...{ eps, clip, timeout, labels: network.labels },
    model: asItIs
      ? modelFiles(network, network.theta0, name)
      : new Map([[name, writeGraph(network.graph)]]),
    units: asItIs ? { mean, std } : {}, // Temper's reading takes pixels
  });
  const logits = await model.logits(imagesOf(data), data.count);
  const { wrong } = scorePoints(Float64Array.from(logits), data.labels, 0);
  const notes = [
    ...(asItIs
      ? []
      : [
          `${name} is written as Temper reads it: from pixels to logits, at opset 18, and no further output`,
        ]),
    ...(wrong.length === 0
      ? []
      : [
          `${wrong.length} of ${data.count} images are wrong as they are: their properties are broken already`,
        ]),
  ];
  const note = noting(context);
  for (const each of notes) note(each);
  return { properties, wrong: wrong.length, notes };
}

/**
 * Whether the file itself takes one float image and gives the logits alone, as verifiers want it. What they are for
 * has no Softmax at its end either.
 *
 * @throws TemperError `model-unsupported` where no file that Temper could write does
 */
function answersPlainly({ file, externalData, question, ending, images }: Network): boolean {
  const { image, copies, others, output, answer } = question;
  if (image.type !== "float32" || (images ?? 1) > 1 || copies > 1) {
    const what = image.type === "float32" ? "several images at once" : `images of ${image.type}`;
    throw new TemperError(
      "model-unsupported",
      `the model takes ${what}; a VNN-LIB property is about real numbers of one image\n` +
        "export the model for float32 images, with the batch open",
    );
  }
  const { outputs } = readGraph(file, externalData);
  const alone = outputs.length === 1 && outputs[0].name === output && others.length === 0;
  return alone && answer.kind === "scores" && ending.cut === undefined;
}
