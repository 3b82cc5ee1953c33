// temper bench beyond: the study of the robust recipe, with adversarial training beside it, row by row.
import { dirname, join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { writeAtomic } from "../../../data/write.ts";
import { openModel } from "../../../engine/model.ts";
import { beyondMarkdown } from "../../../report/bench/beyond/markdown.ts";
import { beyondPlot } from "../../../report/bench/beyond/plot.ts";
import { type Row, studyRows } from "../../../report/bench/beyond/rows.ts";
import { benchBeyond, type RowResult } from "../../../report/bench/beyond/study.ts";
import { type PaperTable, paperTables } from "../../../report/bench/paper.ts";
import type { Context } from "../../context.ts";
import { openDataset } from "../../open.ts";
import { type CommonFlags, withCommon } from "../../options.ts";
import { count, number, oneOf } from "../../parse.ts";
import { openPage, withPage, workOf } from "./work.ts";

interface Flags extends CommonFlags {
  readonly model: string;
  readonly table: PaperTable["name"];
  readonly data?: string;
  readonly test?: string;
  readonly rows?: Row[];
  readonly seeds: number;
  readonly auto: number;
  readonly timeLimit?: number;
  readonly iterations?: number;
  readonly sources?: number;
  readonly steps?: number;
  readonly stepSize?: number;
  readonly out: string;
  readonly into?: string;
}

function rowsNamed(given: string): Row[] {
  return given.split(",").map((name) => {
    const row = studyRows.find((r) => r.name === name);
    if (row === undefined) {
      const known = studyRows.map((r) => r.name).join(", ");
      throw new InvalidArgumentError(`"${name}" is no row. Expected some of ${known}.`);
    }
    return row;
  });
}

const rowInWords = ({ row, seed, clean, fgsm, pgd, distance, seconds }: RowResult): string =>
  `${row}, seed ${seed}: clean ${clean.toFixed(2)}, FGSM ${fgsm.toFixed(2)}, PGD ${pgd.toFixed(2)}, ` +
  `distance ${distance.toFixed(2)}, ${seconds.toFixed(0)} s`;

async function run(flags: Flags, context: Context): Promise<void> {
  const { iterations, sources, timeLimit, steps, stepSize, into } = flags;
  const {
    name,
    model: how,
    data,
    augment,
    protocol,
  } = paperTables.find((table) => table.name === flags.table)!;
  const place = `beyond-${name}`;
  const put = await openPage(into, place);
  const folder = join(flags.out, "beyond", name);
  const model = await openModel(flags.model, how);
  const opened = { ...flags, augment };
  const study = await benchBeyond({
    ...workOf(flags, context),
    table: { protocol },
    model,
    train: await openDataset(flags.data ?? data.train, opened, context),
    test: await openDataset(flags.test ?? data.test, opened, context),
    folder,
    rows: flags.rows ?? studyRows,
    seeds: flags.seeds,
    auto: flags.auto,
    recipe: { iterations, sources, timeLimit },
    attack: { steps, stepSize },
    onRow: (row) => context.progress.line(rowInWords(row)),
  });
  await model.close();
  context.progress.stop();
  const svg = await beyondPlot(study);
  await writeAtomic(join(folder, "beyond.svg"), svg);
  await writeAtomic(join(folder, "beyond.md"), `${beyondMarkdown(study, "beyond.svg")}\n`);
  if (into !== undefined) await writeAtomic(join(dirname(into), `${place}.svg`), svg);
  await put(beyondMarkdown(study, `${place}.svg`));
  if (flags.json === true) context.printJson({ bench: "beyond", ...study });
  else context.print(`${beyondMarkdown(study, "beyond.svg")}\n\nwritten to ${folder}`);
}

export function addBeyond(bench: Command, context: Context): void {
  const tables = paperTables.map(({ name }) => name);
  const command = bench
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
      `only these rows (default: all), of ${studyRows.map(({ name }) => name).join(", ")}`,
      rowsNamed,
    )
    .option("--seeds <n>", "seeds of the rows fresh and adversarial, from --seed on", count(), 3)
    .option(
      "--auto <n>",
      "test images on which AutoAttack attacks these two; 0: none",
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
    .option("--step-size <length>", "of these steps, likewise", number({ min: 0 }))
    .option("--out <dir>", "folder for runs, results, table and plot", "temper-bench");
  withCommon(withPage(command, "beyond-TABLE"))
    .addHelpText(
      "after",
      "\nExamples:\n  temper bench beyond --model cnnlight.onnx --rows fresh,adversarial --time-limit 240\n" +
        '  temper bench beyond --model cnnlight.onnx --rows fresh --seeds 1 --data "mnist:train[0:5000]" ' +
        '--test "mnist:test[0:1000]" --iterations 20 --auto 0 --out try',
    )
    .action((flags: Flags) => run(flags, context));
}
