// A folder of images whose index.csv says which label each file has, as `temper points --png` writes it.
import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { TemperError } from "../errors.ts";
import { joinNotes, numberWords, placesIn, unknownClass } from "./classes.ts";
import { cellsOf } from "./csv.ts";
import type { Dataset } from "./dataset.ts";
import { type FolderClasses, isImage } from "./folders.ts";

/** The file that lists the images of a folder: columns file and label, and source where it is known. */
export const INDEX = "index.csv";

/** The images of a folder in the order of its index. */
export interface IndexedFiles extends Pick<Dataset, "labels" | "source" | "classes"> {
  readonly paths: readonly string[];
  /** Where the labels come from, and what was left out. */
  readonly note: string;
}

const refuse = (folder: string, what: string, todo: string): TemperError =>
  new TemperError("data-unreadable", `${join(folder, INDEX)}: ${what}\n${todo}`);

/**
 * The images that the index of a folder lists; undefined where there is no index. A file that was taken out of the
 * folder is left out, and counted.
 *
 * @throws TemperError data-unreadable: an image that the index does not list, a label or source that is none
 *   data-mismatch: a label in words that is none of `classes`
 */
export async function indexedFiles(
  folder: string,
  given: FolderClasses,
): Promise<IndexedFiles | undefined> {
  const text = await readFile(join(folder, INDEX), "utf8").catch(() => "");
  const [header, ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const columns = cellsOf(header ?? "");
  const [file, label, source] = ["file", "label", "source"].map((name) => columns.indexOf(name));
  if (file < 0 || label < 0) return undefined;

  const present = await imagesIn(folder);
  const rows = lines.map(cellsOf).filter((cells) => present.delete(cells[file]));
  const [unlisted] = present;
  if (unlisted !== undefined) {
    throw refuse(
      folder,
      `does not list ${unlisted}${present.size > 1 ? ` and ${present.size - 1} others` : ""}`,
      "add a row for it, or remove the index: labels then come from the sub-folders",
    );
  }
  if (rows.length === 0) throw refuse(folder, "lists no image of the folder", "check its paths");
  const { labels, classes } = labelsOf(
    folder,
    rows.map((cells) => cells[label]),
    given,
  );
  const gone = lines.length - rows.length;
  return {
    paths: rows.map((cells) => join(folder, cells[file])),
    labels,
    classes,
    source: source < 0 ? undefined : sourcesOf(folder, rows, source),
    note: joinNotes(
      `labels${source < 0 ? "" : " and sources"} of ${rows.length} images by ${INDEX}`,
      gone === 0 ? undefined : `${gone} that it lists are not there: left out`,
    )!,
  };
}

/** The paths of all images below a folder, as an index writes them. */
async function imagesIn(folder: string): Promise<Set<string>> {
  const files = await readdir(folder, { recursive: true });
  const isHidden = (path: string): boolean => path.split("/").some((part) => part.startsWith("."));
  const paths = files.filter(isImage).map((path) => path.split(sep).join("/"));
  return new Set(paths.filter((path) => !isHidden(path)));
}

/** Whole numbers are labels; words are names, in the order of the model's where it is known. */
function labelsOf(
  folder: string,
  words: readonly string[],
  { classes, modelClasses }: FolderClasses,
): Pick<Dataset, "labels" | "classes"> {
  if (words.every((word) => /^\d{1,9}$/.test(word)))
    return { labels: Int32Array.from(words, Number) };
  const stored = modelClasses && !placesIn(modelClasses, words).includes(-1);
  const order = classes ?? (stored ? modelClasses : undefined);
  if (order === undefined) return numberWords(words);
  const places = placesIn(order, words);
  const unknown = places.indexOf(-1);
  if (unknown >= 0) throw unknownClass(join(folder, INDEX), words[unknown], order);
  return { labels: Int32Array.from(places), classes: order };
}

function sourcesOf(
  folder: string,
  rows: readonly (readonly string[])[],
  column: number,
): Int32Array {
  const odd = rows.find((cells) => !/^\d{1,9}$/.test(cells[column] ?? ""));
  if (odd === undefined) return Int32Array.from(rows, (cells) => Number(cells[column]));
  throw refuse(
    folder,
    `source of ${odd[0]} is "${odd[column] ?? ""}"`,
    "it is the index of the image in the original data; or leave the column out",
  );
}
