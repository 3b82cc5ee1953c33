// The words that name data: parsing only, no file is touched.
import { nearest, TemperError } from "../errors.ts";

/** What a data name says, without its slice. */
export type DataSource =
  | { readonly kind: "mnist" | "cifar10" | "digits"; readonly split: "train" | "test" }
  | { readonly kind: "npz" | "csv" | "parquet" | "tar" | "folder"; readonly path: string }
  | { readonly kind: "npy"; readonly images: string; readonly labels: string }
  | { readonly kind: "idx"; readonly images: string; readonly labels: string }
  | { readonly kind: "counterexample"; readonly path: string; readonly property?: string };

export interface DataName {
  /** The name without its slice. */
  readonly base: string;
  readonly source: DataSource;
  /** The slice [from, to), where given; an omitted end is undefined. */
  readonly slice?: { readonly from?: number | undefined; readonly to?: number | undefined };
}

const SETS = ["mnist", "cifar10", "digits"] as const;
const WORDS = SETS.flatMap((set) => [`${set}:train`, `${set}:test`]);
const OTHERS =
  "FILE.npz, X.npy,Y.npy, FILE.parquet, FILE.tar, FILE.csv, idx:IMAGES,LABELS, FILE.counterexample, " +
  "FOLDER (a sub-folder a class)";
const KNOWN = `${WORDS.join(", ")}, ${OTHERS}; each may end in a slice [a:b]`;

function unknownName(base: string): TemperError {
  const near =
    WORDS.find((word) => word.startsWith(`${base}:`)) ?? nearest(base.toLowerCase(), WORDS);
  const question = near === undefined ? "" : `; did you mean ${near}?`;
  return new TemperError("bad-option", `unknown data: ${base}${question}\nknown: ${KNOWN}`);
}

/** `x.npy,y.npy`, or `x.npy` alone: the labels then lie beside it, with y in place of x. */
function npyFiles(base: string): DataSource {
  const [images, labels, more] = base.split(",");
  if (more === undefined && labels) return { kind: "npy", images, labels };
  const beside = images.replace(/x([^/\\]*)$/i, (found) =>
    found.replace("x", "y").replace("X", "Y"),
  );
  if (labels === undefined && beside !== images) return { kind: "npy", images, labels: beside };
  throw new TemperError(
    "bad-option",
    `${base}: which file holds the labels?\ngive IMAGES.npy,LABELS.npy, or x.npy with y.npy beside it`,
  );
}

/** What a name without a slice says. */
export function sourceOf(base: string, folder: boolean): DataSource {
  if (folder) return { kind: "folder", path: base };
  const [set, split] = base.split(":");
  const kind = SETS.find((word) => word === set);
  if (kind !== undefined && WORDS.includes(base)) return { kind, split: split as "train" | "test" };
  if (base.startsWith("idx:")) {
    const paths = base.slice(4).split(",");
    if (paths.length === 2 && paths.every(Boolean)) {
      return { kind: "idx", images: paths[0], labels: paths[1] };
    }
    throw new TemperError(
      "bad-option",
      `${base}: ${paths.length === 2 ? "a path is empty" : `${paths.length} paths`}\n` +
        "give idx:IMAGES,LABELS with one comma, paths without commas",
    );
  }
  const [, path, property] = /^(.+\.counterexample(?:\.gz)?)(?:,(.+))?$/.exec(base) ?? [];
  if (path !== undefined) {
    return { kind: "counterexample", path, ...(property !== undefined && { property }) };
  }
  const file = /\.(npz|csv|parquet|tar)$/.exec(base);
  if (file !== null) return { kind: file[1] as "npz" | "csv" | "parquet" | "tar", path: base };
  if (base.endsWith(".npy")) return npyFiles(base);
  throw unknownName(base);
}

/**
 * Parses a data name, such as `mnist:train[0:12000]`.
 *
 * @param options `folder`: the name without its slice is that of a folder
 * @throws TemperError bad-option: an unknown word (with the nearest known one), a malformed slice
 */
export function parseDataName(name: string, { folder = false } = {}): DataName {
  const match = /^(.+?)\[(\d*):(\d*)\]$/.exec(name);
  if (match === null || match[1].endsWith("]")) {
    if (!name.endsWith("]")) return { base: name, source: sourceOf(name, folder) };
    throw new TemperError(
      "bad-option",
      `${name}: not a slice\ngive one slice [a:b], whole numbers, a or b may be omitted`,
    );
  }
  const bound = (digits: string): number | undefined => (digits ? Number(digits) : undefined);
  return {
    base: match[1],
    source: sourceOf(match[1], folder),
    slice: { from: bound(match[2]), to: bound(match[3]) },
  };
}
