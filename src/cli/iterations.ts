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
  ["QP", 0, (r) => (r.status === "solved" ? "" : r.status)],
];

export const iterationHeading = (): string =>
  columns.map(([heading, width]) => (width > 0 ? heading.padStart(width) : "")).join("  ");

export const iterationRow = (record: IterationRecord): string =>
  columns
    .map(([, width, cell]) => cell(record).padStart(width))
    .join("  ")
    .trimEnd();
