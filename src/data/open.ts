// A data name -> a dataset: the one door into this room for the rest of the house.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { demand, refuseUnknown, TemperError } from "../errors.ts";
import { datasetOf } from "./arrays.ts";
import { type Augmentation, augmentations, augmentDataset } from "./augment.ts";
import { openCifar10 } from "./cifar10.ts";
import { checkClasses, inOrderOf, joinNotes, readClasses } from "./classes.ts";
import { readCsv } from "./csv.ts";
import { type AnyDataset, type Dataset, inMemory, slice } from "./dataset.ts";
import { drawDigits } from "./digits.ts";
import { dataFolder, type FolderOptions, readDataFile } from "./files.ts";
import { openIdx, openMnist } from "./idx.ts";
import { openImageFolder } from "./image-folder.ts";
import type { ImageOptions } from "./images.ts";
import type { ModelUnits } from "./model-units.ts";
import { type DataName, type DataSource, parseDataName, sourceOf } from "./names.ts";
import { readNpy } from "./npy.ts";
import { openParquet } from "./parquet.ts";
import { openPoints } from "./points.ts";
import { type Keys, OF_IMAGES, readingOf } from "./reading.ts";
import { openCounterexamples } from "./vnnlib/points.ts";
import { openWebDataset } from "./web-dataset.ts";

/** How {@link openData} finds and changes what it opens. */
export interface DataOptions extends FolderOptions, ImageOptions {
  /**
   * The names of the model's labels in its order, or a file with them (one a line, or a JSON list): sets the labels
   * of folders, and translates those of data that carry names. Default: names stored with the data, sorted names.
   */
  readonly classes?: string | readonly string[] | undefined;
  /**
   * The names of images and labels in a .npz or .parquet file, their endings in a .tar file, of the labels in a .csv
   * file. Default x and y; in a .tar file the usual endings of images, and cls.
   */
  readonly keys?: Keys | undefined;
  /** Names stored in the model, in its order: used without `classes`, where every folder is one of them. */
  readonly modelClasses?: readonly string[] | undefined;
  /** `crop-flip`: every image cropped and flipped at random, by one seeded draw. Default: none. */
  readonly augment?: Augmentation | undefined;
  /** The seed of the draws of `augment`, a whole number. Default 0. */
  readonly seed?: number | undefined;
  /**
   * Whether a folder whose decoded images take more than 512 MB is kept in a file and read by ranges: the next opening
   * finds it there. Default false: all pixels are in memory.
   */
  readonly stored?: boolean | undefined;
  /** The normalisation that the model wants, where a counterexample is read: its inputs are in the model's units. */
  readonly units?: ModelUnits | undefined;
}

/** The options with the names of the classes read. */
type Resolved = Omit<DataOptions, "classes"> & { readonly classes?: readonly string[] | undefined };

/** Images and labels in two .npy files. */
async function openNpy(name: string, images: string, labels: string): Promise<Dataset> {
  const [x, y] = await Promise.all(
    [images, labels].map(async (path) => readNpy(await readDataFile(path), path)),
  );
  const arrays = new Map([
    ["x", x],
    ["y", y],
  ]);
  return datasetOf(name, arrays, { held: ["x", "y"] });
}

async function load(base: string, source: DataSource, options: Resolved): Promise<AnyDataset> {
  switch (source.kind) {
    case "mnist":
      return openMnist(source.split, join(dataFolder(options), "mnist"));
    case "cifar10":
      return openCifar10(source.split, join(dataFolder(options), "cifar10"));
    case "digits":
      return drawDigits(source.split);
    case "npz":
      return openPoints(source.path, base, options.keys);
    case "npy":
      return openNpy(base, source.images, source.labels);
    case "csv":
      return readCsv(await readDataFile(source.path), base, options.keys);
    case "parquet":
      return openParquet(source.path, options);
    case "tar":
      return openWebDataset(source.path, options);
    case "idx":
      return openIdx(base, source.images, source.labels);
    case "folder":
      return openImageFolder(source.path, options);
    case "counterexample":
      return openCounterexamples(base, source, options);
  }
}

