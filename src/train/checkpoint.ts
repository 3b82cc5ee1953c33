// A training that goes on: its state beside the file it will write, replaced as a whole after every epoch.
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { arrayOf, arrayOfText, textIn } from "../data/npy.ts";
import { readNpz, writeNpz } from "../data/npz.ts";
import { removeTemporaries, writeAtomic } from "../data/write.ts";
import { TemperError } from "../errors.ts";
import { type Beginning, differing } from "../options/beginning.ts";
import type { OptimizerState } from "./optimizer.ts";

/** One epoch of a training. */
export interface EpochRecord {
  /** The number of the epoch, from 1. */
  readonly epoch: number;
  /** The learning rate of all its steps. */
  readonly learningRate: number;
  /** Mean cross-entropy over the epoch's minibatches, each before its own step. */
  readonly loss: number;
}

/** Everything the next epoch starts from. */
export interface TrainState {
  readonly epochs: readonly EpochRecord[];
  readonly theta: Float64Array;
  readonly optimizer: OptimizerState;
  /** Running averages by the names of their tensors. */
  readonly running: ReadonlyMap<string, Float64Array>;
}

export interface TrainKeeper {
  /** Where an earlier training of the same beginning stopped. */
  readonly state: TrainState | undefined;
  /** Puts the state on disk; the next epoch waits for it. */
  keep(state: TrainState): Promise<void>;
  /** Writes the trained network and removes the state. */
  finish(bytes: Uint8Array): Promise<void>;
}

/** The file that keeps the training whose network goes to `out`. */
export const stateFile = (out: string): string => `${out}.state`;

const RUNNING = "running/";

function writeState(
  { epochs, theta, optimizer, running }: TrainState,
  beginning: Beginning,
): Uint8Array {
  const rest = JSON.stringify({ beginning, epochs, steps: optimizer.steps });
  return writeNpz(
    new Map([
      ["theta", arrayOf(theta)],
      ...optimizer.moments.map((m, i) => [`moment${i}`, arrayOf(m)] as const),
      ...[...running].map(([name, average]) => [RUNNING + name, arrayOf(average)] as const),
      ["rest", arrayOfText(rest)],
    ]),
  );
}

function parseState(bytes: Uint8Array): TrainState & { readonly beginning: Beginning } {
  const arrays = readNpz(bytes);
  const { beginning, epochs, steps } = JSON.parse(textIn(arrays.get("rest")!));
  const named = (start: string): [string, Float64Array][] =>
    [...arrays]
      .filter(([name]) => name.startsWith(start))
      .map(([name, { values }]) => [name.slice(start.length), values as Float64Array]);
  return {
    beginning,
    epochs,
    theta: arrays.get("theta")!.values as Float64Array,
    optimizer: { steps, moments: named("moment").map(([, values]) => values) },
    running: new Map(named(RUNNING)),
  };
}

async function readState(file: string, beginning: Beginning): Promise<TrainState> {
  const bytes = await readFile(file);
  const refuse = (what: string, cause?: unknown): TemperError =>
    new TemperError("run-unreadable", `"${file}" ${what}, or --force to start again`, { cause });
  let state: ReturnType<typeof parseState>;
  try {
    state = parseState(bytes);
  } catch (cause) {
    throw refuse("is not the state of a training, or damaged\ngive another --out", cause);
  }
  const different = differing(state.beginning, beginning);
  if (different.length > 0) {
    const what = `keeps a training with ${different.slice(0, 3).join("; ")}`;
    throw refuse(`${what}\ngive the same options to continue it`);
  }
  return state;
}

/**
 * Begins a training whose network goes to `out`, or takes up the one that stopped.
 *
 * @throws TemperError `file-exists` where one stopped and neither `resume` nor `force` is given;
 *   `run-unreadable` where it has another beginning or its file is damaged; `file-missing` where `out` has
 *   no folder
 */
export async function keepTraining(
  out: string,
  beginning: Beginning,
  { resume, force }: { readonly resume: boolean; readonly force: boolean },
): Promise<TrainKeeper> {
  const file = stateFile(out);
  const there = existsSync(file);
  if (there && !resume && !force) {
    throw new TemperError(
      "file-exists",
      `"${file}" keeps an unfinished training\n` +
        "give --resume to continue it, another --out, or --force to start again",
    );
  }
  const state = there && resume ? await readState(file, beginning) : undefined;
  if (state === undefined) await rm(file, { force: true });
  await removeTemporaries(dirname(out), `${basename(out)}.`).catch((cause) => {
    throw new TemperError(
      "file-missing",
      `cannot write "${out}": ${cause.message}\nname a file in a folder that exists`,
      { cause },
    );
  });
  return {
    state,
    keep: (next) => writeAtomic(file, writeState(next, beginning)),
    finish: async (bytes) => {
      await writeAtomic(out, bytes);
      await rm(file, { force: true });
    },
  };
}
