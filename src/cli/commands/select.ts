// temper select: chooses again from a finished run, at once.
import { basename, dirname, join } from "node:path";
import type { Command } from "commander";
import type { Candidate } from "../../correct/candidates.ts";
import { writeAtomic } from "../../data/write.ts";
import { openModel } from "../../engine/model.ts";
import { TemperError } from "../../errors.ts";
import { fraction, text } from "../../options/kinds.ts";
import { openRun } from "../../run/folder/open.ts";
import type { Run } from "../../run/run.ts";
import { candidateHeadings, candidateRow } from "../candidates.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { checkOutput, refuseInsideRun } from "../open.ts";
import { namesFlag, writeStateDict } from "../safetensors.ts";
import { workFlags } from "../shared-flags.ts";
import { percent, table } from "../table.ts";

interface Flags {
  readonly weight: number;
  readonly out?: string;
  readonly names?: string;
  readonly json?: boolean;
}

async function run(folder: string, flags: Flags, context: Context): Promise<void> {
  if (flags.out !== undefined) {
    await checkOutput(flags.out, ".onnx", ".safetensors");
    refuseInsideRun(flags.out, folder);
  }
  if (flags.names !== undefined && flags.out?.endsWith(".safetensors") !== true) {
    throw new TemperError("bad-option", "--names is for --out F.safetensors: give both or neither");
  }
  const finished = await openRun(folder);
  const chosen = finished.select(flags.weight);
  if (flags.out !== undefined) await write(finished, chosen, { ...flags, out: flags.out }, context);
  const front = finished.front.toSorted((a, b) => a.violation! - b.violation!);
  if (flags.json === true) {
    context.printJson({ weight: flags.weight, choice: chosen, front, out: flags.out ?? null });
    return;
  }
  const held = finished.record.validation;
  const heldCells = ({ iteration, step }: Candidate): string[] => {
    const found = held?.front.find((c) => c.iteration === iteration && c.step === step);
    return found === undefined ? [] : [percent(found.accuracy), String(found.negativeFlips)];
  };
  const headings = [...candidateHeadings, ...(held === undefined ? [] : ["held out", "flips"])];
  const rows = front.map((c) => [...candidateRow(c, c === chosen), ...heldCells(c)]);
  context.print(
    `the efficient front of ${folder}; the choice for weight ${flags.weight} is marked`,
  );
  context.print(table(headings, rows));
  if (flags.out !== undefined) context.print(`written to ${flags.out}`);
}

async function write(
  finished: Run,
  chosen: Candidate,
  { out, names }: Pick<Flags, "names"> & { readonly out: string },
  context: Context,
): Promise<void> {
  const files = finished.files(chosen, basename(out));
  if (out.endsWith(".onnx")) {
    for (const [name, bytes] of files) await writeAtomic(join(dirname(out), name), bytes);
    return;
  }
  const [[, file], ...data] = files;
  const options = { ...finished.record.network, externalData: new Map(data) };
  const model = await openModel(file, options);
  await writeStateDict(model, { out, names }, context);
  await model.close();
}

export function addSelect(program: Command, context: Context): void {
  const command = program
    .command("select")
    .summary("choose again from a finished run")
    .description(
      "Shows the efficient front of a RUN and chooses from it by (19): weight 0 takes the lowest violation, " +
        "1 the lowest training loss. RUN itself never changes; --out writes the chosen model.",
    )
    .argument("<run>", "folder written by temper correct");
  addFlags(command, {
    weight: {
      kind: fraction("<w>"),
      group: "Trade-off",
      required: true,
      help: "weight of the loss against the violation",
    },
    out: {
      kind: text("<file>"),
      group: "What comes out",
      everyday: true,
      help:
        "write the chosen model there, .onnx; or its tensors that the run could move, moved or not, " +
        ".safetensors, for PyTorch",
    },
    names: namesFlag,
    json: workFlags.json,
    config: workFlags.config,
  })
    .addHelpText("after", "\nExample:\n  temper select RUN --weight 0.2 --out model.onnx")
    .action((folder: string, flags: Flags) => run(folder, flags, context));
}
