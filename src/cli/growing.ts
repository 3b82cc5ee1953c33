// Tables that grow while work goes on: one row a record, fixed columns.
import type { Context } from "./context.ts";

export type Column<R> = readonly [heading: string, width: number, cell: (record: R) => string];

export interface GrowingTable<R> {
  /** The headings of the columns that the record has. */
  heading(record: R): string;
  row(record: R): string;
}

/** A table of right-aligned columns; `has` leaves out those that a record has nothing for. */
export function growingTable<R>(
  columns: readonly Column<R>[],
  has: (heading: string, record: R) => boolean = () => true,
): GrowingTable<R> {
  const line = (record: R, text: (column: Column<R>) => string): string =>
    columns
      .filter(([heading]) => has(heading, record))
      .map((column) => text(column).padStart(column[1]))
      .join("  ")
      .trimEnd();
  return {
    heading: (record) => line(record, ([heading]) => heading),
    row: (record) => line(record, ([, , cell]) => cell(record)),
  };
}

/** Prints a row of a table as it grows, its headings before the first. */
export function growing<R>(
  { progress }: Context,
  { heading, row }: GrowingTable<R>,
): (record: R) => void {
  let headed = false;
  return (record) => {
    if (!headed) progress.line(heading(record));
    headed = true;
    progress.line(row(record));
  };
}
