// The flags of temper correct: those of the tables of its recipes, and what goes in and comes out.
import { type AttackUse, attackTable } from "../attack/options.ts";
import { flag, oneOf, text, wholeNumber } from "../options/kinds.ts";
import type { Scene } from "../options/table.ts";
import { type Facts, recipeNames } from "../run/options.ts";
import { pointOptions, pointTable } from "../run/points/options.ts";
import { robustOptions, robustTable } from "../run/robust/options.ts";
import type { Flag, Flags } from "./flags.ts";
import {
  augmentFlags,
  dataFlag,
  deviceFlags,
  flagsOf,
  memoryFlag,
  modelFlags,
  readFlags,
  trainableFlags,
  workFlags,
} from "./shared-flags.ts";
import { watchFlags } from "./watching.ts";
import { queueFlags } from "./working.ts";

const goesIn = "What goes in";
const comesOut = "What comes out";

const small: Facts = { flops: 0, points: 10, labels: 10 };
const large: Facts = { flops: 1e8, points: 10, labels: 10 };
const attack = { eps: 0.1 };

/** The situations that a default depends on. */
const pointScenes: readonly Scene<object, Facts>[] = (
  [
    ["", undefined, {}, small],
    ["paper", undefined, { recipe: "paper" }, small],
    ["--reattack", undefined, { reattack: true, attack }, small],
    [
      "--reattack of 200 points",
      "--reattack",
      { reattack: true, attack },
      { ...small, points: 200 },
    ],
    ["--certify-radius", undefined, { certifyRadius: 0.02 }, small],
    ["--solver blocks", undefined, { solver: "blocks" }, small],
    ["from 20 labels on", undefined, {}, { ...small, labels: 20 }],
  ] as const
).map(([words, of, request, facts]) => ({
  words,
  of,
  table: pointTable,
  options: pointOptions(request, facts),
  facts,
}));

const robustScenes: readonly Scene<object, Facts>[] = (
  [
    ["robust", undefined, {}, small],
    ["robust, large networks", "robust", {}, large],
    ["--certify", "robust", { certify: true }, small],
  ] as const
).map(([words, of, request, facts]) => ({
  words,
  of,
  table: robustTable,
  options: robustOptions({ recipe: "robust", attack, ...request }, facts),
  facts,
}));

const attackScenes = (
  [
    ["", "judge", 1, undefined],
    ["--reattack", "reattack", 1.2, undefined],
    ["robust", "robust", 1, undefined],
    ["--certify", "certify", 1, "robust"],
  ] as const
).map(([words, use, reach, of]: readonly [string, AttackUse, number, string | undefined]) => ({
  words,
  of,
  table: attackTable,
  options: { attack: "pgd" as const },
  facts: { use, reach },
}));

// The range of balls is that of the attacks: one flag, in their place.
const {
  recipe,
  clip: _,
  ...ofRecipes
} = flagsOf({ ...robustTable, ...pointTable }, [...pointScenes, ...robustScenes]);

const optional = (one: Flag): Flag => ({ ...one, required: false });

/** Every flag of temper correct, in the order of its help. */
export const correctFlags: Flags = {
  data: dataFlag(
    "training data, on which the loss is held: mnist:train, file.npz, a folder of images, ...",
  ),
  points: {
    kind: text("<data>"),
    group: goesIn,
    everyday: true,
    help: "the inputs to get right, with their true labels: points.npz of temper attack, or any data",
  },
  worst: {
    kind: wholeNumber(),
    group: goesIn,
    everyday: true,
    help: "attack DATA and take the n worst points, n / labels of each label",
  },
  sourcesFrom: {
    kind: text("<data>"),
    group: goesIn,
    help: "robust: attack these images, augmented as DATA are, in place of those of DATA",
  },
  ...augmentFlags,
  ...readFlags,
  out: { kind: text("<run>"), group: comesOut, required: true, help: "folder to write" },
  validate: {
    kind: text("<data>"),
    group: comesOut,
    everyday: true,
    help:
      "held-out data: accuracy, and images right before and wrong after, " +
      "of every candidate of the front",
  },
  resume: {
    kind: flag,
    group: comesOut,
    everyday: true,
    help: "continue the run that stopped in the folder, with the result of an uninterrupted one",
  },
  report: {
    kind: flag,
    group: comesOut,
    help: "write no report.html, the page of the run, into it",
    usual: "true",
  },
  force: { kind: flag, group: comesOut, help: "replace the run that is in the folder" },
  ...watchFlags,
  anyway: {
    kind: flag,
    group: goesIn,
    help: "correct the model although it is no better on DATA than chance, or seems not to fit into memory",
  },
  memory: memoryFlag,
  like: {
    kind: text("<run>"),
    group: "Recipe",
    help: "the options of an earlier run; those that are given here win",
  },
  recipe: { ...recipe, kind: oneOf(recipeNames), usual: "standard" },
  ...ofRecipes,
  random: {
    kind: wholeNumber(),
    group: goesIn,
    everyday: true,
    help:
      "attack DATA and take n broken points in a seeded order; " +
      "robust: attack n images again and again",
  },
  ...flagsOf(attackTable, attackScenes),
  eps: optional(flagsOf(attackTable, attackScenes).eps),
  ...modelFlags,
  ...trainableFlags,
  ...deviceFlags,
  ...workFlags,
  ...queueFlags,
};
