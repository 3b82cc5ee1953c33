// Data sets in several files: which they are, and what their labels are together.
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TemperError } from "../errors.ts";
import { numberWords } from "./classes.ts";
import type { Dataset } from "./dataset.ts";

/**
 * Lists the files that a name means: one, or those that match its `*`, as they sort.
 *
 * @throws TemperError `file-missing` where none does
 */
export async function filesOf(path: string): Promise<string[]> {
  const pattern = basename(path);
  if (!pattern.includes("*")) return [path];
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const files = await readdir(dirname(path)).catch(() => []);
  const matching = files.filter((file) => new RegExp(`^${parts.join(".*")}$`).test(file));
  if (matching.length > 0) return matching.toSorted().map((file) => join(dirname(path), file));
  throw new TemperError("file-missing", `${path}: no file is named so\ncheck the path`);
}

/** Makes numbers of labels; words are numbered as they sort. */
export function numbered(
  labels: readonly (number | string)[],
): Pick<Dataset, "labels" | "classes"> {
  if (labels.every((label) => typeof label === "number"))
    return { labels: Int32Array.from(labels) };
  return numberWords(labels.map(String));
}
