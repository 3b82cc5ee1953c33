// Tables: a CSV file with a header, a row an example, one column of labels.
import { TemperError } from "../errors.ts";
import { joinNotes, numberWords } from "./classes.ts";
import type { Dataset } from "./dataset.ts";
import type { Keys } from "./reading.ts";
import { scaleNote } from "./scale.ts";

const LABELS = ["label", "y", "target", "class", "labels"];

/** What tables of images call their columns, whose values are then bytes. */
const PIXEL = /^(pixel[ _]?\d+|\d+x\d+)$/i;

/** The cells of one line; a cell in double quotes may hold commas. */
export function cellsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(",").map((cell) => cell.trim());
  const cells = [...line.matchAll(/(?:^|,)\s*(?:"((?:[^"]|"")*)"|([^,]*))/g)];
  return cells.map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare.trim());
}

const refuse = (name: string, what: string, todo: string): TemperError =>
  new TemperError("data-unreadable", `${name}: ${what}\n${todo}`);

function labelColumn(name: string, header: readonly string[], key: string | undefined): number {
  const words = header.map((cell) => cell.toLowerCase());
  const at = key === undefined ? words.findIndex((w) => LABELS.includes(w)) : header.indexOf(key);
  if (at >= 0) return at;
  const shown = header.length > 8 ? [...header.slice(0, 8), "..."] : header;
  throw refuse(
    name,
    `no column ${key === undefined ? LABELS.join(", ") : `"${key}"`} among ${shown.join(", ")}`,
    "give a header line and a column of labels, named label or by --keys y=NAME",
  );
}

/** Labels as numbers, or as words in sorted order. */
function labelsOf(words: readonly string[]): Pick<Dataset, "labels" | "classes" | "note"> {
  if (words.every((word) => /^\d+(\.0+)?$/.test(word)))
    return { labels: Int32Array.from(words, Number) };
  const { labels, classes } = numberWords(words);
  const note = `labels in the sorted order of ${classes.length} words: 0 ${classes[0]}, ...`;
  return { labels, classes, note };
}

/**
 * Reads a table: every column but the labels' is a number of the example, `[columns]` in their order.
 * @throws TemperError data-unreadable: no labels, a cell that is no number, rows of several lengths
 */
export function readCsv(bytes: Uint8Array, name: string, { y }: Keys = {}): Dataset {
  const text = new TextDecoder().decode(bytes).replace(/^\uFEFF/, "");
  const [first = "", ...rows] = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const header = cellsOf(first);
  const at = labelColumn(name, header, y);
  const width = header.length - 1;
  if (width === 0) throw refuse(name, "has no column but the labels", "give the numbers too");
  const values = new Float32Array(rows.length * width);
  const words: string[] = [];
  for (const [i, row] of rows.entries()) {
    const cells = cellsOf(row);
    if (cells.length !== header.length) {
      throw refuse(
        name,
        `row ${i + 1} has ${cells.length} cells, the header ${header.length}`,
        "give every row one cell a column",
      );
    }
    words.push(...cells.splice(at, 1));
    for (const [k, cell] of cells.entries()) {
      const value = cell === "" ? Number.NaN : Number(cell);
      if (!Number.isFinite(value)) {
        const column = header.filter((_, c) => c !== at)[k];
        throw refuse(name, `row ${i + 1}, ${column}: "${cell}" is no number`, "give numbers only");
      }
      values[i * width + k] = value;
    }
  }
  const isBytes =
    header.every((cell, c) => c === at || PIXEL.test(cell)) &&
    values.every((v) => Number.isInteger(v) && v >= 0 && v <= 255);
  const pixels = isBytes ? Uint8Array.from(values) : values;
  const { note, ...labels } = labelsOf(words);
  // Features of a table have scales of their own; only what are called pixels are measured.
  return {
    name,
    shape: [width],
    count: rows.length,
    pixels,
    ...labels,
    ...(!isBytes && { columns: header.filter((_, c) => c !== at) }),
    note: joinNotes(
      note,
      isBytes ? "columns of pixels taken as bytes" : "",
      isBytes ? scaleNote(pixels) : "",
    ),
  };
}
