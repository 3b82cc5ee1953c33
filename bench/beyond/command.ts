// npm run bench -- beyond: the study of the robust recipe, with adversarial training beside it, row by row.
import { dirname, join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Context } from "../../src/cli/context.ts";
import { openDataset } from "../../src/cli/open.ts";
import { writeAtomic } from "../../src/data/write.ts";
import { openModel } from "../../src/index.ts";
import { type BenchFlags, openOutput, withBench, workOf } from "../command.ts";
import { type PaperTable, paperTables } from "../paper.ts";
import { count, number, oneOf } from "../parse.ts";
import { frontPlot, hasFront } from "./front.ts";
import { beyondMarkdown } from "./markdown.ts";
import { beyondPlot } from "./plot.ts";
import { type Row, rowNamed, studyRows } from "./rows.ts";
import { benchBeyond, type RowResult } from "./study.ts";
import { type Training, trainingForm, trainingNamed } from "./trainings.ts";

interface Flags extends BenchFlags {
  readonly model: string;
  readonly table: PaperTable["name"];
  readonly data?: string;
  readonly test?: string;
  readonly rows?: Row[];
  readonly front?: Training;
  readonly seconds?: number;
  readonly seeds: number;
  readonly auto: number;
  readonly timeLimit?: number;
  readonly iterations?: number;
  readonly sources?: number;
  readonly steps?: number;
  readonly stepSize?: number;
}

function rowsNamed(given: string): Row[] {
  return given.split(",").map((name) => {
    const row = rowNamed(name);
    if (row === undefined) {
      const known = studyRows.map((r) => r.name).join(", ");
      throw new InvalidArgumentError(
        `"${name}" is no row. Expected some of ${known}; or a training: ${trainingForm}.`,
      );
    }
    return row;
  });
}

function trainingOf(given: string): Training {
  const training = trainingNamed(given);
  if (training !== undefined) return training;
  throw new InvalidArgumentError(`"${given}" is no training. Expected ${trainingForm}.`);
}

const rowInWords = ({ row, seed, clean, fgsm, pgd, distance, seconds }: RowResult): string =>
  `${row}, seed ${seed}: clean ${clean.toFixed(2)}, FGSM ${fgsm.toFixed(2)}, PGD ${pgd.toFixed(2)}, ` +
  `distance ${distance.toFixed(2)}, ${seconds.toFixed(0)} s`;

async function run(flags: Flags, context: Context): Promise<void> {
  const { iterations, sources, timeLimit, steps, stepSize, into } = flags;
  const table = paperTables.find(({ name }) => name === flags.table)!;
  const place = `beyond-${table.name}`;
  const publish = await openOutput(flags, place, context);
  const folder = join(flags.out, "beyond", table.name);
  const model = await openModel(flags.model, table.model);
  const how = { ...flags, augment: table.augment };
  const study = await benchBeyond({
    ...workOf(flags, context),
    table,
    model,
    train: await openDataset(flags.data ?? table.data.train, how, context),
    test: await openDataset(flags.test ?? table.data.test, how, context),
    folder,
    rows: flags.rows ?? (flags.front === undefined ? studyRows : []),
    front: flags.front,
    seconds: flags.seconds,
    seeds: flags.seeds,
    auto: flags.auto,
    recipe: { iterations, sources, timeLimit },
    attack: { steps, stepSize },
    onRow: (row) => context.progress.line(rowInWords(row)),
  });
  await model.close();
  const plots = { curves: `${place}.svg`, fronts: `${place}-front.svg` };
  const folders = into === undefined ? [folder] : [folder, dirname(into)];
  const draw = async (name: string, svg: string): Promise<void> => {
    for (const beside of folders) await writeAtomic(join(beside, name), svg);
  };
  await draw(plots.curves, await beyondPlot(study));
  if (hasFront(study)) await draw(plots.fronts, await frontPlot(study));
  await publish(join(folder, "beyond.md"), beyondMarkdown(study, plots), {
    bench: "beyond",
    ...study,
  });
}

export function addBeyond(program: Command, context: Context): void {
  const tables = paperTables.map(({ name }) => name);
  const command = program
    .command("beyond")
    .summary("the robust recipe's options one by one, and adversarial training for as many seconds")
    .description(
      "Corrects a network by the recipe robust, with one option changed a row, and trains it adversarially from " +
        "the same start under the same attack, for as many seconds as the row fresh took. Every row is measured on " +
        "all test images by the protocol of a table of the paper; what is finished is kept, and rows can be asked " +
        "for one at a time. Seconds mean something only while nothing else runs.",
    )
    .requiredOption("--model <file>", "the network, as ONNX")
    .option(
      "--table <name>",
      "whose network, protocol and data: table1 (CNNLight), table2 (CNN) or table3 (ResNet8)",
      oneOf(tables),
      "table1",
    )
    .option("--data <data>", "training data (default: the table's)")
    .option("--test <data>", "what the accuracies are measured on (default: the table's)")
    .option(
      "--rows <a,b>",
      `only these rows (default: all), of ${studyRows.map(({ name }) => name).join(", ")}; or a training: ` +
        trainingForm,
      rowsNamed,
    )
    .option(
      "--front <training>",
      "clean against attacked accuracy: the recipe with each --keep, and this training with four weights " +
        `(alone unless --rows asks for more): ${trainingForm}`,
      trainingOf,
    )
    .option(
      "--seconds <n>",
      "what each training is given (default: what the row fresh of its seed took)",
      number({ min: 0 }),
    )
    .option(
      "--seeds <n>",
      "seeds of the rows fresh and adversarial and of fronts, from --seed on",
      count(),
      3,
    )
    .option(
      "--auto <n>",
      "test images on which AutoAttack attacks these, drawn by label, and as many from the 2000th on; 0: none",
      count(0),
      1000,
    )
    .option(
      "--time-limit <seconds>",
      "of every row of the recipe robust, and so of the training (reattack rows take what they take)",
      number({ min: 0 }),
    )
    .option("--iterations <n>", "of the recipe robust (default: its own)", count())
    .option("--sources <n>", "images the recipe attacks an iteration (default: its own)", count())
    .option("--steps <n>", "of the attack of recipe and training (default: the recipe's)", count())
    .option("--step-size <length>", "of these steps (default: the recipe's)", number({ min: 0 }));
  withBench(command, "beyond-TABLE")
    .addHelpText(
      "after",
      "\nExamples:\n  npm run bench -- beyond --model cnnlight.onnx --rows fresh,adversarial --time-limit 240\n" +
        "  npm run bench -- beyond --model cnnlight.onnx --rows fgsm/rate=5e-3,pgd-2 --seconds 60 --auto 0\n" +
        "  npm run bench -- beyond --model cnnlight.onnx --front pgd-2/rate=5e-3/triangular --time-limit 60\n" +
        '  npm run bench -- beyond --model cnnlight.onnx --rows fresh --seeds 1 --data "mnist:train[0:5000]" ' +
        '--test "mnist:test[0:1000]" --iterations 20 --auto 0 --out try',
    )
    .action((flags: Flags) => run(flags, context));
}
