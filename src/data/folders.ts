// Sub-folders of a folder of images -> labels: what could shift them in silence is said or refused.
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { TemperError } from "../errors.ts";
import { inWords, joinNotes, placesIn, unknownClass } from "./classes.ts";

const EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"];

/** Whether a file is an image by its name. */
export const isImage = (file: string): boolean => EXTENSIONS.includes(extname(file).toLowerCase());

/** Folders that programs leave among those of the classes. */
const STRAY = /^(\..*|__macosx|@eadir|__pycache__|thumb(nail)?s|lost\+found|\$recycle\.bin)$/i;

/** Parts of a data set, which are no classes. */
const SPLITS = /^(train(ing)?|test(ing)?|val(id(ation)?)?)$/i;

export interface LabelledFile {
  readonly path: string;
  readonly label: number;
}

export interface Folders {
  readonly files: readonly LabelledFile[];
  /** The names of the labels, where folders are named by words. */
  readonly classes: readonly string[] | undefined;
  /** Which label each folder is, and what was left out. */
  readonly note: string;
}

interface SubFolder {
  readonly name: string;
  readonly images: readonly string[];
  readonly others: readonly string[];
}

const refuse = (what: string, todo: string): TemperError =>
  new TemperError("data-unreadable", `${what}\n${todo}`);

async function subFolder(folder: string, name: string): Promise<SubFolder> {
  const files = (await readdir(join(folder, name))).toSorted().filter((f) => !f.startsWith("."));
  const paths = (some: readonly string[]): string[] => some.map((file) => join(folder, name, file));
  return {
    name,
    images: paths(files.filter(isImage)),
    others: paths(files.filter((file) => !isImage(file))),
  };
}

async function subFolders(folder: string): Promise<SubFolder[]> {
  const found: SubFolder[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    // A link to a folder is a class like any other: left out, it would shift the labels of the rest.
    const target = await stat(join(folder, name)).catch(() => undefined);
    if (target?.isDirectory()) found.push(await subFolder(folder, name));
  }
  return found;
}

const isNumber = (name: string): boolean => /^\d+$/.test(name);

/** The label of each folder, the names of all labels, and where the order comes from. */
interface Order {
  readonly labels: readonly number[];
  readonly classes: readonly string[] | undefined;
  readonly note: string;
  /** Whether a folder that is left out shifts the labels of those after it. */
  readonly shifts?: true;
}

/** Folders named by numbers: the number is the label. */
function byNumber(folder: string, names: readonly string[]): Order {
  const labels = names.map(Number);
  const twice = labels.findIndex((label, i) => labels.indexOf(label) < i);
  if (twice >= 0) {
    throw refuse(
      `${folder}: two folders are the label ${labels[twice]}`,
      "rename one: a folder that is named by a number is that label",
    );
  }
  const sorted = labels.toSorted((a, b) => a - b);
  const differs = labels.some((label, i) => label !== sorted[i]);
  return {
    labels,
    classes: undefined,
    note:
      `${names.length} folders named by their labels, ${sorted[0]} to ${sorted.at(-1)}` +
      (differs
        ? `; sorted as text (${names.slice(0, 4).join(", ")}, ...), as torchvision's ImageFolder does, they ` +
          "would be others: give --classes FILE where the model was trained so"
        : ""),
  };
}

/** Folders named by words, or by words and numbers: their sorted order is the labels', where nothing shifts it. */
function bySorting(folder: string, names: readonly string[]): Order {
  const shifted = names.find((name, i) => isNumber(name) && Number(name) !== i);
  if (shifted !== undefined) {
    const word = names.find((name) => !isNumber(name));
    throw refuse(
      `${folder}: "${shifted}" is a number and "${word}" is none; sorted, the first would be label ` +
        `${names.indexOf(shifted)}`,
      "take out what is no class, or give --classes FILE: the names in the model's order",
    );
  }
  return {
    labels: names.map((_, i) => i),
    classes: names,
    shifts: true,
    note: `${names.length} folders, labels in the sorted order of their names: ${inWords(names)}`,
  };
}

