// The candidates of a run as comma-separated values: one row each, under the names that run.json has.
import type { Candidate } from "../correct/candidates.ts";
import { axesOf, idOf } from "./axes.ts";
import type { RunDocument } from "./document.ts";

const COLUMNS = [
  ...["candidate", "iteration", "step", "alpha", "violation", "loss", "lossAtLeast"],
  ...["corrected", "distance", "front"],
] as const;

/** Held-out figures, by the keys of their axes. */
const HELD = new Map([
  ["accuracy", "accuracy"],
  ["flips", "negativeFlips"],
]);

type Row = Readonly<Record<string, unknown>>;

/** All candidates, or those that are given; held-out figures where they were measured. */
export function csvOf(
  run: Pick<RunDocument, "record">,
  candidates: readonly Candidate[] = run.record.pool,
): string {
  return tableOf(rowsOf(run, candidates), COLUMNS);
}

/** All candidates of several runs, the name of the run before each. */
export const csvOfRuns = (runs: readonly Pick<RunDocument, "name" | "record">[]): string =>
  tableOf(
    runs.flatMap((run) => rowsOf(run, run.record.pool).map((row) => ({ run: run.name, ...row }))),
    ["run", ...COLUMNS],
  );

const rowsOf = (run: Pick<RunDocument, "record">, candidates: readonly Candidate[]): Row[] => {
  const held = axesOf(run).filter(({ key }) => HELD.has(key));
  return candidates.map((c) => ({
    ...c,
    candidate: idOf(c),
    ...Object.fromEntries(held.map((axis) => [HELD.get(axis.key), axis.of(c)])),
  }));
};

/** The columns, and those held-out figures that a row has. */
function tableOf(rows: readonly Row[], columns: readonly string[]): string {
  const all = [...columns, ...[...HELD.values()].filter((name) => rows.some((r) => name in r))];
  const lines = [all, ...rows.map((row) => all.map((name) => row[name]))];
  return `${lines.map((line) => line.map(cell).join(",")).join("\n")}\n`;
}

/** A name may hold a comma or a quote. */
const cell = (value: unknown): string => {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};
