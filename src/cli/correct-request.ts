// What temper correct is asked for: its flags, those of an earlier run where --like names one, and what they mean.

import { join } from "node:path";
import { attackOptions, attackTable, type StatedAttack } from "../attack/options.ts";
import type { DataOptions } from "../data/open.ts";
import type { NetworkOptions } from "../engine/network.ts";
import { TemperError } from "../errors.ts";
import { partOf, type Request } from "../options/table.ts";
import { refuseOtherRecipe } from "../run/call.ts";
import { POINTS } from "../run/folder/files.ts";
import { readRecord } from "../run/folder/open.ts";
import type { Facts } from "../run/options.ts";
import { type PointRequest, pointOptions, pointTable } from "../run/points/options.ts";
import type { PointOrigin } from "../run/record.ts";
import { type RobustRequest, robustOptions, robustTable } from "../run/robust/options.ts";
import { type KeepingFlags, refuseBoth } from "./keeping.ts";
import type { WorkingFlags } from "./working.ts";

/** The flags that are no options of a recipe, and those of its options that decide what is opened. */
interface OwnFlags extends NetworkOptions, DataOptions, KeepingFlags, WorkingFlags {
  readonly recipe?: string | undefined;
  readonly reattack?: boolean | undefined;
  readonly random?: number | undefined;
  readonly data: string;
  readonly out: string;
  readonly points?: string | undefined;
  readonly worst?: number | undefined;
  readonly sourcesFrom?: string | undefined;
  readonly validate?: string | undefined;
  readonly report?: boolean | undefined;
  readonly anyway?: boolean | undefined;
  readonly like?: string | undefined;
  readonly json?: boolean | undefined;
  readonly watch?: boolean | undefined;
  readonly open?: boolean | undefined;
  readonly memory?: number | undefined;
  readonly eps?: number | undefined;
  readonly certifyRadius?: number | undefined;
  readonly clip?: readonly [number, number] | null | undefined;
}

/** What the command is asked for. */
export interface Asked extends OwnFlags {
  /** The options of the recipe. */
  readonly request: PointRequest | RobustRequest;
  /** The attack that finds the points, where one does. */
  readonly origin: PointOrigin | undefined;
}

/** What defaults depend on, before the model and the points are there. */
const unknown: Facts = { flops: 0, points: 1, labels: 2 };

/**
 * Reads the flags that were given; what --like names stands behind them. Wrong use is refused before anything is
 * opened.
 *
 * @throws TemperError `bad-option`
 */
export async function askedOf(flags: Readonly<Record<string, unknown>>): Promise<Asked> {
  const given = flags as object as OwnFlags;
  refuseBoth(given);
  if (given.open === true && given.watch !== true) {
    throw new TemperError("bad-option", "--open opens the page of --watch; give both");
  }
  const like = given.like === undefined ? undefined : await likeRun(given.like, given);
  const all: OwnFlags = { ...like?.flags, ...given };
  const ofAttack = partOf(attackTable, given);
  const attack = { ...like?.attack, ...ofAttack };
  const robust = all.recipe === "robust";
  // --random has a meaning of its own in either family, and --clip is the range of an attack as well as of balls.
  const shared = robust ? { clip: undefined } : { random: undefined };
  refuseOtherRecipe({ ...all, ...shared });
  if (robust) {
    if (all.worst !== undefined) {
      throw new TemperError(
        "bad-option",
        "--worst does not belong to the recipe robust; leave it out",
      );
    }
    const request = { ...partOf(robustTable, all), attack } as RobustRequest;
    robustOptions(request, unknown);
    return { ...all, request, origin: undefined };
  }
  const reattacks = all.reattack === true;
  const ofPoints = all.certifyRadius === undefined ? { ...all, clip: undefined } : all;
  const request = { ...partOf(pointTable, ofPoints), ...(reattacks && { attack }) } as PointRequest;
  const origin =
    all.points === undefined ? originOf(all, { ...like?.finding, ...ofAttack }) : undefined;
  checkSource(all, origin);
  pointOptions(request, unknown);
  return { ...all, request, origin };
}

/** The attack on the data that gives the points; undefined where nothing asks for one, which is refused later. */
function originOf(
  { worst, random, seed }: OwnFlags,
  attack: Request<StatedAttack>,
): PointOrigin | undefined {
  if (attack.eps === undefined || (worst === undefined && random === undefined)) return undefined;
  return { attack: attackOptions({ ...attack, eps: attack.eps, seed }), worst, random };
}

/** The options of an earlier run as flags, and its attacks. */
async function likeRun(folder: string, given: OwnFlags) {
  const { options, network, inputs } = await readRecord(folder);
  const { recipe } = given;
  if (recipe !== undefined && recipe !== options.recipe) {
    throw new TemperError(
      "bad-option",
      `--like ${folder} is a run of the recipe ${options.recipe}, not ${recipe}\nleave --recipe out`,
    );
  }
  const { attack, ...plain } = options;
  const origin = inputs.points?.origin;
  const stated = [given.points, given.worst, given.random].some((source) => source !== undefined);
  // The points that the cutting-set form made are not the sources it was given.
  const kept = inputs.points !== undefined && !(plain.recipe !== "robust" && plain.reattack);
  const source = origin ?? (kept ? { points: join(folder, POINTS) } : {});
  const { attack: finding, ...chosen } = { attack: undefined, ...source };
  const { augment, classes } = inputs.data;
  // One command reads all its data alike, though not every option had a meaning for each.
  const reading = {
    ...inputs.validation?.reading,
    ...inputs.points?.reading,
    ...inputs.data.reading,
  };
  const flags = { ...plain, ...network, ...reading, augment, classes };
  return { attack, finding, flags: { ...flags, ...(stated ? {} : chosen) } };
}

/** Exactly one source of points, and a radius where they are to be attacked. */
function checkSource(
  { points, worst, random, reattack }: OwnFlags,
  origin: PointOrigin | undefined,
): void {
  const given = [points, worst, random].filter((value) => value !== undefined).length;
  if (given !== 1) {
    throw new TemperError(
      "bad-option",
      `${given === 0 ? "no points given" : "several sources of points given"}: ` +
        "give one of --points DATA, --worst N, --random N",
    );
  }
  // Where sources are attacked again, the options of the recipe ask for the radius.
  if (points !== undefined || origin !== undefined || reattack === true) return;
  const word = worst === undefined ? "--random" : "--worst";
  throw new TemperError("bad-option", `${word} attacks the data and needs --eps, as in --eps 0.1`);
}
