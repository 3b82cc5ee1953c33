// temper train: one of the paper's networks from nothing, as an ONNX file.
import type { Command } from "commander";
import type { DataOptions } from "../../data/open.ts";
import type { Device } from "../../engine/device.ts";
import { demandDevice } from "../../engine/session.ts";
import { TemperError } from "../../errors.ts";
import { text } from "../../options/kinds.ts";
import { partOf } from "../../options/table.ts";
import { stateFile } from "../../train/checkpoint.ts";
import { type Architecture, architectures } from "../../train/networks.ts";
import { plans, trainTable } from "../../train/plans.ts";
import { train } from "../../train/train.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { type KeepingFlags, keepingFlags, refuseBoth, sayHowToGoOn } from "../keeping.ts";
import { checkOutput, openDataset } from "../open.ts";
import { dataFlag, deviceFlags, flagsOf, readFlags, workFlags } from "../shared-flags.ts";

interface Flags extends DataOptions, KeepingFlags {
  readonly data: string;
  readonly out: string;
  readonly device?: Device;
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
  const { out, resume, force, device } = flags;
  refuseBoth(flags);
  await demandDevice(device);
  const data = await openDataset(flags.data, flags, context);
  const trained = await train(architecture, {
    ...partOf(trainTable, flags),
    ...{ data, out, resume, force, device },
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

/** The plans whose defaults help tells apart. */
const scenes = [
  { words: "", table: trainTable, options: {}, facts: plans.cnnlight },
  { words: "resnet8", table: trainTable, options: {}, facts: plans.resnet8 },
];

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
  const { dataDir, json, config } = workFlags;
  addFlags(command, {
    data: dataFlag("training data: mnist:train, cifar10:train, file.npz, a folder of images, ..."),
    ...readFlags,
    out: {
      kind: text("<file>"),
      group: "What comes out",
      required: true,
      help: "the ONNX file to write",
    },
    ...keepingFlags,
    ...flagsOf(trainTable, scenes),
    ...deviceFlags,
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
