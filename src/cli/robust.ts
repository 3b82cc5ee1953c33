// The recipe robust on the command line: its options, and its table that grows while it runs.
import type { Command } from "commander";
import type { CentreRecord } from "../correct/moving-centre.ts";
import { TemperError } from "../errors.ts";
import { type Keep, keeps } from "../run/robust-options.ts";
import type { Context } from "./context.ts";
import { growing, growingTable } from "./growing.ts";
import { count, number, oneOf } from "./parse.ts";
import { percent } from "./table.ts";

export interface RobustFlags {
  readonly keep?: Keep;
  readonly sources?: number;
  readonly sourcesFrom?: string;
  readonly groups?: number;
  readonly share?: number;
  readonly lossShare?: number;
  readonly lossSample?: number;
  readonly stepCap?: number;
  readonly judged?: number;
  readonly every?: number;
  readonly patience?: number;
  readonly timeLimit?: number;
}

/** The options that only the recipe robust has, as the command line writes them. */
const robustWords: Readonly<Record<keyof RobustFlags, string>> = {
  keep: "--keep",
  sources: "--sources",
  sourcesFrom: "--sources-from",
  groups: "--groups",
  share: "--share",
  lossShare: "--loss-share",
  lossSample: "--loss-sample",
  stepCap: "--step-cap",
  judged: "--judged",
  every: "--every",
  patience: "--patience",
  timeLimit: "--time-limit",
};

/** Those that only Algorithm 1 has. */
const pointWords = {
  worst: "--worst",
  alphas: "--alphas",
  radius: "--radius",
  penalty: "--penalty",
  cuts: "--cuts",
  rivals: "--rivals",
  solver: "--solver",
  freeShare: "--free-share",
  blockSteps: "--block-steps",
  fullPool: "--full-pool",
  reattack: "--reattack",
  pointsPerSource: "--points-per-source",
  reach: "--reach",
} as const;

/** An option of another recipe would be ignored in silence. */
export function refuseOtherRecipe(recipe: string, flags: object): void {
  const other: Readonly<Record<string, string>> = recipe === "robust" ? pointWords : robustWords;
  const given = Object.keys(other).find(
    (name) => (flags as Record<string, unknown>)[name] !== undefined,
  );
  if (given === undefined) return;
  throw new TemperError(
    "bad-option",
    `${other[given]} does not belong to the recipe ${recipe}` +
      (recipe === "robust" ? "; leave it out" : "; give --recipe robust, or leave it out"),
  );
}

export function withRobust(command: Command): Command {
  return command
    .option(
      "--keep <which>",
      "robust: clean, balanced or robust: which accuracy the steps favour (default: balanced; large networks: clean)",
      oneOf(keeps),
    )
    .option(
      "--sources <n>",
      "robust: images attacked an iteration (default: 1500; large networks: 500)",
      count(),
    )
    .option(
      "--sources-from <data>",
      "robust: attack these images, augmented as DATA are, in place of those of DATA",
    )
    .option(
      "--groups <n>",
      "robust: most aggregate cuts an iteration (default: 100; large networks: 50)",
      count(),
    )
    .option(
      "--share <s>",
      "robust: the share of its hinge that a group is to lose in an iteration (default: 0.3; large networks: 0.1)",
      number({ min: 0, max: 1 }),
    )
    .option(
      "--loss-share <s>",
      "robust: the same for the loss where it is above its limit (default: 0.3; large networks: 1)",
      number({ min: 0, max: 1 }),
    )
    .option(
      "--loss-sample <n>",
      "robust: images of DATA the loss is cut on in an iteration (default: 3000; large networks: 1000)",
      count(),
    )
    .option(
      "--step-cap <share>",
      "robust: longest first step, as a share of ||theta0||; the cap falls to 0 over the run " +
        "(default: 0.04; large networks: 0.005)",
      number({ min: 0, max: 1 }),
    )
    .option(
      "--judged <n>",
      "robust: images that judge the candidates, a fifth of DATA at most (default: 1000)",
      count(),
    )
    .option(
      "--every <n>",
      "robust: every so many iterations a candidate is judged (default: 10; large networks: 20)",
      count(),
    )
    .option(
      "--patience <n>",
      "robust: end when so many iterations brought nothing to the front (default: 100)",
      count(),
    )
    .option(
      "--time-limit <seconds>",
      "robust: begin no iteration after so long; the steps shrink with the time, so two runs differ",
      number({ min: 0 }),
    );
}

/** What was attacked in the iteration, then, judged on other images, what came of it. */
const centreTable = growingTable<CentreRecord>([
  ["iteration", 9, (r) => String(r.iteration)],
  ["attacked", 8, (r) => String(r.points)],
  ["wrong", 6, (r) => percent(r.wrong / r.points)],
  ["hinge", 7, (r) => r.meanHinge.toPrecision(3)],
  ["cuts", 4, (r) => String(r.rows)],
  ["active", 6, (r) => String(r.active)],
  ["step", 6, (r) => r.step.toPrecision(3)],
  ["distance", 8, (r) => r.distance.toPrecision(3)],
  ["violation", 9, (r) => r.candidate?.violation?.toPrecision(4) ?? "-"],
  ["right", 5, (r) => String(r.candidate?.corrected ?? "-")],
  ["loss", 7, (r) => r.candidate?.loss?.toPrecision(3) ?? "-"],
  ["", 0, (r) => (r.penalty === null ? "" : "elastic")],
]);

/** The table, a row for each candidate. */
export function growingCandidates(context: Context): (record: CentreRecord) => void {
  const show = growing(context, centreTable);
  return (record) => {
    if (record.candidate !== null) show(record);
  };
}
