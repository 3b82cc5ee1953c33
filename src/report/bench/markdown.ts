// A recomputed table as Markdown: ours beside the paper's, row by row.
import type { PaperTable } from "./paper.ts";
import type { BenchRow } from "./tables.ts";

const HEADINGS = ["Dadv", "w", "loss", "clean", "FGSM", "PGD", "right", "time"];

/** ours (paper's, difference) */
function beside(ours: number, paper: number, digits: number): string {
  const difference = ours - paper;
  const sign = difference < 0 ? "-" : "+";
  return `${ours.toFixed(digits)} (${paper.toFixed(digits)}, ${sign}${Math.abs(difference).toFixed(digits)})`;
}

const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

function rowLine(row: BenchRow): string {
  const { paper } = row;
  return line([
    String(row.points),
    String(row.weight),
    beside(row.loss, paper.loss, 4),
    beside(row.clean, paper.clean, 2),
    beside(row.fgsm, paper.fgsm, 2),
    beside(row.pgd, paper.pgd, 2),
    `${row.corrected} of ${row.points}`,
    `${row.seconds.toFixed(0)} s`,
  ]);
}

/** Each cell: ours (the paper's, difference). Accuracies in per cent; time is that of the run that rows share. */
export function tableMarkdown(table: PaperTable, rows: readonly BenchRow[]): string {
  return [
    line(HEADINGS),
    line(HEADINGS.map(() => "---")),
    ...rows.map(rowLine),
    "",
    `${table.network}. Each cell: ours (the paper's, difference).`,
  ].join("\n");
}
