// temper bench: the paper's tables, recomputed row by row.
import { join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { openData } from "../../data/open.ts";
import { writeAtomic } from "../../data/write.ts";
import { type PaperTable, POINTS, paperTables } from "../../report/paper-tables.ts";
import { benchTable } from "../../report/table-bench.ts";
import { tableMarkdown } from "../../report/table-markdown.ts";
import type { Context } from "../context.ts";
import { iterationHeading, iterationRow } from "../iterations.ts";
import { openModelFile } from "../open.ts";
import { type CommonFlags, withCommon } from "../options.ts";
import { number } from "../parse.ts";

interface Flags extends CommonFlags {
  readonly model: string;
  readonly out: string;
  readonly rows?: number[];
}

function tableNamed(given: string): PaperTable {
  const table = paperTables.find(({ name }) => name === given);
  if (table === undefined) throw new InvalidArgumentError("Expected table1 or table2.");
  return table;
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
  const { progress, signal } = context;
  const { dataDir, threads, seed } = flags;
  const folder = join(flags.out, table.name);
  const model = await openModelFile(flags.model, {});
  const rows = await benchTable(table, {
    model,
    train: await openData("mnist:train", { dataDir }),
    test: await openData("mnist:test", { dataDir }),
    folder,
    points: flags.rows ?? POINTS,
    seed,
    threads,
    signal,
    onProgress: (stage, done, of) => progress.update(stage, done, of),
    onIteration: (points, record) => {
      if (record.iteration === 1) progress.line(`${points} points\n${iterationHeading()}`);
      progress.line(iterationRow(record));
    },
    onRow: (row) =>
      progress.line(
        `${row.points} points, w = ${row.weight}: clean ${row.clean.toFixed(2)}, ` +
          `FGSM ${row.fgsm.toFixed(2)}, PGD ${row.pgd.toFixed(2)}`,
      ),
  });
  await model.close();
  progress.stop();
  const markdown = tableMarkdown(table, rows);
  await writeAtomic(join(folder, `${table.name}.md`), `${markdown}\n`);
  if (flags.json === true) context.printJson({ table: table.name, rows });
  else context.print(`${markdown}\n\nwritten to ${folder}`);
}

export function addBench(program: Command, context: Context): void {
  const command = program
    .command("bench")
    .summary("recompute the paper's tables")
    .description(
      "Recomputes Table 1 (CNNLight) or Table 2 (CNN) on the published network: for 10 to 50 points the paper's " +
        "recipe, and for w = 0, 0.2, 0.4 the choice from its pool, evaluated by the paper's protocol. A second " +
        "call continues where the first was stopped.",
    )
    .argument("<table>", "table1 or table2", tableNamed)
    .requiredOption("--model <file>", "the published network, as ONNX")
    .option("--rows <n,n>", "only these numbers of points, of 10,20,30,40,50", rowNumbers)
    .option("--out <dir>", "folder for points, runs and the table", "temper-bench");
  withCommon(command).action((table: PaperTable, flags: Flags) => run(table, flags, context));
}
