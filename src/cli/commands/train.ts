// temper train: one of the paper's networks from nothing, as an ONNX file.
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { TemperError } from "../../errors.ts";
import { stateFile } from "../../train/checkpoint.ts";
import { type Architecture, architectures } from "../../train/networks.ts";
import { recipes } from "../../train/recipes.ts";
import { train } from "../../train/train.ts";
import type { Context } from "../context.ts";
import { checkOutput, openDataset } from "../open.ts";
import { count, number } from "../parse.ts";

interface Flags {
  readonly data: string;
  readonly out: string;
  readonly epochs?: number;
  readonly batch?: number;
  readonly learningRate?: number;
  readonly decay?: number;
  readonly seed: number;
  readonly resume?: boolean;
  readonly force?: boolean;
  readonly dataDir?: string;
  readonly json?: boolean;
}

function architectureOf(given: string): Architecture {
  const found = architectures.find((name) => name === given);
  if (found === undefined) {
    throw new TemperError(
      "bad-option",
      `unknown architecture "${given}"; known are ${architectures.join(", ")}`,
    );
  }
  return found;
}

async function run(given: string, flags: Flags, context: Context): Promise<void> {
  const architecture = architectureOf(given);
  await checkOutput(flags.out, ".onnx");
  const { epochs, batch, learningRate, decay, seed, out, resume, force } = flags;
  if (resume === true && force === true) {
    throw new TemperError(
      "bad-option",
      "--resume continues a training and --force starts again; give one of them",
    );
  }
  const data = await openDataset(flags.data, flags, context);
  const trained = await train(architecture, {
    data,
    epochs,
    batch,
    learningRate,
    decay,
    seed,
    out,
    resume,
    force,
    signal: context.signal,
    onProgress: (epoch, done, of) =>
      context.progress.update(
        `epoch ${epoch} of ${epochs ?? recipes[architecture].epochs}`,
        done,
        of,
      ),
    onEpoch: ({ epoch, loss }) => context.progress.line(`epoch ${epoch}: loss ${loss.toFixed(4)}`),
  });
  context.progress.stop();
  if (flags.json === true) context.printJson({ out, epochs: trained.epochs });
  else
    context.print(
      `${architecture} trained on ${data.name} (${data.count} images), written to ${out}`,
    );
}

/** A stop on request says how to go on. */
async function runOrStop(given: string, flags: Flags, context: Context): Promise<void> {
  try {
    await run(given, flags, context);
  } catch (error) {
    if (!(error instanceof TemperError) || error.code !== "aborted") throw error;
    const file = stateFile(flags.out);
    throw new TemperError(
      "aborted",
      existsSync(file)
        ? `stopped on request; "${file}" keeps the epochs that are done\nthe same command with --resume continues it`
        : "stopped on request, in the first epoch; nothing was written",
    );
  }
}

export function addTrain(program: Command, context: Context): void {
  program
    .command("train")
    .summary("train one of the paper's networks")
    .description(
      "Trains a network by the recipe of the paper's authors. cnnlight and cnn, for images [1, 28, 28]: Adam; " +
        "cnnlight on mnist:train takes about a minute and reaches 97.5 % or more on mnist:test. " +
        "resnet8, for images [3, 32, 32]: gradient descent with momentum 0.9, each image cropped and flipped " +
        "anew every epoch; some minutes an epoch of cifar10:train. " +
        "The file takes pixels in [0, 1]: resnet8 normalises them itself and needs no --mean and --std.",
    )
    .argument("<architecture>", architectures.join(" or "))
    .requiredOption(
      "--data <data>",
      "training data: mnist:train, cifar10:train, file.npz, a folder of images, ...",
    )
    .requiredOption("--out <file>", "the ONNX file to write")
    .option(
      "--resume",
      "continue the training that stopped, with the file of an uninterrupted one; FILE.state keeps it",
    )
    .option("--force", "start again where a training stopped")
    .option("--epochs <n>", "passes over the data (default: 10, resnet8 20)", count())
    .option("--batch <n>", "images a step (default: 64)", count())
    .option(
      "--learning-rate <rate>",
      "in the first epoch (default: 0.001, resnet8 0.01)",
      number({ min: 0 }),
    )
    .option(
      "--decay <factor>",
      "factor on the learning rate after each epoch (default: 0.7, resnet8 0.9)",
      number({ min: 0 }),
    )
    .option("--seed <n>", "the same seed gives the same file to the bit", count(0), 0)
    .option(
      "--data-dir <dir>",
      "folder of the data sets (default: TEMPER_DATA, else a cache folder)",
    )
    .option("--json", "print one JSON document on stdout")
    .addHelpText(
      "after",
      "\nExamples:\n  temper train cnnlight --data mnist:train --out cnnlight.onnx\n" +
        "  temper train resnet8 --data cifar10:train --out resnet8.onnx",
    )
    .action((given: string, flags: Flags) => runOrStop(given, flags, context));
}