function byClasses(
  folder: string,
  names: readonly string[],
  classes: readonly string[],
): Order | undefined {
  const places = placesIn(classes, names);
  const unknown = places.indexOf(-1);
  if (unknown < 0) {
    const note = `${names.length} folders of the ${classes.length} classes ${inWords(classes)}`;
    return { labels: places, classes, note };
  }
  // Numbers stand for themselves, where no class is a number.
  if (names.every(isNumber) && places.every((place) => place < 0)) return undefined;
  throw unknownClass(folder, names[unknown], classes);
}

/** The order that the model's own names give, where every folder is one of them. */
function byModel(names: readonly string[], classes: readonly string[]): Order | undefined {
  const places = placesIn(classes, names);
  if (places.includes(-1)) return undefined;
  const note = `${names.length} folders, labels by the names stored in the model: ${inWords(classes)}`;
  return { labels: places, classes, note };
}

/** What sets the labels of folders. */
export interface FolderClasses {
  /** Names in the model's order; every folder must be one of them. */
  readonly classes?: readonly string[] | undefined;
  /** Names stored in the model, taken where every folder is one of them. */
  readonly modelClasses?: readonly string[] | undefined;
}

function orderOf(folder: string, names: readonly string[], given: FolderClasses): Order {
  const stated = given.classes && byClasses(folder, names, given.classes);
  if (stated !== undefined) return stated;
  const stored = given.modelClasses && byModel(names, given.modelClasses);
  if (stored !== undefined) return stored;
  if (names.every(isNumber)) return byNumber(folder, names);
  if (names.every((name) => SPLITS.test(name))) {
    throw refuse(
      `${folder}: its folders ${names.join(", ")} are parts of a data set, not classes`,
      `give one of them, as ${join(folder, names[0])}`,
    );
  }
  return bySorting(folder, names);
}

/** An empty folder is left out only where no label depends on it. */
function checkEmpty(folder: string, empty: readonly string[]): void {
  const [one] = empty;
  if (one === undefined) return;
  throw refuse(
    `${folder}: "${one}" has no images${empty.length > 1 ? ` (nor have ${empty.length - 1} others)` : ""}; ` +
      "left out, it would shift the labels after it",
    "remove the folder, or give --classes FILE: the names in the model's order",
  );
}

/**
 * The images of a folder with one sub-folder a class, class by class and file by file as both are sorted.
 * @throws TemperError data-unreadable: no images, or folders whose labels would be a guess; data-mismatch: a folder
 *   that is none of `classes`
 */
export async function labelledFiles(folder: string, given: FolderClasses): Promise<Folders> {
  const all = await subFolders(folder);
  const known = given.classes ?? [];
  const kept = all.filter(({ name }) => known.includes(name) || !STRAY.test(name));
  const full = kept.filter(({ images }) => images.length > 0);
  if (full.length === 0) {
    throw refuse(
      `${folder}: ${kept.length} sub-folders with no image in them`,
      `give a folder with one sub-folder a class, images as ${EXTENSIONS.join(", ")}`,
    );
  }
  const names = full.map(({ name }) => name);
  const order = orderOf(folder, names, given);
  const empty = kept.filter(({ images }) => images.length === 0).map(({ name }) => name);
  if (order.shifts) checkEmpty(folder, empty);
  const stray = all.filter((one) => !kept.includes(one)).map(({ name }) => name);
  const gone = [...stray.filter((name) => !name.startsWith(".")), ...empty];
  const others = full.flatMap((one) => one.others);
  const images = full.flatMap((one) => one.images);
  return {
    files: full.flatMap((one, i) => one.images.map((path) => ({ path, label: order.labels[i] }))),
    classes: order.classes,
    note: joinNotes(
      order.note,
      gone.length === 0 ? undefined : `left out: the folders ${gone.join(", ")}`,
      others.length === 0
        ? undefined
        : `${others.length} of ${images.length + others.length} files left out (${others[0]}): ` +
            `not ${EXTENSIONS.join(", ")}`,
    )!,
  };
}
