// The table that grows while a correction runs: one row an iteration, fixed columns.
import type { IterationRecord } from "../correct/algorithm.ts";
import type { Context } from "./context.ts";

const shown = (value: number | null | undefined): string => value?.toPrecision(4) ?? "-";

/** Algorithm 2's objective beside the dual's. */
const blocks = ({ blocks: by }: IterationRecord): string[] =>
  by === undefined ? [] : [`objective ${shown(by.objectives.at(-1))}, dual ${shown(by.dual)}`];

const columns: readonly (readonly [
  heading: string,
  width: number,
  cell: (r: IterationRecord) => string,
])[] = [
  ["iteration", 9, (r) => String(r.iteration)],
  ["cuts", 6, (r) => String(r.rows)],
  ["active", 6, (r) => String(r.active)],
  ["steps", 5, (r) => String(r.steps)],
  ["violation", 10, (r) => shown(r.anchor?.violation)],
  ["loss", 9, (r) => shown(r.anchor?.loss)],
  ["right", 5, (r) => String(r.anchor?.corrected ?? "-")],
  ["distance", 8, (r) => shown(r.distance)],
  ["falling", 7, (r) => String(r.asked?.falling ?? "-")],
  ["", 0, (r) => [...(r.status === "solved" ? [] : [r.status]), ...blocks(r)].join("; ")],
];

/** Only where sources are asked again is there a number that still fall. */
const columnsOf = (record: IterationRecord): typeof columns =>
  columns.filter(([name]) => name !== "falling" || record.asked !== undefined);

const line = (record: IterationRecord, text: (c: (typeof columns)[number]) => string): string =>
  columnsOf(record)
    .map((column) => text(column).padStart(column[1]))
    .join("  ")
    .trimEnd();

export const iterationHeading = (record: IterationRecord): string => line(record, ([name]) => name);

export const iterationRow = (record: IterationRecord): string =>
  line(record, ([, , cell]) => cell(record));

/** Prints a row of a table as it grows, its headings before the first. */
export function growing<R>(
  { progress }: Context,
  heading: (record: R) => string,
  row: (record: R) => string,
): (record: R) => void {
  let headed = false;
  return (record) => {
    if (!headed) progress.line(heading(record));
    headed = true;
    progress.line(row(record));
  };
}
