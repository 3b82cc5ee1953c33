// How data were read from their files, where that was stated: without it the same name opens others.
import type { SizeOptions } from "./preprocess.ts";

/** The names under which a file holds its images and labels. */
export interface Keys {
  /** Of the images. Default x. */
  readonly x?: string | undefined;
  /** Of the labels. Default y. */
  readonly y?: string | undefined;
}

/** What was stated of the reading, and had a meaning for the data. */
export interface Reading extends Pick<SizeOptions, "resize" | "crop" | "preprocess"> {
  /** Whether image files were turned as their EXIF tag says. */
  readonly exif?: "apply" | "ignore" | undefined;
  /** The names of images and labels in the file. */
  readonly keys?: Keys | undefined;
}

/** What image files are read by. */
export const OF_IMAGES = ["resize", "crop", "preprocess", "exif"] as const;

/** What each kind of data is read by; the others by nothing that could be stated. */
const READ_BY: Readonly<Record<string, readonly (keyof Reading)[] | undefined>> = {
  folder: OF_IMAGES,
  parquet: [...OF_IMAGES, "keys"],
  tar: [...OF_IMAGES, "keys"],
  npz: ["keys"],
  csv: ["keys"],
};

/** The part of the options that has a meaning for a kind of data; undefined where none was given. */
export function readingOf(kind: string, options: Reading): Reading | undefined {
  const given = READ_BY[kind]?.filter((name) => options[name] !== undefined) ?? [];
  if (given.length === 0) return undefined;
  return Object.fromEntries(given.map((name) => [name, options[name]]));
}
