// Parquet files of encoded images and labels, as Hugging Face publishes image sets: one file, or its shards.
import { basename, dirname, join } from "node:path";
import { TemperError } from "../errors.ts";
import { inWords, joinNotes } from "./classes.ts";
import type { Dataset } from "./dataset.ts";
import { type ImageOptions, packImages } from "./images.ts";
import { readShardAside } from "./parquet-process.ts";
import type { Shard } from "./parquet-shard.ts";
import type { Keys } from "./reading.ts";
import { filesOf, numbered } from "./shards.ts";

const refuse = (where: string, what: string, todo: string): TemperError =>
  new TemperError("data-unreadable", `${where}: ${what}\n${todo}`);

/** What is said of a file that is one of several. */
function siblingsNote(path: string): string | undefined {
  const of = /^(.*)-(\d{5})-of-(\d{5})\.parquet$/.exec(basename(path));
  if (of === null || Number(of[3]) < 2) return undefined;
  return `one of ${Number(of[3])} shards: "${join(dirname(path), `${of[1]}-*.parquet`)}" reads all`;
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
  for (const file of await filesOf(path)) {
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
