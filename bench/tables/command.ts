// npm run bench -- table1, table2, table3: the paper's tables, recomputed row by row.
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Context } from "../../src/cli/context.ts";
import { openDataset } from "../../src/cli/open.ts";
import { type Scale, scales } from "../../src/correct/choice.ts";
import { openModel } from "../../src/index.ts";
import { type BenchFlags, openOutput, withBench, workOf } from "../command.ts";
import { type PaperTable, POINTS, paperTables } from "../paper.ts";
import { count, number } from "../parse.ts";
import { earlyMarkdown, tableMarkdown } from "./markdown.ts";
import { benchTable } from "./tables.ts";

interface Flags extends BenchFlags {
  readonly model: string;
  readonly data: string;
  readonly test: string;
  readonly rows?: number[];
  readonly scale: Scale;
  readonly lossSample?: number | "auto";
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
  const how = { ...flags, augment: table.augment };
  const { scale, lossSample } = flags;
  const scaled = scale === "front" ? table.name : `${table.name}-${scale}`;
  const name = lossSample === undefined ? scaled : `${scaled}-sample-${lossSample}`;
  const folder = join(flags.out, name);
  const publish = await openOutput(flags, name, context);
  const model = await openModel(flags.model, table.model);
  const results = await benchTable(table, {
    ...workOf(flags, context),
    model,
    train: await openDataset(flags.data, how, context),
    test: await openDataset(flags.test, how, context),
    folder,
    points: flags.rows ?? POINTS,
    ...{ scale, lossSample },
    onRow: (row) =>
      context.progress.line(
        `${row.points} points, w = ${row.weight}: clean ${row.clean.toFixed(2)}, ` +
          `FGSM ${row.fgsm.toFixed(2)}, PGD ${row.pgd.toFixed(2)}`,
      ),
  });
  await model.close();
  const early = ["What the iterations after the 15th bring:", earlyMarkdown(table, results)];
  const parts = [tableMarkdown(table, results), ...(lossSample === undefined ? early : [])];
  const markdown = parts.join("\n\n");
  await publish(join(folder, `${name}.md`), markdown, { table: name, ...results });
}

function addTable(program: Command, table: PaperTable, context: Context): void {
  const command = program
    .command(table.name)
    .summary(`${table.network}: accuracy and loss beside the paper's, row by row`)
    .description(
      `Recomputes the paper's table of ${table.network} on the published network: for 10 to 50 points the paper's ` +
        "recipe, and for w = 0, 0.2, 0.4 the choice from its candidates, evaluated by the paper's protocol.",
    )
    .requiredOption("--model <file>", "the published network, as ONNX")
    .option("--rows <n,n>", "only these numbers of points, of 10,20,30,40,50", rowNumbers)
    .addOption(
      new Option(
        "--scale <over>",
        "what (19) scales loss and violation over; pool evaluates every loss to its end",
      )
        .choices(scales)
        .default("front"),
    )
    .option(
      "--loss-sample <n|auto>",
      "cut the loss on a sample that grows from n images, and screen candidates on it; without early rows",
      (given: string) => (given === "auto" ? given : count()(given)),
    )
    .option("--data <data>", "training data, attacked and held", table.data.train)
    .option("--test <data>", "what the accuracies are measured on", table.data.test);
  withBench(command, table.name)
    .addHelpText(
      "after",
      `\nExample, to try it:\n  npm run bench -- ${table.name} --model model.onnx --rows 10 ` +
        `--data "${table.data.train}[0:5000]" --test "${table.data.test}[0:1000]" --out try`,
    )
    .action((flags: Flags) => run(table, flags, context));
}

export function addTables(program: Command, context: Context): void {
  for (const table of paperTables) addTable(program, table, context);
}
