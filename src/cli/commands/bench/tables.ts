// temper bench table1, table2, table3: the paper's tables, recomputed row by row.
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { writeAtomic } from "../../../data/write.ts";
import { openModel } from "../../../engine/model.ts";
import { earlyMarkdown, tableMarkdown } from "../../../report/bench/markdown.ts";
import { type PaperTable, POINTS, paperTables } from "../../../report/bench/paper.ts";
import { benchTable } from "../../../report/bench/tables.ts";
import type { Context } from "../../context.ts";
import { openDataset } from "../../open.ts";
import { type CommonFlags, withCommon } from "../../options.ts";
import { number } from "../../parse.ts";
import { openPage, withPage, workOf } from "./work.ts";

interface Flags extends CommonFlags {
  readonly model: string;
  readonly data: string;
  readonly test: string;
  readonly out: string;
  readonly rows?: number[];
  readonly into?: string;
}

function rowNumbers(given: string): number[] {
  return given.split(",").map((part) => {
    const points = POINTS.find((p) => p === number()(part));
    if (points === undefined)
      throw new InvalidArgumentError(`Expected some of ${POINTS.join(",")}.`);
    return points;
  });
}

async function run(table: PaperTable, flags: Flags, context: Context): Promise<void> {
  const { progress } = context;
  const { augment } = table;
  const how = { ...flags, augment };
  const folder = join(flags.out, table.name);
  const put = await openPage(flags.into, table.name);
  const model = await openModel(flags.model, table.model);
  const results = await benchTable(table, {
    ...workOf(flags, context),
    model,
    train: await openDataset(flags.data, how, context),
    test: await openDataset(flags.test, how, context),
    folder,
    points: flags.rows ?? POINTS,
    onRow: (row) =>
      progress.line(
        `${row.points} points, w = ${row.weight}: clean ${row.clean.toFixed(2)}, ` +
          `FGSM ${row.fgsm.toFixed(2)}, PGD ${row.pgd.toFixed(2)}`,
      ),
  });
  await model.close();
  progress.stop();
  const markdown = [
    tableMarkdown(table, results),
    "What the iterations after the 15th bring:",
    earlyMarkdown(table, results),
  ].join("\n\n");
  await writeAtomic(join(folder, `${table.name}.md`), `${markdown}\n`);
  await put(markdown);
  if (flags.json === true) context.printJson({ table: table.name, ...results });
  else context.print(`${markdown}\n\nwritten to ${folder}`);
}

function addTable(bench: Command, table: PaperTable, context: Context): void {
  const command = bench
    .command(table.name)
    .summary(`${table.network}: accuracy and loss beside the paper's, row by row`)
    .description(
      `Recomputes the paper's table of ${table.network} on the published network: for 10 to 50 points the paper's ` +
        "recipe, and for w = 0, 0.2, 0.4 the choice from its pool, evaluated by the paper's protocol.",
    )
    .requiredOption("--model <file>", "the published network, as ONNX")
    .option("--rows <n,n>", "only these numbers of points, of 10,20,30,40,50", rowNumbers)
    .option("--data <data>", "training data, attacked and held", table.data.train)
    .option("--test <data>", "what the accuracies are measured on", table.data.test)
    .option("--out <dir>", "folder for points, runs and the table", "temper-bench");
  withPage(withCommon(command), table.name)
    .addHelpText(
      "after",
      `\nExample, to try it:\n  temper bench ${table.name} --model model.onnx --rows 10 ` +
        `--data "${table.data.train}[0:5000]" --test "${table.data.test}[0:1000]" --out try`,
    )
    .action((flags: Flags) => run(table, flags, context));
}

export function addTables(bench: Command, context: Context): void {
  for (const table of paperTables) addTable(bench, table, context);
}
