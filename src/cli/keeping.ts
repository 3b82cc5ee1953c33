// Commands that go on after a stop: a state file for the shards of an attack, and what is said of it.
import { existsSync } from "node:fs";
import { keepShards, type ShardKeeper } from "../attack/kept-shards.ts";
import { type AnyDataset, hashDataset } from "../data/dataset.ts";
import { sha256 } from "../data/verify.ts";
import { type Model, networkOf } from "../engine/model.ts";
import { TemperError } from "../errors.ts";
import { flag } from "../options/kinds.ts";
import type { Flags } from "./flags.ts";

const comesOut = "What comes out";

/** --resume --force */
export const keepingFlags = {
  resume: {
    kind: flag,
    group: comesOut,
    everyday: true,
    help: "continue where the same command was stopped, with the result of an uninterrupted one",
  },
  force: { kind: flag, group: comesOut, help: "start again where a command was stopped" },
} as const satisfies Flags;

/** Digits of a hash: enough to tell two apart, few enough to be read. */
const HEX = 16;

export interface KeepingFlags {
  readonly resume?: boolean;
  readonly force?: boolean;
}

/** @throws TemperError `bad-option` where both are given */
export function refuseBoth({ resume, force }: KeepingFlags): void {
  if (resume !== true || force !== true) return;
  throw new TemperError(
    "bad-option",
    "--resume continues what was stopped and --force starts again; give one of them",
  );
}

/**
 * Runs `work` with a file of shards, which is removed when `work` is done, and kept where it is stopped.
 *
 * @param state the file; without one nothing is kept
 * @param of what decides the result
 */
export async function keeping<R>(
  state: string | undefined,
  of: {
    readonly command: string;
    readonly models: readonly Model[];
    readonly data: AnyDataset;
    readonly options: object;
  },
  flags: KeepingFlags,
  work: (shards: ShardKeeper | undefined) => Promise<R>,
): Promise<R> {
  if (state === undefined) return work(undefined);
  const { command, models, data, options } = of;
  const beginning = {
    command,
    model: models.map((model) => sha256(networkOf(model).file).slice(0, HEX)).join(" "),
    data: hashDataset(data).slice(0, HEX),
    ...Object.fromEntries(
      Object.entries(options)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, JSON.stringify(value)]),
    ),
  };
  const shards = await keepShards(state, beginning, flags);
  try {
    const done = await work(shards);
    await shards.finish();
    return done;
  } finally {
    await shards.close();
  }
}

/**
 * Runs `work`; a stop on request then says how to go on.
 *
 * @param file is there once something is kept; without one nothing is
 * @param place what the user knows it by
 */
export async function sayHowToGoOn<R>(
  file: string | undefined,
  work: () => Promise<R>,
  place = file,
): Promise<R> {
  try {
    return await work();
  } catch (error) {
    const stopped = error instanceof TemperError && error.code === "aborted";
    if (!stopped || file === undefined) throw error;
    throw new TemperError(
      "aborted",
      existsSync(file)
        ? `stopped on request; "${place}" keeps what is done\nthe same command with --resume continues it`
        : "stopped on request; nothing was written",
    );
  }
}
