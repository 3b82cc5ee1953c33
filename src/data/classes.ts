// The names of the labels: which name is which output of the model, and where that order comes from.
import { readFile } from "node:fs/promises";
import { nearest, TemperError } from "../errors.ts";
import type { AnyDataset } from "./dataset.ts";

const refuse = (what: string, todo: string): TemperError =>
  new TemperError("bad-option", `${what}\n${todo}`);

/**
 * The names in `text`, in the model's order: a JSON list, or one name a line.
 * @throws TemperError bad-option: not names, fewer than two, a name twice
 */
export function parseClasses(text: string, where: string): readonly string[] {
  const todo = "give the names of the model's labels in its order, one a line or as a JSON list";
  let names: unknown;
  try {
    const plain = text.replace(/^\uFEFF/, "");
    names = plain.trimStart().startsWith("[")
      ? JSON.parse(plain)
      : plain
          .trimEnd()
          .split("\n")
          .map((line) => line.trim());
  } catch (cause) {
    throw refuse(`${where}: not a JSON list: ${(cause as Error).message.split("\n")[0]}`, todo);
  }
  return checkClasses(names, where);
}

/**
 * A list of names as a caller gives it, checked.
 * @throws TemperError bad-option: not names, fewer than two, a name twice
 */
export function checkClasses(names: unknown, where: string): readonly string[] {
  const todo = "give the names of the model's labels in its order, each once";
  if (!Array.isArray(names)) throw refuse(`${where}: ${typeof names}, not a list of names`, todo);
  const odd = names.findIndex((name) => typeof name !== "string" || name === "");
  if (odd >= 0) throw refuse(`${where}: name ${odd} is "${names[odd]}"`, todo);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw refuse(`${where}: "${twice}" is there twice`, todo);
  if (names.length < 2)
    throw refuse(`${where}: ${names.length} name, but labels are two or more`, todo);
  return names;
}

/**
 * The names in a file.
 * @throws TemperError file-missing, bad-option
 */
export async function readClasses(path: string): Promise<readonly string[]> {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new TemperError(
      "file-missing",
      `classes ${path}: cannot be read: ${(cause as Error).message}\ncheck the path`,
      { cause },
    );
  });
  return parseClasses(text, path);
}

/** A JSON or Python literal of a list, or of a map from index to name (or name to index), as names. */
function namesFrom(value: string): readonly string[] | undefined {
  const lines = value.includes("\n") ? value.trim().split("\n") : value.split(",");
  // Ultralytics writes Python's repr: {0: 'cat', 1: 'dog'}.
  const json = value.replace(/([{,]\s*)(\d+)\s*:/g, '$1"$2":').replace(/'([^']*)'/g, '"$1"');
  for (const text of [value, json]) {
    let read: unknown;
    try {
      read = JSON.parse(text);
    } catch {
      continue;
    }
    if (Array.isArray(read)) return read as string[];
    if (typeof read !== "object" || read === null) return undefined;
    const entries = Object.entries(read);
    const byIndex = entries.every(([key]) => /^\d+$/.test(key));
    const indexed = entries.map(([a, b]) => (byIndex ? [Number(a), b] : [b, a]));
    const names: unknown[] = [];
    for (const [index, name] of indexed) names[index as number] = name;
    return names.length === entries.length ? (names as string[]) : undefined;
  }
  return lines.map((line) => line.trim());
}

const KEYS =
  /^(names|classes|class_?names|labels|label_?names|categories|id2label|label2id|idx_to_class|class_to_idx)$/i;

/**
 * The names of a model's labels as exporters store them beside it (`names` of Ultralytics, `classes`, `id2label` of
 * Hugging Face, ...); undefined where nothing there is a list of `labels` names.
 *
 * @param metadata the key-value pairs of the ONNX file
 */
export function classesInMetadata(
  metadata: ReadonlyMap<string, string>,
  labels: number,
): readonly string[] | undefined {
  for (const [key, value] of metadata) {
    if (!KEYS.test(key)) continue;
    const names = namesFrom(value);
    if (names?.length !== labels) continue;
    try {
      return checkClasses(names, key);
    } catch {
      // It is another list; the next key may hold the names.
    }
  }
  return undefined;
}

/** A name without its capitals, hyphens and underscores: folders rarely spell a name as the model does. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[\s_-]+/g, " ")
    .trim();

/** Where each name stands in `classes`: as it is spelt or, where no two would be the same, but for case and hyphens. */
export function placesIn(classes: readonly string[], names: readonly string[]): number[] {
  const exact = new Map(classes.map((name, i) => [name, i]));
  const loose = new Map(classes.map((name, i) => [plain(name), i]));
  const clear = loose.size === classes.length;
  return names.map((name) => exact.get(name) ?? (clear ? loose.get(plain(name)) : undefined) ?? -1);
}

/** The refusal of a name that is none of the model's. */
export function unknownClass(where: string, name: string, classes: readonly string[]): TemperError {
  const meant = nearest(name, classes);
  const question = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return new TemperError(
    "data-mismatch",
    `${where}: "${name}" is none of the ${classes.length} classes${question}\n` +
      `they are ${inWords(classes)}; give --classes FILE with every name, or leave these images out`,
  );
}

/** Labels in words, numbered as the words sort. */
export function numberWords(words: readonly string[]): {
  readonly labels: Int32Array;
  readonly classes: readonly string[];
} {
  const classes = [...new Set(words)].toSorted();
  const places = new Map(classes.map((name, i) => [name, i]));
  return { labels: Int32Array.from(words, (word) => places.get(word)!), classes };
}

/** `0 cat, 1 dog, ... 9 truck` */
export function inWords(classes: readonly string[]): string {
  const named = classes.map((name, i) => `${i} ${name}`);
  return named.length <= 3 ? named.join(", ") : `${named[0]}, ${named[1]}, ... ${named.at(-1)}`;
}

/**
 * The data with labels in the order of `classes`: those of data that carry names of their own are translated by name.
 * Data without names are returned with `classes` as theirs.
 * @throws TemperError data-mismatch: a label whose name is not among `classes`
 */
export function inOrderOf<D extends AnyDataset>(dataset: D, classes: readonly string[]): D {
  const own = dataset.classes;
  if (own === undefined) return { ...dataset, classes };
  if (own.join("\n") === classes.join("\n")) return dataset;
  const places = placesIn(classes, own);
  const lost = dataset.labels.find((label) => (places[label] ?? -1) < 0);
  if (lost !== undefined) throw unknownClass(dataset.name, own[lost] ?? `label ${lost}`, classes);
  return { ...dataset, classes, labels: dataset.labels.map((label) => places[label]) };
}

/** Two remarks about the same data, where both are there. */
export const joinNotes = (...notes: readonly (string | undefined)[]): string | undefined =>
  notes.filter((note) => note !== undefined && note !== "").join("; ") || undefined;
