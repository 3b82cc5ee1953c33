// Parquet files of encoded images and labels, as Hugging Face publishes image sets: one file, or its shards.
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { TemperError } from "../errors.ts";
import { inWords, joinNotes, numberWords } from "./classes.ts";
import type { Dataset } from "./dataset.ts";
import { type ImageOptions, packImages } from "./images.ts";
import { readShardAside } from "./parquet-process.ts";
import type { Shard } from "./parquet-shard.ts";
import type { Keys } from "./reading.ts";

const refuse = (where: string, what: string, todo: string): TemperError =>
  new TemperError("data-unreadable", `${where}: ${what}\n${todo}`);

/** The files that a name means: one, or those that match its `*`, as they sort. */
async function shardsOf(path: string): Promise<string[]> {
  const pattern = basename(path);
  if (!pattern.includes("*")) return [path];
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const files = await readdir(dirname(path)).catch(() => []);
  const matching = files.filter((file) => new RegExp(`^${parts.join(".*")}$`).test(file));
  if (matching.length > 0) return matching.toSorted().map((file) => join(dirname(path), file));
  throw new TemperError("file-missing", `${path}: no file is named so\ncheck the path`);
}

/** What is said of a file that is one of several. */
function siblingsNote(path: string): string | undefined {
  const of = /^(.*)-(\d{5})-of-(\d{5})\.parquet$/.exec(basename(path));
  if (of === null || Number(of[3]) < 2) return undefined;
  return `one of ${Number(of[3])} shards: "${join(dirname(path), `${of[1]}-*.parquet`)}" reads all`;
}

/** Labels as numbers; words are numbered as they sort. */
function numbered(labels: readonly (number | string)[]): Pick<Dataset, "labels" | "classes"> {
  if (labels.every((label) => typeof label === "number"))
    return { labels: Int32Array.from(labels) };
  return numberWords(labels.map(String));
}

/**
 * Opens a Parquet file with a column of encoded images and one of labels; a `*` in its name reads several.
 * @throws TemperError file-missing, data-unreadable
 */
export async function openParquet(
  path: string,
  options: ImageOptions & { readonly keys?: Keys | undefined },
): Promise<Dataset> {
  const shards: Shard[] = [];
  for (const file of await shardsOf(path)) {
    shards.push(await readShardAside(file, options.keys ?? {}));
  }
  const images = shards.flatMap((shard) => shard.images);
  if (images.length === 0) throw refuse(path, "holds no images", "give data with images");
  const names = new Set(shards.map(({ classes }) => classes?.join("\n")));
  if (names.size > 1) throw refuse(path, "its files name other classes", "give files of one set");
  const { labels, classes = shards[0].classes } = numbered(shards.flatMap((shard) => shard.labels));
  const packed = await packImages(images, options);
  const order = classes && `labels ${inWords(classes)}`;
  return {
    ...{ name: path, shape: packed.shape, count: images.length, pixels: packed.pixels, labels },
    ...(classes && { classes }),
    note: joinNotes(siblingsNote(path), order, packed.note),
  };
}
