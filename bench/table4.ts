// npm run bench -- table4: seconds of the subproblem, of one evaluation of the loss and of whole runs, from the runs
// that table1, table2 and table3 made, beside the paper's.
import { join } from "node:path";
import type { Command } from "commander";
import type { Context } from "../src/cli/context.ts";
import { writeAtomic } from "../src/data/write.ts";
import { openRun, type Run, TemperError, type Timings } from "../src/index.ts";
import { type OutputFlags, openOutput, withOutput } from "./command.ts";
import { markdownTable, paragraph } from "./markdown.ts";
import { type PaperTimes, paperTimes } from "./paper.ts";

/** What was measured of one run, in seconds. */
export interface RunTimes {
  /** The subproblem, and its Gram entries and products alone, in the first and the last iteration. */
  readonly qpFirst: number;
  readonly rowsFirst: number;
  readonly qpLast: number;
  readonly rowsLast: number;
  readonly iterations: number;
  /** One evaluation of L(theta; D); null where the run did not come to its last iteration. */
  readonly loss: number | null;
  readonly seconds: number;
  /** What all subproblems took. */
  readonly optimisation: number;
  readonly machine: string;
}

export interface TimesRow {
  /** Null where there is no finished run. */
  readonly ours: RunTimes | null;
  readonly paper: PaperTimes;
}

export function timesOf({ stages, iterations, seconds, machine }: Timings): RunTimes {
  const [first, last] = [iterations[0], iterations.at(-1)!];
  return {
    qpFirst: first.qp,
    rowsFirst: first.gram + first.products,
    qpLast: last.qp,
    rowsLast: last.gram + last.products,
    iterations: iterations.length,
    loss: stages.loss ?? null,
    seconds,
    optimisation: stages.qp,
    machine,
  };
}

/** The run in a folder; null where there is none, it is not finished, or this version cannot read it. */
const finishedRun = (folder: string): Promise<Run | null> =>
  openRun(folder).catch((error) => {
    if (error instanceof TemperError && error.code === "run-unreadable") return null;
    throw error;
  });

/** The times of each run of the paper's Table 4 that is in the folder of the benches. */
export async function benchTable4(folder: string): Promise<TimesRow[]> {
  const rows: TimesRow[] = [];
  for (const paper of paperTimes) {
    const run = await finishedRun(join(folder, paper.table, `run-${paper.points}`));
    rows.push({ ours: run && timesOf(run.timings), paper });
  }
  return rows;
}

/** A cell: ours (the paper's). */
const pair = (ours: number | null, paper: number, digits: number): string =>
  `${ours?.toFixed(digits) ?? "-"} (${paper.toFixed(digits)})`;

const share = ({ optimisation, seconds }: Pick<RunTimes, "optimisation" | "seconds">): string =>
  `${((100 * optimisation) / seconds).toFixed(0)} %`;

function cells({ ours, paper }: TimesRow): string[] {
  const { network, points } = paper;
  if (ours === null) return [network, String(points), ...Array.from({ length: 7 }, () => "-")];
  return [
    network,
    String(points),
    pair(ours.qpFirst, paper.qpFirst, 2),
    ours.rowsFirst.toFixed(2),
    pair(ours.qpLast, paper.qpLast, 2),
    ours.rowsLast.toFixed(2),
    pair(ours.loss, paper.loss, 2),
    pair(ours.seconds, paper.seconds, 0),
    `${share(ours)} (${share(paper)})`,
  ];
}

/** The times as a table, with the paper's in brackets. */
export function table4Markdown(rows: readonly TimesRow[]): string {
  const headings = [
    "network",
    "Dadv",
    "QP, iteration 1",
    "of it rows",
    "QP, last iteration",
    "of it rows",
    "one loss",
    "whole run",
    "QP's share",
  ];
  const made = rows.flatMap(({ ours }) => (ours === null ? [] : [ours]));
  const counts = [...new Set(made.map(({ iterations }) => iterations))];
  const machines = [...new Set(made.map(({ machine }) => machine))];
  return [
    markdownTable(headings, rows.map(cells)),
    "",
    paragraph(
      "Seconds: ours (the paper's, on a 10-core M2 Pro with Gurobi). Rows: Gram entries and products. A dash: not " +
        `run. Iterations: ${counts.join(", ") || "-"}. ${machines.map((name) => `Ours on ${name}.`).join(" ")}`,
    ),
  ].join("\n");
}

async function show(flags: OutputFlags, context: Context): Promise<void> {
  const { out } = flags;
  const publish = await openOutput(flags, "table4", context);
  const rows = await benchTable4(out);
  if (rows.every(({ ours }) => ours === null)) {
    throw new TemperError(
      "file-missing",
      `"${out}" holds no finished run with 10 or 50 points\n` +
        "make them first: npm run bench -- table1 --rows 10,50 --model cnnlight.onnx; then table2 and table3",
    );
  }
  await writeAtomic(join(out, "table4.json"), `${JSON.stringify({ rows }, null, 2)}\n`);
  await publish(join(out, "table4.md"), table4Markdown(rows), { table: "table4", rows });
}

export function addTable4(program: Command, context: Context): void {
  const command = program
    .command("table4")
    .summary("seconds of the subproblem, the loss and whole runs beside the paper's")
    .description(
      "Reads the times of the runs with 10 and 50 points that table1, table2 and table3 made: the subproblem in " +
        "the first and last iteration, one evaluation of the training loss, the whole run and the subproblems' share.",
    );
  withOutput(command, "table4").action((flags: OutputFlags) => show(flags, context));
}
