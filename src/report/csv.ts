// The candidates of a run as comma-separated values: one row each, under the names that run.json has.
import type { Candidate } from "../correct/candidates.ts";
import { axesOf, idOf } from "./axes.ts";
import type { RunDocument } from "./document.ts";
import type { EvaluatedRun } from "./evaluated.ts";

const COLUMNS = [
  ...[
    "candidate",
    "iteration",
    "step",
    "alpha",
    "violation",
    "loss",
    "lossAtLeast",
    "lossEstimate",
  ],
  ...["corrected", "distance", "front"],
] as const;

/** Figures that only some candidates have, by the keys of their axes. */
const MEASURED = new Map([
  ["accuracy", "accuracy"],
  ["flips", "negativeFlips"],
  ["attacked", "attackedAccuracy"],
]);

/** What a sample of the data tells of the loss, where it told that the candidate is dominated. */
const ESTIMATE = "lossEstimate";

/** The columns of those figures, where any candidate has them. */
const SOME = [...MEASURED.values(), ESTIMATE];

type Row = Readonly<Record<string, unknown>>;

/** All candidates, or those that are given; held-out and attacked figures where they were measured. */
export function csvOf(
  run: EvaluatedRun,
  candidates: readonly Candidate[] = run.record.pool,
): string {
  return tableOf(rowsOf(run, candidates), COLUMNS);
}

/** All candidates of several runs, the name of the run before each. */
export const csvOfRuns = (runs: readonly (EvaluatedRun & Pick<RunDocument, "name">)[]): string =>
  tableOf(
    runs.flatMap((run) => rowsOf(run, run.record.pool).map((row) => ({ run: run.name, ...row }))),
    ["run", ...COLUMNS],
  );

const rowsOf = (run: EvaluatedRun, candidates: readonly Candidate[]): Row[] => {
  const held = axesOf(run).filter(({ key }) => MEASURED.has(key));
  return candidates.map((c) => ({
    ...c,
    ...(c.lossEstimate && { [ESTIMATE]: c.lossEstimate.loss }),
    candidate: idOf(c),
    ...Object.fromEntries(held.map((axis) => [MEASURED.get(axis.key), axis.of(c)])),
  }));
};

/** The columns, and those other figures that a row has. */
function tableOf(rows: readonly Row[], columns: readonly string[]): string {
  const all = [...columns, ...SOME.filter((name) => rows.some((r) => name in r))];
  const lines = [all, ...rows.map((row) => all.map((name) => row[name]))];
  return `${lines.map((line) => line.map(cell).join(",")).join("\n")}\n`;
}

/** A name may hold a comma or a quote. */
const cell = (value: unknown): string => {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
