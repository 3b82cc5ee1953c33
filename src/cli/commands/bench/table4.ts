// temper bench table4: the times of the runs that the other tables made, beside the paper's.
import { join } from "node:path";
import type { Command } from "commander";
import { writeAtomic } from "../../../data/write.ts";
import { TemperError } from "../../../errors.ts";
import { benchTable4, table4Markdown } from "../../../report/bench/table4.ts";
import type { Context } from "../../context.ts";
import { openPage, withPage } from "./work.ts";

interface Flags {
  readonly out: string;
  readonly into?: string;
  readonly json?: boolean;
}

async function run({ out, into, json }: Flags, context: Context): Promise<void> {
  const put = await openPage(into, "table4");
  const rows = await benchTable4(out);
  if (rows.every(({ ours }) => ours === null)) {
    throw new TemperError(
      "file-missing",
      `"${out}" holds no finished run with 10 or 50 points\n` +
        "make them first: temper bench table1 --rows 10,50 --model cnnlight.onnx, likewise table2 and table3",
    );
  }
  const markdown = table4Markdown(rows);
  await writeAtomic(join(out, "table4.md"), `${markdown}\n`);
  await writeAtomic(join(out, "table4.json"), `${JSON.stringify({ rows }, null, 2)}\n`);
  await put(markdown);
  if (json === true) context.printJson({ table: "table4", rows });
  else context.print(markdown);
}

export function addTable4(bench: Command, context: Context): void {
  const command = bench
    .command("table4")
    .summary("seconds of the subproblem, the loss and whole runs beside the paper's")
    .description(
      "Reads the times of the runs with 10 and 50 points that table1, table2 and table3 made: the subproblem in " +
        "the first and last iteration, one evaluation of the training loss, the whole run and the subproblems' share.",
    )
    .option("--out <dir>", "the folder of those benches", "temper-bench")
    .option("--json", "print one JSON document on stdout");
  withPage(command, "table4").action((flags: Flags) => run(flags, context));
}
