// A finished run, read back from its folder.
import { join } from "node:path";
import { unstackFloats } from "../../data/npy.ts";
import { readNpz } from "../../data/npz.ts";
import { loadNetwork, onProcessor } from "../../engine/network.ts";
import { TemperError } from "../../errors.ts";
import { FORMAT, isRobust, type RunBeginning, type RunRecord, type Timings } from "../record.ts";
import { createRun, type Run } from "../run.ts";
import {
  CORRECTED,
  CORRECTED_DATA,
  POINTS,
  PREDICTIONS,
  RECORD,
  readChecked,
  readJson,
  THETAS,
  TIMINGS,
} from "./files.ts";
import { savedModel } from "./write.ts";

/**
 * Opens a RUN folder.
 *
 * @throws TemperError `run-unreadable` where a file is missing or is not the one that was written
 */
export async function openRun(folder: string): Promise<Run> {
  const record = await readRecord(folder);
  const files = new Map<string, Uint8Array>();
  for (const name of [CORRECTED, CORRECTED_DATA, POINTS, THETAS, PREDICTIONS]) {
    const hash = record.hashes[name];
    if (hash !== undefined) files.set(name, await readChecked(folder, name, hash));
  }
  const [file, thetas] = [files.get(CORRECTED), files.get(THETAS)];
  const arrays = thetas && readNpz(thetas, { where: join(folder, THETAS) });
  const [theta0, theta] = [arrays?.get("theta0")?.values, arrays?.get("theta")?.values];
  if (file === undefined || !(theta0 instanceof Float32Array && theta instanceof Float32Array)) {
    throw new TemperError(
      "run-unreadable",
      `"${folder}" lacks ${CORRECTED}, or ${THETAS} with theta0 and theta`,
    );
  }
  const parts = {
    timings: (await readJson(folder, TIMINGS)) as Timings,
    network: await loadNetwork(file, onProcessor(record.network), savedModel(files).externalData),
    theta0,
    anchors: unstackFloats(theta, theta0.length),
    files,
  };
  return isRobust(record) ? createRun({ ...parts, record }) : createRun({ ...parts, record });
}

/**
 * The record of a finished run, without its files.
 *
 * @throws TemperError `run-unreadable` where run.json is missing, unfinished, of another format or no record
 */
export async function readRecord(
  folder: string,
): Promise<RunRecord<"points"> | RunRecord<"robust">> {
  const record = (await readBeginning(folder)) as RunRecord<"points"> | RunRecord<"robust">;
  if (record.end === undefined) {
    throw new TemperError(
      "run-unreadable",
      `"${folder}" holds an unfinished run\ncontinue it with the command that began it and --resume`,
    );
  }
  const parts = [record.pool, record.options, record.network, record.hashes];
  if (!Array.isArray(record.pool) || parts.some((part) => typeof part !== "object" || !part)) {
    throw new TemperError(
      "run-unreadable",
      `"${join(folder, RECORD)}" is not the record of a run: it lacks its pool, options, network or hashes`,
    );
  }
  return record;
}

/**
 * What run.json holds of a run, finished or not.
 *
 * @throws TemperError `run-unreadable` where run.json is missing or of another format
 */
export async function readBeginning(folder: string): Promise<RunBeginning & Partial<RunRecord>> {
  const record = ((await readJson(folder, RECORD)) ?? {}) as RunBeginning & Partial<RunRecord>;
  const format: unknown = record.format;
  if (format === FORMAT) return record;
  throw new TemperError(
    "run-unreadable",
    format === 1
      ? `"${folder}" was written by a Temper before 0.2 (format 1); this one reads format ${FORMAT}\n` +
          "correct again with the options in its run.json; its corrected.onnx is a model like any other"
      : `"${join(folder, RECORD)}" has format ${format}; this version of Temper reads format ${FORMAT}`,
  );
}
