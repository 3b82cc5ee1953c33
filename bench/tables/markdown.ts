// A recomputed table as Markdown: ours beside the paper's, row by row.
import { markdownTable, paragraph } from "../markdown.ts";
import type { Figures, PaperTable } from "../paper.ts";
import { type Setting, settingInWords } from "../work.ts";
import { type BenchRow, EARLY, type EarlyRow, type TableResults } from "./tables.ts";

/** A cell: ours (the paper's, difference). */
function beside(ours: number, paper: number, digits: number): string {
  const difference = ours - paper;
  const sign = difference < 0 ? "-" : "+";
  return `${ours.toFixed(digits)} (${paper.toFixed(digits)}, ${sign}${Math.abs(difference).toFixed(digits)})`;
}

const figuresBeside = (ours: Figures, paper: Figures, digits: number): string[] => [
  beside(ours.loss, paper.loss, digits),
  beside(ours.clean, paper.clean, 2),
  beside(ours.fgsm, paper.fgsm, 2),
  beside(ours.pgd, paper.pgd, 2),
];

const rowCells = (row: BenchRow, digits: number): string[] => [
  String(row.points),
  String(row.weight),
  ...figuresBeside(row, row.paper, digits),
  `${row.corrected} of ${row.points}`,
  `${row.seconds.toFixed(0)} s`,
];

/** How far the rows with w above 0, which the scale of (19) decides, are from the paper's: by it a scale is judged. */
function fitInWords(rows: readonly BenchRow[]): string {
  const weighed = rows.filter(({ weight }) => weight > 0);
  if (weighed.length === 0) return "";
  const squares = (of: "clean" | "fgsm" | "pgd"): string =>
    weighed.reduce((sum, row) => sum + (row[of] - row.paper[of]) ** 2, 0).toFixed(1);
  return (
    ` Sum of squared differences over ${weighed.length} rows with w above 0: clean ${squares("clean")}, ` +
    `FGSM ${squares("fgsm")}, PGD ${squares("pgd")}.`
  );
}

/** Each cell has our figure (the paper's, the difference); the time is that of the run that rows share. */
export function tableMarkdown(
  { network, baseline: paper, digits }: PaperTable,
  { setting, baseline, rows }: TableResults & { readonly setting: Setting },
): string {
  const headings = ["Dadv", "w", "loss", "clean", "FGSM", "PGD", "right", "time"];
  const first =
    baseline === null ? [] : [["-", "-", ...figuresBeside(baseline, paper, digits), "-", "-"]];
  const machines = [...new Set(rows.map(({ machine }) => machine))];
  return [
    markdownTable(headings, [...first, ...rows.map((row) => rowCells(row, digits))]),
    "",
    paragraph(
      `${network}. Each cell: ours (the paper's, difference); the first row is the published network. ` +
        `${settingInWords(setting)}. ${machines.map((name) => `Times on ${name}.`).join(" ")}` +
        fitInWords(rows),
    ),
  ].join("\n");
}

const earlyCells = (row: EarlyRow, rows: readonly BenchRow[], digits: number): string[] => {
  const whole = rows.find(({ points, weight }) => points === row.points && weight === 0);
  const pair = (of: (chosen: EarlyRow | BenchRow) => string): string =>
    `${of(row)} / ${whole === undefined ? "-" : of(whole)}`;
  return [
    String(row.points),
    pair(({ iteration }) => String(iteration)),
    pair(({ violation }) => violation.toPrecision(3)),
    pair(({ loss }) => loss.toFixed(digits)),
    pair(({ clean }) => clean.toFixed(2)),
    pair(({ fgsm }) => fgsm.toFixed(2)),
    pair(({ pgd }) => pgd.toFixed(2)),
    pair(({ corrected }) => String(corrected)),
  ];
};

/** What the iterations after the 15th bring: the choice for w = 0 without and with them. */
export function earlyMarkdown({ digits }: PaperTable, { rows, early }: TableResults): string {
  const headings = ["Dadv", "iteration", "violation", "loss", "clean", "FGSM", "PGD", "right"];
  return [
    markdownTable(
      headings,
      early.map((row) => earlyCells(row, rows, digits)),
    ),
    "",
    `Each cell: the choice for w = 0 from iterations 1 to ${EARLY} / from all.`,
  ].join("\n");
}
