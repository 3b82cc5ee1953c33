// temper export: a model's weights for the framework that trained it, or properties of it for verifiers.
import type { Command } from "commander";
import { attackTable } from "../../attack/options.ts";
import { checkDataset } from "../../data/dataset.ts";
import type { DataOptions } from "../../data/open.ts";
import { checkNewFolder } from "../../data/write.ts";
import type { NetworkOptions } from "../../engine/network.ts";
import { TemperError } from "../../errors.ts";
import { length, text } from "../../options/kinds.ts";
import type { Context } from "../context.ts";
import { addFlags, givenIn } from "../flags.ts";
import { checkOutput, openDataset, openModelFile } from "../open.ts";
import { namesFlag, writeStateDict } from "../safetensors.ts";
import { dataFlag, modelFlags, readFlags, trainableFlags, workFlags } from "../shared-flags.ts";
import { table } from "../table.ts";
import { writeProperties } from "../vnnlib.ts";

interface Flags extends NetworkOptions, DataOptions {
  readonly safetensors?: string;
  readonly names?: string;
  readonly vnnlib?: string;
  readonly data?: string;
  readonly eps?: number;
  readonly clip?: readonly [number, number] | null;
  readonly timeout?: number;
  readonly json?: boolean;
}

/** What belongs to one of the two outputs alone. */
const OF_VNNLIB = ["data", "eps", "clip", "timeout"] as const;
const OF_SAFETENSORS = ["names", "trainable"] as const;

async function run(path: string, flags: Flags, context: Context): Promise<void> {
  const { safetensors, vnnlib } = flags;
  if ((safetensors === undefined) === (vnnlib === undefined)) {
    const given = vnnlib === undefined ? "neither" : "both";
    const what = `what is to be written? Given ${given} of --safetensors FILE and --vnnlib DIR`;
    throw new TemperError("bad-option", `${what}\ngive one of them`);
  }
  const [mine, others] =
    vnnlib === undefined ? ["--safetensors", OF_VNNLIB] : ["--vnnlib", OF_SAFETENSORS];
  const idle = others.find((name) => flags[name] !== undefined);
  if (idle !== undefined) {
    throw new TemperError("bad-option", `--${idle} has no meaning for ${mine}\nleave it out`);
  }
  if (vnnlib !== undefined) return runVnnlib(path, { ...flags, vnnlib }, context);
  return runSafetensors(path, { ...flags, safetensors: safetensors! }, context);
}

const RANGE = [0, 1] as const;
const SECONDS = 100;

async function runVnnlib(
  path: string,
  flags: Flags & { readonly vnnlib: string },
  context: Context,
): Promise<void> {
  const { vnnlib: folder, data: name, eps, clip = RANGE, timeout = SECONDS, json } = flags;
  if (name === undefined || eps === undefined) {
    const missing = name === undefined ? "--data" : "--eps";
    throw new TemperError("bad-option", `--vnnlib needs ${missing}\ngive --data DATA --eps 0.1`);
  }
  await checkNewFolder(folder);
  const model = await openModelFile(path, flags);
  const data = await openDataset(name, flags, context, model);
  checkDataset(data, { shape: model.inputShape, labels: model.labels });
  const options = { path, folder, eps, clip, timeout };
  const written = await writeProperties(model, data, options, context);
  await model.close();
  if (json === true) context.printJson({ path, folder, ...written });
  else
    context.print(
      `${written.properties} properties, the model and instances.csv written to ${folder}`,
    );
}

async function runSafetensors(
  path: string,
  flags: Flags & { readonly safetensors: string },
  context: Context,
): Promise<void> {
  const { safetensors: out, names, json } = flags;
  await checkOutput(out, ".safetensors");
  const model = await openModelFile(path, flags);
  const { tensors, notes } = await writeStateDict(model, { out, names }, context);
  await model.close();
  if (json === true) {
    context.printJson({ path, out, tensors, notes });
    return;
  }
  context.print(
    table(
      ["tensor", "shape", "in the model"],
      tensors.map(({ name, shape, from, turned }) => [
        name,
        shape.join(" x "),
        turned ? `${from}, turned` : from === name ? "" : from,
      ]),
    ),
  );
  context.print(`written to ${out}`);
}

export function addExport(program: Command, context: Context): void {
  const command = program
    .command("export")
    .summary("the weights back to where they were trained, or properties for verifiers")
    .description(
      "With --safetensors: writes the weights of a model, corrected or not, under their names, so that PyTorch loads " +
        'them: net.load_state_dict(safetensors.torch.load_file("F"), strict=False). It is every tensor that may ' +
        "move, moved or not; running statistics stay as they are in net. Matrices that the export turned are turned " +
        "back. With --vnnlib: writes onnx/, vnnlib/ and instances.csv as VNN-COMP's verifiers read them, a property " +
        "for each image of DATA: an input within eps of it that has another label is a counterexample.",
    )
    .argument("<model>", "ONNX file");
  addFlags(command, {
    safetensors: {
      kind: text("<file>"),
      group: "What comes out",
      everyday: true,
      help: "write the weights there, in the safetensors format",
    },
    names: namesFlag,
    vnnlib: {
      kind: text("<dir>"),
      group: "What comes out",
      everyday: true,
      help: "write properties there, in VNN-LIB 1.0; the folder must not hold anything",
    },
    data: {
      ...dataFlag("of --vnnlib: images with their labels, a property each"),
      required: false,
    },
    eps: {
      kind: attackTable.eps.kind,
      group: "What goes in",
      everyday: true,
      help: "of --vnnlib: radius of the l-infinity ball in pixel units: 0.03, or 8/255",
    },
    clip: {
      kind: attackTable.clip.kind,
      group: "What goes in",
      help: "of --vnnlib: range of pixels, which the ball is cut by",
      usual: "0,1",
    },
    timeout: {
      kind: length("<seconds>"),
      group: "What comes out",
      help: "of --vnnlib: what instances.csv gives a verifier for each property",
      usual: String(SECONDS),
    },
    ...readFlags,
    mean: modelFlags.mean,
    std: modelFlags.std,
    output: modelFlags.output,
    ...trainableFlags,
    json: workFlags.json,
    dataDir: workFlags.dataDir,
    config: workFlags.config,
  })
    .addHelpText(
      "after",
      "\nExamples:\n  temper export RUN/corrected.onnx --safetensors corrected.safetensors" +
        "\n  temper export RUN/corrected.onnx --data mnist:test[0:100] --eps 0.1 --vnnlib benchmark",
    )
    .action((path: string) => run(path, givenIn(command) as object as Flags, context));
}
