// temper select: chooses again from a finished run, at once.
import { basename, dirname, join } from "node:path";
import type { Command } from "commander";
import type { Candidate } from "../../correct/candidates.ts";
import { type Scale, scales } from "../../correct/choice.ts";
import { writeAtomic } from "../../data/write.ts";
import { openModel } from "../../engine/model.ts";
import { TemperError } from "../../errors.ts";
import { fraction, type Kind, oneOf, text } from "../../options/kinds.ts";
import { idOf } from "../../report/axes.ts";
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
  readonly weight?: number;
  readonly scale?: Scale;
  readonly candidate?: string;
  readonly out?: string;
  readonly names?: string;
  readonly json?: boolean;
}

/** The name of a candidate, as tables and pages have it. */
const candidateName: Kind<string> = {
  placeholder: "<k:j>",
  expected: "an iteration and a step, as 3:10; 0:0 is the model itself",
  holds: (value) => typeof value === "string" && /^\d+:\d+$/.test(value),
  read: (given) => given,
};

/** How many candidates a refusal names. */
const NEAR = 3;

/** @throws TemperError `bad-option` unless exactly one is given, or where the run has no such candidate */
function chosenOf(run: Run, folder: string, { weight, scale, candidate }: Flags): Candidate {
  if ((weight === undefined) === (candidate === undefined)) {
    throw new TemperError(
      "bad-option",
      `${weight === undefined ? "nothing says which candidate" : "--weight and --candidate both choose"}: ` +
        "give one of --weight W, --candidate K:J",
    );
  }
  if (weight !== undefined) return run.select(weight, { scale });
  if (scale !== undefined)
    throw new TemperError("bad-option", "--scale is for --weight: give both");
  const found = run.pool.find((c) => idOf(c) === candidate);
  if (found !== undefined) return found;
  const [k, j] = candidate!.split(":").map(Number);
  const far = (c: Candidate): number[] => [Math.abs(c.iteration - k), Math.abs(c.step - j)];
  const near = run.pool.toSorted((a, b) => {
    const [ofA, ofB] = [far(a), far(b)];
    return ofA[0] - ofB[0] || ofA[1] - ofB[1];
  });
  throw new TemperError(
    "bad-option",
    `"${folder}" has no candidate ${candidate}; nearest are ${near.slice(0, NEAR).map(idOf).join(", ")}\n` +
      `temper report ${folder} --csv FILE lists all ${run.pool.length}`,
  );
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
  const chosen = chosenOf(finished, folder, flags);
  if (flags.out !== undefined) await write(finished, chosen, { ...flags, out: flags.out }, context);
  const front = finished.front.toSorted((a, b) => a.violation! - b.violation!);
  if (flags.json === true) {
    const { weight = null, out = null } = flags;
    context.printJson({ weight, choice: chosen, front, out });
    return;
  }
  const held = finished.record.validation;
  const heldCells = ({ iteration, step }: Candidate): string[] => {
    const found = held?.front.find((c) => c.iteration === iteration && c.step === step);
    return found === undefined
      ? ["-", "-"]
      : [percent(found.accuracy), String(found.negativeFlips)];
  };
  const headings = [...candidateHeadings, ...(held === undefined ? [] : ["held out", "flips"])];
  // A candidate that is dominated stands below the front.
  const listed = chosen.front ? front : [...front, chosen];
  const rows = listed.map((c) => [
    ...candidateRow(c, c === chosen),
    ...(held === undefined ? [] : heldCells(c)),
  ]);
  const which =
    flags.weight === undefined
      ? `candidate ${flags.candidate}${chosen.front ? "" : ", which is not on it,"}`
      : `the choice for weight ${flags.weight}`;
  context.print(`the efficient front of ${folder}; ${which} is marked`);
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
        "1 the lowest training loss; or takes any candidate by its name. RUN itself never changes; " +
        "--out writes the chosen model.",
    )
    .argument("<run>", "folder written by temper correct");
  addFlags(command, {
    weight: {
      kind: fraction("<w>"),
      group: "Trade-off",
      everyday: true,
      help: "weight of the loss against the violation",
    },
    scale: {
      kind: oneOf(scales),
      group: "Trade-off",
      help: "loss and violation are scaled over the front, or over all candidates; as the run was, by default",
    },
    candidate: {
      kind: candidateName,
      group: "Trade-off",
      everyday: true,
      help: "this candidate, by iteration and step, as the page of the run names it; 0:0 is the model itself",
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
    .addHelpText(
      "after",
      "\nExamples:\n  temper select RUN --weight 0.2 --out model.onnx\n" +
        "  temper select RUN --candidate 3:10 --out model.onnx",
    )
    .action((folder: string, flags: Flags) => run(folder, flags, context));
}
