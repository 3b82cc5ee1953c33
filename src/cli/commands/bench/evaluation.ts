// temper bench evaluation: published and corrected networks side by side under every attack.
import { basename, join } from "node:path";
import type { Command } from "commander";
import { sample } from "../../../attack/sample.ts";
import { writeAtomic } from "../../../data/write.ts";
import { TemperError } from "../../../errors.ts";
import { benchEvaluation, evaluationAttacks } from "../../../report/bench/evaluation.ts";
import { evaluationMarkdown } from "../../../report/bench/evaluation-markdown.ts";
import type { Context } from "../../context.ts";
import { openDataset, openModelFile } from "../../open.ts";
import { type CommonFlags, type ModelFlags, withCommon, withModel } from "../../options.ts";
import { count, number, several } from "../../parse.ts";
import { workOf } from "./work.ts";

interface Flags extends CommonFlags, ModelFlags {
  readonly model: string[];
  readonly test: string;
  readonly limit: number;
  readonly eps: number;
  readonly out: string;
}

/** The file's name, or its folder's for the corrected.onnx of a RUN. */
function nameOf(path: string): string {
  const name = basename(path, ".onnx");
  return name === "corrected" ? basename(join(path, "..")) : name;
}

async function run(flags: Flags, context: Context): Promise<void> {
  const { seed, eps, limit } = flags;
  const names = flags.model.map(nameOf);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new TemperError(
      "bad-option",
      `two models are named "${twice}": their results would be one file\nrename one, or bench it into another --out`,
    );
  }
  const models = await Promise.all(
    flags.model.map(async (path, i) => ({
      name: names[i],
      model: await openModelFile(path, flags),
    })),
  );
  const test = sample(await openDataset(flags.test, flags, context), { limit, seed });
  const attacks = evaluationAttacks(eps);
  const folder = join(flags.out, `evaluation-${eps}`);
  const rows = await benchEvaluation({ ...workOf(flags, context), models, test, attacks, folder });
  for (const { model } of models) await model.close();
  context.progress.stop();
  const markdown = evaluationMarkdown(rows, attacks);
  await writeAtomic(join(folder, "evaluation.md"), `${markdown}\n`);
  if (flags.json === true) context.printJson({ eps, attacks, rows });
  else context.print(`${markdown}\n\nwritten to ${folder}`);
}

export function addEvaluation(bench: Command, context: Context): void {
  const command = bench
    .command("evaluation")
    .summary("networks side by side under every attack, from the paper's FGSM to auto")
    .description(
      "Evaluates each network on the same images: FGSM and PGD by the paper's protocol, PGD of 100 steps with 3 " +
        "restarts, APGD-CE, APGD-T, FAB-T, Square and auto. A network that an earlier call finished is not " +
        "evaluated again.",
    )
    .requiredOption("--model <file>", "ONNX file; may be given several times", several(String))
    .option("--test <data>", "what to measure on", "mnist:test")
    .option("--limit <n>", "a seeded sample of n images, n / labels of each label", count(), 1000)
    .option("--eps <radius>", "l-infinity radius in pixels", number({ min: 0 }), 0.1)
    .option("--out <dir>", "folder for results and the table", "temper-bench");
  withModel(withCommon(command))
    .addHelpText(
      "after",
      "\nExample:\n  temper bench evaluation --model cnnlight.onnx --model RUN/corrected.onnx --limit 1000",
    )
    .action((flags: Flags) => run(flags, context));
}
