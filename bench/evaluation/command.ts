// npm run bench -- evaluation: published and corrected networks side by side under every attack.
import { basename, join } from "node:path";
import type { Command } from "commander";
import type { Context } from "../../src/cli/context.ts";
import { openDataset, openModelFile } from "../../src/cli/open.ts";
import { sample, TemperError } from "../../src/index.ts";
import { type BenchFlags, openOutput, withBench, workOf } from "../command.ts";
import { count, number, numbers, several } from "../parse.ts";
import { benchEvaluation, evaluationAttacks } from "./evaluation.ts";
import { evaluationMarkdown } from "./markdown.ts";

interface Flags extends BenchFlags {
  readonly model: string[];
  readonly mean?: number[];
  readonly std?: number[];
  readonly output?: string;
  readonly test: string;
  readonly limit: number;
  readonly eps: number;
}

/** The name of the file; every RUN has a corrected.onnx, so that one is named by its folder. */
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
  const publish = await openOutput(flags, "evaluation", context);
  const models = await Promise.all(
    flags.model.map(async (path, i) => ({
      name: names[i],
      model: await openModelFile(path, flags),
    })),
  );
  const test = sample(await openDataset(flags.test, flags, context), {
    limit,
    seed,
    balanced: true,
  });
  const attacks = evaluationAttacks(eps);
  const folder = join(flags.out, `evaluation-${eps}`);
  const rows = await benchEvaluation({ ...workOf(flags, context), models, test, attacks, folder });
  for (const { model } of models) await model.close();
  await publish(join(folder, "evaluation.md"), evaluationMarkdown(rows, attacks), {
    eps,
    attacks,
    rows,
  });
}

export function addEvaluation(program: Command, context: Context): void {
  const command = program
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
    .option("--mean <a,b,c>", "mean per channel, where the models want normalised input", numbers)
    .option("--std <a,b,c>", "standard deviation per channel, where they want it", numbers)
    .option("--output <name>", "the output that holds the logits, of a model with several");
  withBench(command, "evaluation")
    .addHelpText(
      "after",
      "\nExample:\n  npm run bench -- evaluation --model cnnlight.onnx --model RUN/corrected.onnx --limit 1000",
    )
    .action((flags: Flags) => run(flags, context));
}
