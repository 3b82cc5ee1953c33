// Tables that grow while work goes on: one row a record, right-aligned columns of fixed width.
import type { Context } from "./context.ts";

type Column<R> = readonly [heading: string, width: number, cell: (record: R) => string];

export interface GrowingTable<R> {
  readonly columns: readonly Column<R>[];
  /** Whether the records have something for the column of a heading; without it they have for all. */
  readonly has?: (heading: string, record: R) => boolean;
}

/** Prints a row of a table as it grows, its headings before the first. */
export function growing<R>(
  { progress }: Context,
  { columns, has = () => true }: GrowingTable<R>,
): (record: R) => void {
  const line = (record: R, text: (column: Column<R>) => string): void =>
    progress.line(
      columns
        .filter(([heading]) => has(heading, record))
        .map((column) => text(column).padStart(column[1]))
        .join("  ")
        .trimEnd(),
    );
  let headed = false;
  return (record) => {
    if (!headed) line(record, ([heading]) => heading);
    headed = true;
    line(record, ([, , cell]) => cell(record));
  };
}
