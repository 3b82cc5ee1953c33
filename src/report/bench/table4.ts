// Table 4 of the paper: seconds of the subproblem, of one evaluation of the loss and of whole runs, from the
// timings of the runs of Tables 1 to 3.
import { join } from "node:path";
import { RECORD, readJson, recordIn } from "../../run/folder.ts";
import type { RunRecord, Timings } from "../../run/record.ts";
import { TIMINGS } from "../../run/run.ts";
import { markdownTable, paragraph } from "./markdown.ts";
import { type PaperTimes, paperTimes } from "./paper.ts";

/** Seconds as measured. */
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
  /** All subproblems. */
  readonly optimisation: number;
  readonly machine: string;
}

export interface TimesRow {
  /** null: the run has not been made, or is not finished. */
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

/** The times of each run of the paper's Table 4 that is in the folder of the benches. */
export async function benchTable4(folder: string): Promise<TimesRow[]> {
  const rows: TimesRow[] = [];
  for (const paper of paperTimes) {
    const run = join(folder, paper.table, `run-${paper.points}`);
    const finished =
      (await recordIn(run)) && ((await readJson(run, RECORD)) as Partial<RunRecord>).end;
    const ours = finished ? timesOf((await readJson(run, TIMINGS)) as Timings) : null;
    rows.push({ ours, paper });
  }
  return rows;
}

/** ours (the paper's) */
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

/** Each cell: ours (the paper's), in seconds. */
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
