// temper train: one of the paper's networks from nothing, as an ONNX file.
import type { Command } from "commander";
import { TemperError } from "../../errors.ts";
import { flag, length, text, wholeNumber } from "../../options/kinds.ts";
import { stateFile } from "../../train/checkpoint.ts";
import { type Architecture, architectures } from "../../train/networks.ts";
import { plans, type Schedule } from "../../train/plans.ts";
import { train } from "../../train/train.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { refuseBoth, sayHowToGoOn } from "../keeping.ts";
import { checkOutput, openDataset } from "../open.ts";
import { dataFlag, readFlags, workFlags } from "../shared-flags.ts";

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
  refuseBoth(flags);
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
    onProgress: context.progress.update,
    onEpoch: ({ epoch, loss }) => context.progress.line(`epoch ${epoch}: loss ${loss.toFixed(4)}`),
  });
  context.progress.stop();
  if (flags.json === true) context.printJson({ out, epochs: trained.epochs });
  else
    context.print(
      `${architecture} trained on ${data.name} (${data.count} images), written to ${out}`,
    );
}

/** The default of each network's schedule, as help tells it. */
function told(name: keyof Schedule): string {
  const [usual, resnet8] = [plans.cnnlight[name], plans.resnet8[name]];
  return usual === resnet8 ? String(usual) : `${usual}, resnet8 ${resnet8}`;
}

export function addTrain(program: Command, context: Context): void {
  const command = program
    .command("train")
    .summary("train one of the paper's networks")
    .description(
      "Trains a network by the recipe of the paper's authors. cnnlight and cnn, for images [1, 28, 28]: Adam; " +
        "cnnlight on mnist:train takes about a minute and reaches 97.5 % or more on mnist:test. " +
        "resnet8, for images [3, 32, 32]: gradient descent with momentum 0.9, each image cropped and flipped " +
        "anew every epoch; some minutes an epoch of cifar10:train. " +
        "The file takes pixels in [0, 1]: resnet8 normalises them itself and needs no --mean and --std.",
    )
    .argument("<architecture>", architectures.join(" or "));
  const { seed, dataDir, json, config } = workFlags;
  const group = "Training";
  addFlags(command, {
    data: dataFlag("training data: mnist:train, cifar10:train, file.npz, a folder of images, ..."),
    ...readFlags,
    out: {
      kind: text("<file>"),
      group: "What comes out",
      required: true,
      help: "the ONNX file to write",
    },
    resume: {
      kind: flag,
      group: "What comes out",
      everyday: true,
      help: "continue the training that stopped, with the file of an uninterrupted one; FILE.state keeps it",
    },
    force: { kind: flag, group: "What comes out", help: "start again where a training stopped" },
    epochs: {
      kind: wholeNumber(),
      group,
      everyday: true,
      help: "passes over the data",
      usual: told("epochs"),
    },
    batch: { kind: wholeNumber(), group, help: "images a step", usual: told("batch") },
    learningRate: {
      kind: length("<rate>"),
      group,
      help: "in the first epoch",
      usual: told("learningRate"),
    },
    decay: {
      kind: length("<factor>"),
      group,
      help: "factor on the learning rate after each epoch",
      usual: told("decay"),
    },
    seed,
    dataDir,
    json,
    config,
  })
    .addHelpText(
      "after",
      "\nExamples:\n  temper train cnnlight --data mnist:train --out cnnlight.onnx\n" +
        "  temper train resnet8 --data cifar10:train --out resnet8.onnx",
    )
    .action((given: string, flags: Flags) =>
      sayHowToGoOn(stateFile(flags.out), () => run(given, flags, context)),
    );
}
