// One Parquet file of encoded images and labels -> its rows. It runs in a process that can be ended.
import * as zlib from "node:zlib";
import type { Compressors, FileMetaData } from "hyparquet";
import { TemperError } from "../errors.ts";
import { checkClasses } from "./classes.ts";
import type { EncodedImage } from "./images.ts";
import type { Keys } from "./reading.ts";

/** What a decompressor may be asked to make: a page of a published set is a megabyte or a few. */
const MAX_PAGE_BYTES = 2 ** 30;

/** Rows in a file that are believed. */
const MAX_ROWS = 2 ** 26;

const refuse = (where: string, what: string, todo: string, cause?: unknown): TemperError =>
  new TemperError("data-unreadable", `${where}: ${what}\n${todo}`, { cause });

const inflate =
  (how: (bytes: Uint8Array, options: { maxOutputLength: number }) => Uint8Array) =>
  (bytes: Uint8Array, length: number): Uint8Array => {
    if (length > MAX_PAGE_BYTES) throw new Error(`a page claims ${length} bytes`);
    return new Uint8Array(how(bytes, { maxOutputLength: Math.max(1, length) }));
  };

/** hyparquet reads SNAPPY; Node has the others, ZSTD from version 22.15 on. */
function compressors(): Compressors {
  const zstd = (zlib as unknown as { zstdDecompressSync?: typeof zlib.gunzipSync })
    .zstdDecompressSync;
  return {
    GZIP: inflate(zlib.gunzipSync),
    BROTLI: inflate(zlib.brotliDecompressSync),
    ...(zstd && { ZSTD: inflate(zstd) }),
  };
}

/** Refuses by name a way of packing that is not unpacked here. */
function checkPacking(where: string, { row_groups: groups }: FileMetaData): void {
  const known = ["UNCOMPRESSED", "SNAPPY", ...Object.keys(compressors())];
  const codecs = groups.flatMap(({ columns }) => columns.map((one) => one.meta_data?.codec));
  const odd = codecs.find((codec) => codec !== undefined && !known.includes(codec));
  if (odd === undefined) return;
  const newer = odd === "ZSTD" ? "use Node 22.15 or newer, or " : "";
  throw refuse(
    where,
    `is packed with ${odd}, which Node ${process.versions.node} does not unpack`,
    `${newer}write it again with snappy, gzip or brotli (pyarrow: compression="snappy")`,
  );
}

/** What the Hugging Face library notes of a column. */
interface Feature {
  readonly _type?: string;
  readonly names?: unknown;
}

/** The columns of a file that its metadata describe, by name. */
function featuresOf({ key_value_metadata: pairs = [] }: FileMetaData): Map<string, Feature> {
  const text = pairs.find(({ key }) => key === "huggingface")?.value;
  try {
    const features: unknown = JSON.parse(text ?? "{}")?.info?.features;
    return new Map(Object.entries((features ?? {}) as Record<string, Feature>));
  } catch {
    return new Map(); // Without them the columns are found by their names.
  }
}

interface Columns {
  readonly image: string;
  readonly label: string;
  readonly classes: readonly string[] | undefined;
}

/** Which columns hold the images and the labels: by --keys, by the metadata, or by their usual names. */
function columnsOf(where: string, metadata: FileMetaData, keys: Keys): Columns {
  const columns = columnNames(metadata);
  const features = featuresOf(metadata);
  const find = (what: string, type: string, usual: readonly string[], given?: string): string => {
    const marked = columns.filter((name) => features.get(name)?._type === type);
    const named = columns.filter((name) => usual.includes(name.toLowerCase()));
    const found = given === undefined ? (marked.length > 0 ? marked : named) : [given];
    if (found.length === 1 && columns.includes(found[0])) return found[0];
    const why = found.length > 1 ? `${found.length} columns of ${what}` : `no column of ${what}`;
    throw refuse(
      where,
      `${why} among ${columns.slice(0, 12).join(", ")}`,
      "say which: --keys x=IMAGES,y=LABELS",
    );
  };
  const image = find("images", "Image", ["image", "img", "images"], keys.x);
  const label = find("labels", "ClassLabel", ["label", "labels", "y", "target"], keys.y);
  const names = features.get(label)?.names;
  return { image, label, classes: names === undefined ? undefined : checkClasses(names, where) };
}

/** The columns at the top of the schema, which is stored depth first. */
function columnNames({ schema }: FileMetaData): string[] {
  const names: string[] = [];
  let at = 1;
  const skip = (): void => {
    const { num_children: children = 0 } = schema[at++] ?? {};
    for (let i = 0; i < children && at < schema.length; i++) skip();
  };
  while (at < schema.length) {
    names.push(schema[at].name);
    skip();
  }
  return names;
}

/** The rows of one file. */
export interface Shard {
  readonly images: readonly EncodedImage[];
  readonly labels: readonly (number | string)[];
  readonly classes: readonly string[] | undefined;
}

/** The bytes of an image cell: plain, or as the Hugging Face library has them, beside a path. */
function bytesOf(cell: unknown): Uint8Array | undefined {
  if (cell instanceof Uint8Array) return cell;
  const inside = (cell as { bytes?: unknown } | null | undefined)?.bytes;
  return inside instanceof Uint8Array ? inside : undefined;
}

function labelOf(where: string, column: string, row: number, cell: unknown): number | string {
  if (typeof cell === "string") return cell;
  const label = typeof cell === "bigint" ? Number(cell) : cell;
  if (typeof label === "number" && Number.isInteger(label) && Math.abs(label) < 2 ** 31)
    return label;
  throw refuse(
    where,
    `${column} of row ${row} is ${String(cell)}`,
    "labels are whole numbers or words; choose the column with --keys y=NAME",
  );
}

/**
 * Reads the encoded images and labels of the file at `where`.
 * @throws TemperError file-missing; data-unreadable: not Parquet, no such columns, a row without image or label
 */
export async function readShard(where: string, keys: Keys): Promise<Shard> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import(
    "hyparquet"
  );
  const file = await asyncBufferFromFile(where).catch((cause: Error) => {
    throw new TemperError(
      "file-missing",
      `${where}: cannot be read: ${cause.message}\ncheck the path`,
      { cause },
    );
  });
  const unreadable = (cause: unknown): TemperError =>
    refuse(
      where,
      `is not a readable Parquet file: ${(cause as Error).message.split("\n")[0].slice(0, 200)}`,
      "fetch it again",
      cause,
    );
  const metadata = await parquetMetadataAsync(file).catch((cause) => {
    throw unreadable(cause);
  });
  const rows = Number(metadata.num_rows);
  if (!(rows >= 0 && rows <= MAX_ROWS)) {
    throw refuse(where, `claims ${rows} rows`, `at most ${MAX_ROWS} are read`);
  }
  const { image, label, classes } = columnsOf(where, metadata, keys);
  checkPacking(where, metadata);
  const found: Record<string, unknown>[] = await parquetReadObjects({
    ...{ file, metadata, columns: [image, label], compressors: compressors(), utf8: false },
  }).catch((cause) => {
    throw unreadable(cause);
  });
  return {
    images: found.map((row, i) => {
      const source = bytesOf(row[image]);
      if (source !== undefined) return { name: `${where}, row ${i}`, source };
      throw refuse(
        where,
        `${image} of row ${i} holds no bytes of an image`,
        "give a file with the images in it; choose the column with --keys x=NAME",
      );
    }),
    labels: found.map((row, i) => labelOf(where, label, i, row[label])),
    classes,
  };
}
