// The table that grows while a correction runs: one row an iteration, fixed columns.
import type { IterationRecord } from "../correct/algorithm.ts";

const shown = (value: number | null | undefined): string => value?.toPrecision(4) ?? "-";

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
  ["", 0, (r) => (r.status === "solved" ? "" : r.status)],
];

const line = (cells: readonly string[]): string =>
  cells
    .map((cell, c) => cell.padStart(columns[c][1]))
    .join("  ")
    .trimEnd();

export const iterationHeading = (): string => line(columns.map(([name]) => name));

export const iterationRow = (record: IterationRecord): string =>
  line(columns.map(([, , cell]) => cell(record)));
