// temper export: a model's weights as a file for the framework that trained it.
import type { Command } from "commander";
import type { NetworkOptions } from "../../engine/network.ts";
import { text } from "../../options/kinds.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { checkOutput, openModelFile } from "../open.ts";
import { namesFlag, writeStateDict } from "../safetensors.ts";
import { modelFlags, trainableFlags, workFlags } from "../shared-flags.ts";
import { table } from "../table.ts";

interface Flags extends NetworkOptions {
  readonly safetensors: string;
  readonly names?: string;
  readonly json?: boolean;
}

async function run(path: string, flags: Flags, context: Context): Promise<void> {
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
    .summary("the weights back to where they were trained")
    .description(
      "Writes the weights of a model, corrected or not, under their names, so that PyTorch loads them: " +
        'net.load_state_dict(safetensors.torch.load_file("F"), strict=False). It is every tensor that may move, ' +
        "moved or not; running statistics stay as they are in net. Matrices that the export turned are turned back.",
    )
    .argument("<model>", "ONNX file");
  addFlags(command, {
    safetensors: {
      kind: text("<file>"),
      group: "What comes out",
      required: true,
      help: "write them there, in the safetensors format",
    },
    names: namesFlag,
    output: modelFlags.output,
    ...trainableFlags,
    json: workFlags.json,
    config: workFlags.config,
  })
    .addHelpText(
      "after",
      "\nExample:\n  temper export RUN/corrected.onnx --safetensors corrected.safetensors",
    )
    .action((path: string, flags: Flags) => run(path, flags, context));
}
