// Tables of plain text: columns padded to their widest cell, numbers to the right.

/** The rows under their headings, two spaces between columns, one line a row. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, c) => Math.max(...all.map((row) => row[c].length)));
  const numeric = headings.map((_, c) => rows.every((row) => /^[-+\d.%e]*$/.test(row[c])));
  const lines = all.map((row) =>
    row
      .map((cell, c) => (numeric[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c])))
      .join("  ")
      .trimEnd(),
  );
  return lines.join("\n");
}

/** Four digits of a number; of none, or one that is not finite (null), a dash. */
export const shown = (value: number | null | undefined): string => value?.toPrecision(4) ?? "-";

/** A share as per cent with two digits. */
export const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;
