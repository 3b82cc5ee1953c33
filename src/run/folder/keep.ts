// A run that is not finished yet: begun in its folder, brought up to date after each iteration, taken up again.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Dataset } from "../../data/dataset.ts";
import { writePoints } from "../../data/points.ts";
import { removeTemporaries } from "../../data/write.ts";
import { TemperError } from "../../errors.ts";
import { differing } from "../../options/beginning.ts";
import type { RunBeginning, RunRecord, Timings } from "../record.ts";
import {
  jsonText,
  POINTS,
  prepareFolder,
  RECORD,
  type RunInPlace,
  readJson,
  recordIn,
  TIMINGS,
  writeFolder,
} from "./files.ts";
import { readState, type StateFormat, stateFiles } from "./state.ts";

/** A folder that keeps a run while it goes on. */
export interface RunKeeper<S> {
  /** Where an earlier run of the same beginning stopped. */
  readonly state: S | undefined;
  /** Its times up to there. */
  readonly timings: Timings | undefined;
  /** The folder holds the whole run already. */
  readonly finished: boolean;
  /** Puts the state on disk; the next iteration waits for it. */
  keep(state: S, timings: Timings): Promise<void>;
  /** Removes the state: the run is finished. */
  drop(): Promise<void>;
}

/** What must be the same for a run to go on: everything of the beginning but the list of files. */
const beginningIn = ({ format, versions, options, network, inputs }: Partial<RunRecord>) => ({
  format,
  versions,
  options,
  network,
  inputs,
});

/** What timings.json says of the iterations that a state has; they are written before it. */
async function timingsUpTo(
  folder: string,
  state: { readonly iterations: readonly unknown[] } | undefined,
): Promise<Timings | undefined> {
  if (state === undefined) return undefined;
  const timings = (await readJson(folder, TIMINGS)) as Timings;
  return { ...timings, iterations: timings.iterations.slice(0, state.iterations.length) };
}

/**
 * Begins a run in its folder, or takes up the one that stopped there.
 *
 * @throws TemperError `file-exists` as `prepareFolder` does; `run-unreadable` where the folder's run has
 *   another beginning: other options, inputs or versions
 */
export async function keepRun<S extends { readonly iterations: readonly unknown[] }>(
  folder: string,
  beginning: RunBeginning,
  { points, resume = false, force = false }: RunInPlace & { readonly points?: Dataset | undefined },
  { state: format }: { readonly state: StateFormat<S> },
): Promise<RunKeeper<S>> {
  const begin = async (): Promise<void> => {
    // The record comes first: a run that is killed from here on is known for one, and its points are given again.
    await writeFolder(folder, new Map([[RECORD, jsonText(beginning)]]));
    if (points !== undefined) await writeFolder(folder, new Map([[POINTS, writePoints(points)]]));
  };
  let kept = 0; // anchors that are on disk
  const keeper = (finished: boolean, state?: S, timings?: Timings): RunKeeper<S> => ({
    state,
    timings,
    finished,
    keep: async (next, spent) => {
      await writeFolder(folder, new Map([[TIMINGS, jsonText(spent)]]));
      for (const file of stateFiles(next, format, kept)) await writeFolder(folder, new Map([file]));
      kept = format.anchors(next).length;
    },
    drop: () => rm(join(folder, "state"), { recursive: true, force: true }),
  });
  if (resume && (await recordIn(folder))) {
    const record = (await readJson(folder, RECORD)) as Partial<RunRecord>;
    const then = beginningIn(record);
    const now = beginningIn(JSON.parse(jsonText(beginning)));
    const different = differing(then, now);
    if (different.length > 0) {
      throw new TemperError(
        "run-unreadable",
        `"${folder}" holds a run with ${different.slice(0, 3).join("; ")}\n` +
          "give the same options to continue it, or --force to start again",
      );
    }
    await removeTemporaries(folder);
    const finished = record.end !== undefined;
    const found = finished ? undefined : await readState(folder, format);
    if (finished) await keeper(true).drop();
    else if (found === undefined) await begin();
    else kept = found.anchors;
    return keeper(finished, found?.state, await timingsUpTo(folder, found?.state));
  }
  await prepareFolder(folder, force);
  const fresh = keeper(false);
  await fresh.drop(); // the state of a run that was killed after its record was written, or before
  await begin();
  await removeTemporaries(folder);
  return fresh;
}
