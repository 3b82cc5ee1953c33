// A finished run, read back from its folder.
import { join } from "node:path";
import { readNpz } from "../data/npz.ts";
import { readPoints } from "../data/points.ts";
import { loadNetwork } from "../engine/network.ts";
import { TemperError } from "../errors.ts";
import { RECORD, readChecked, readJson } from "./folder.ts";
import type { Run, RunRecord, Timings } from "./record.ts";
import { CORRECTED, createRun, DIRECTIONS, POINTS, TIMINGS } from "./run.ts";

/**
 * Opens a RUN folder.
 *
 * @throws TemperError `run-unreadable` where a file is missing or is not the one that was written
 */
export async function openRun(folder: string): Promise<Run> {
  const record = ((await readJson(folder, RECORD)) ?? {}) as RunRecord;
  if (record.format === 1 && record.end === undefined) {
    throw new TemperError(
      "run-unreadable",
      `"${folder}" holds an unfinished run\ncontinue it with the command that began it and --resume`,
    );
  }
  if (record.format !== 1) {
    throw new TemperError(
      "run-unreadable",
      `"${join(folder, RECORD)}" has format ${record.format}; this version of Temper reads format 1`,
    );
  }
  const parts = [record.pool, record.options, record.network, record.hashes];
  if (!Array.isArray(record.pool) || parts.some((part) => typeof part !== "object" || !part)) {
    throw new TemperError(
      "run-unreadable",
      `"${join(folder, RECORD)}" is not the record of a run: it lacks its pool, options, network or hashes`,
    );
  }
  const checked = (name: string): Promise<Uint8Array> =>
    readChecked(folder, name, record.hashes[name]);
  const directions = readNpz(await checked(DIRECTIONS));
  const theta0 = directions.get("theta0")?.values;
  const theta = directions.get("theta")?.values;
  if (!(theta0 instanceof Float32Array && theta instanceof Float32Array)) {
    throw new TemperError(
      "run-unreadable",
      `"${join(folder, DIRECTIONS)}" does not hold theta0 and theta`,
    );
  }
  const p = theta0.length;
  const file = await checked(CORRECTED);
  const { parameters } = await loadNetwork(file, record.network);
  return createRun({
    record,
    timings: (await readJson(folder, TIMINGS)) as Timings,
    file,
    parameters,
    points:
      record.hashes[POINTS] === undefined
        ? undefined
        : readPoints(await checked(POINTS), join(folder, POINTS)),
    theta0,
    anchors: Array.from({ length: theta.length / p }, (_, k) => theta.slice(k * p, (k + 1) * p)),
  });
}