/** Notes how the data were read; what the options of image files do not do to other data must be said. */
function withReading(dataset: AnyDataset, { kind }: DataSource, options: DataOptions): AnyDataset {
  const reading = readingOf(kind, options);
  const idle = OF_IMAGES.filter(
    (name) => options[name] !== undefined && !(name in (reading ?? {})),
  );
  const given = idle.map((name) => `${name} ${options[name]}`).join(", ");
  const note =
    given &&
    `${given}: for image files only, which these are not, so the pixels are as they were; ` +
      "resize them before, or give a folder or a Parquet file of images";
  return { ...dataset, ...(reading && { reading }), note: joinNotes(dataset.note, note) };
}

const OPTIONS: Readonly<Record<keyof DataOptions, true>> = {
  dataDir: true,
  augment: true,
  seed: true,
  classes: true,
  modelClasses: true,
  keys: true,
  resize: true,
  crop: true,
  preprocess: true,
  inputShape: true,
  exif: true,
  stored: true,
  units: true,
  onProgress: true,
};

const kindOf = (path: string): Promise<"folder" | "file" | undefined> =>
  stat(path).then(
    (entry) => (entry.isDirectory() ? "folder" : "file"),
    () => undefined,
  );

/** A name may end in brackets that are no slice: a folder named `x[1]` is a folder. */
async function parse(name: string): Promise<DataName> {
  const whole = name.endsWith("]") ? await kindOf(name) : undefined;
  if (whole !== undefined) return { base: name, source: sourceOf(name, whole === "folder") };
  const folder = (await kindOf(name.replace(/\[[^[]*\]$/, ""))) === "folder";
  return parseDataName(name, { folder });
}

/**
 * Opens labelled images by name: `mnist:train`, `mnist:test`, `cifar10:train`, `cifar10:test`
 * (files as published in `<folder>/mnist`, `<folder>/cifar10`), `digits:train`, `digits:test`
 * (drawn here), `FILE.npz`, `X.npy,Y.npy`, `FILE.csv`, `FILE.parquet`, `FILE.tar` (a `*` reads their shards),
 * `idx:IMAGES,LABELS`, a folder with one sub-folder a class, `FILE.counterexample` (of VNN-COMP; its property beside it
 * or behind a comma); any of them with a slice `[a:b]`.
 * @throws TemperError bad-option (unknown name or option, slice out of range, images that `augment` cannot crop),
 *   file-missing, data-unreadable, data-mismatch (a class that is none of `classes`)
 */
export async function openData(
  name: string,
  options?: DataOptions & { readonly stored?: false | undefined },
): Promise<Dataset>;
export async function openData(name: string, options: DataOptions): Promise<AnyDataset>;
export async function openData(name: string, options: DataOptions = {}): Promise<AnyDataset> {
  refuseUnknown(options, OPTIONS, "openData");
  const { augment, seed = 0, exif } = options;
  demand(typeof name === "string", "data", name, "a name, such as digits:train");
  const known = augment === undefined || augmentations.includes(augment);
  demand(known, "augment", augment, augmentations.join(" or "));
  demand(
    exif === undefined || exif === "apply" || exif === "ignore",
    "exif",
    exif,
    "apply or ignore",
  );
  const classes = await classesOf(options.classes);
  const { base, source, slice: range } = await parse(name);
  const dataset = withReading(await load(base, source, { ...options, classes }), source, options);
  if (dataset.count === 0) {
    throw new TemperError("data-unreadable", `${base}: holds no images\ngive data with images`);
  }
  const named = classes === undefined ? dataset : inOrderOf(dataset, classes);
  const wanted = range ? slice(named, range.from, range.to) : named;
  return augment === undefined ? wanted : augmentDataset(inMemory(wanted), seed);
}

async function classesOf(given: DataOptions["classes"]): Promise<readonly string[] | undefined> {
  if (given === undefined) return undefined;
  return typeof given === "string" ? readClasses(given) : checkClasses(given, "classes");
}
