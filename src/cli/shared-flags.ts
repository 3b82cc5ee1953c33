// The flags that several commands share, each declared once.
import { attackTable } from "../attack/options.ts";
import { augmentations } from "../data/augment.ts";
import { preprocessings } from "../data/preprocess.ts";
import type { Keys } from "../data/reading.ts";
import { devices } from "../engine/device.ts";
import { bytes, flag, type Kind, numberList, oneOf, text, wholeNumber } from "../options/kinds.ts";
import { defaultInWords, type Scene } from "../options/table.ts";
import type { Flag, Flags } from "./flags.ts";

const work = "Work";
const model = "Model";

/** --data, which every command needs that looks at images. */
export const dataFlag = (help: string): Flag => ({
  kind: text("<data>"),
  group: "What goes in",
  everyday: true,
  required: true,
  help,
});

/** --json --seed --threads --data-dir --config */
export const workFlags = {
  json: { kind: flag, group: "What comes out", help: "print one JSON document on stdout" },
  seed: {
    kind: wholeNumber(0),
    group: work,
    help: "the same seed gives the same result to the bit",
    usual: "0",
  },
  threads: {
    kind: wholeNumber(),
    group: work,
    help: "worker processes",
    usual: "one a core",
  },
  dataDir: {
    kind: text("<dir>"),
    group: work,
    help: "folder of the data sets",
    usual: "TEMPER_DATA, else a cache folder",
  },
  config: {
    kind: text("<file>"),
    group: work,
    help: "options from a YAML or JSON file, by their words; those of the command line win",
  },
} as const satisfies Flags;

/** --augment */
export const augmentFlags = {
  augment: {
    kind: oneOf(augmentations, "<how>"),
    group: "What goes in",
    help:
      "crop-flip: each image of DATA cropped (reflection padding 4) and flipped at random, " +
      "once, by the seed",
  },
} as const satisfies Flags;

/** `x=NAME,y=NAME`, or one of them. */
const keys: Kind<Keys> = {
  placeholder: "<x=..,y=..>",
  expected: "x=NAME,y=NAME, or one of them",
  holds: (value) => typeof value === "object" && value !== null,
  read: (given) => {
    const pairs = given.split(",").map((pair) => pair.split(/=(.*)/s));
    const known = pairs.every(([key, name]) => (key === "x" || key === "y") && !!name);
    return known ? Object.fromEntries(pairs.map(([key, name]) => [key, name])) : undefined;
  },
};

/** --classes --keys --resize --crop --preprocess --exif: how data are read, whatever they are for. */
export const readFlags = {
  classes: {
    kind: text("<file>"),
    group: "What goes in",
    help:
      "the names of the labels in the model's order, one a line or a JSON list: " +
      "which label each folder is",
  },
  keys: {
    kind: keys,
    group: "What goes in",
    help:
      "the names of images and labels in an npz or Parquet file, their endings in a tar file, " +
      "of the labels in a CSV file",
    usual: "x=x,y=y",
  },
  resize: {
    kind: wholeNumber(),
    group: "What goes in",
    help: "shorter side of image files, by antialiased bilinear resizing as Pillow's",
  },
  crop: {
    kind: wholeNumber(),
    group: "What goes in",
    help: "side of the square taken from the centre of image files",
  },
  preprocess: {
    kind: oneOf(preprocessings),
    group: "What goes in",
    help:
      "sizes of this pipeline's defaults, scaled to the model's input; " +
      "with ImageNet's mean and std where the graph does not begin with its own",
  },
  exif: {
    kind: oneOf(["apply", "ignore"] as const),
    group: "What goes in",
    help: "whether image files are turned as their EXIF tag says",
    usual: "ignore",
  },
} as const satisfies Flags;

/** --mean --std --output */
export const modelFlags = {
  mean: {
    kind: numberList("<a,b,c>"),
    group: model,
    help: "mean per channel, or one for all, where the model wants normalised input",
  },
  std: {
    kind: numberList("<a,b,c>"),
    group: model,
    help: "standard deviation per channel, or one for all, where the model wants normalised input",
  },
  output: {
    kind: text("<name>"),
    group: model,
    help: "the output that holds the logits, of a model with several",
  },
} as const satisfies Flags;

/** --device, for the commands that run networks at length. */
export const deviceFlags = {
  device: {
    kind: oneOf(devices),
    group: work,
    help: "where the network runs; on a GPU in one worker process, unless --threads says otherwise",
    usual: "cpu",
  },
} as const satisfies Flags;

/** --trainable, for the commands that look at theta. */
export const trainableFlags = {
  trainable: {
    kind: text("<pattern>"),
    group: model,
    help:
      'only these tensors move: a pattern on their names ("fc*,conv2.*"), ' +
      "or last: the last dense layer",
  },
} as const satisfies Flags;

/** The rows of tables as flags, each with its default as the scenes tell it. */
export const flagsOf = <O, F>(
  rows: Readonly<Record<string, object>>,
  scenes: readonly Scene<O, F>[],
) =>
  Object.fromEntries(
    Object.entries(rows).map(([name, row]): [string, Flag] => [
      name,
      { ...(row as Flag), usual: defaultInWords(name, scenes) || undefined },
    ]),
  );

/** The options of an attack, with the defaults that they have when a network is judged. */
export const attackFlags: Flags = flagsOf(attackTable, [
  {
    words: "",
    table: attackTable,
    options: { attack: "pgd" },
    facts: { use: "judge", reach: 1 },
  },
]);

/** How much memory a correction may take. */
export const memoryFlag: Flag = {
  kind: bytes,
  group: "Work",
  help: "how much all processes together may take: cuts that would not fit are kept in parts (--remake)",
  usual: "60 % of what is free",
};
