// A run in memory: its pool, its front, any candidate's parameters and file, and how it is saved.

import { type Candidate, candidateTheta, type Layout } from "../correct/candidates.ts";
import { choose } from "../correct/choice.ts";
import type { Dataset } from "../data/dataset.ts";
import type { NpyArray } from "../data/npy.ts";
import { writeNpz } from "../data/npz.ts";
import { writePoints } from "../data/points.ts";
import { TemperError } from "../errors.ts";
import { patchWeights } from "../onnx/patch.ts";
import { type Parameter, splitTheta } from "../onnx/theta.ts";
import { prepareFolder, RECORD, readChecked, sha256, writeFolder } from "./folder.ts";
import type { Run, RunRecord, Timings } from "./record.ts";

export const CORRECTED = "corrected.onnx";
export const POINTS = "points.npz";
export const DIRECTIONS = "directions.npz";
export const TIMINGS = "timings.json";
/** Every file of a run, of one without points too. */
export const filesOf = (points: Dataset | undefined): readonly string[] => [
  RECORD,
  TIMINGS,
  CORRECTED,
  ...(points === undefined ? [] : [POINTS]),
  DIRECTIONS,
];

/** The parts of a run that are not in its record. */
export interface RunParts {
  readonly record: RunRecord;
  readonly timings: Timings;
  /** Any ONNX file of the network; the bytes outside theta are the user's. */
  readonly file: Uint8Array;
  readonly parameters: readonly Parameter[];
  /** The points that had to be right; the robust recipe may have had none. */
  readonly points: Dataset | undefined;
  readonly theta0: Float32Array;
  /** theta_1 ... theta_k. */
  readonly anchors: readonly Float32Array[];
}

/** directions.npz: theta0 float32 [p], theta float32 [K, p]. */
export function writeDirections(
  theta0: Float32Array,
  anchors: readonly Float32Array[],
): Uint8Array {
  const p = theta0.length;
  const all = new Float32Array(anchors.length * p);
  for (const [k, theta] of anchors.entries()) all.set(theta, k * p);
  return writeNpz(
    new Map<string, NpyArray>([
      ["theta0", { type: "float32", shape: [p], values: theta0 }],
      ["theta", { type: "float32", shape: [anchors.length, p], values: all }],
    ]),
  );
}

/** The JSON of a record or of timings as it is written. */
export const writeJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** How candidates lie on the stored directions: of the robust recipe one every k iterations, whole. */
export const layoutOf = (options: RunRecord["options"]): Layout => ({
  alphas: options.alphas,
  every: options.recipe === "robust" ? options.every : 1,
});

function thetaOf({ record, theta0, anchors }: RunParts, candidate: Candidate): Float32Array {
  return candidateTheta(candidate, theta0, anchors, layoutOf(record.options));
}

const fileOf = (parts: RunParts, candidate: Candidate): Uint8Array<ArrayBuffer> =>
  patchWeights(parts.file, splitTheta(parts.parameters, thetaOf(parts, candidate)));

/** Writes the files of a finished run, and reads back those that its record vouches for. */
export async function writeRun(folder: string, parts: RunParts): Promise<void> {
  const { record, timings, points, theta0, anchors } = parts;
  await writeFolder(
    folder,
    new Map<string, Uint8Array | string>([
      [CORRECTED, fileOf(parts, record.pool[record.choice])],
      ...(points === undefined ? [] : [[POINTS, writePoints(points)] as const]),
      [DIRECTIONS, writeDirections(theta0, anchors)],
      [TIMINGS, writeJson(timings)],
      [RECORD, writeJson(record)],
    ]),
  );
  for (const [name, hash] of Object.entries(record.hashes)) await readChecked(folder, name, hash);
}

/** A run from its parts. */
export function createRun(parts: RunParts): Run {
  const { record, timings } = parts;
  const { pool, options } = record;
  return {
    record,
    timings,
    pool,
    front: pool.filter(({ front }) => front),
    choice: pool[record.choice],
    before: record.before,
    after: record.after,
    select: (weight) => {
      if (!(weight >= 0 && weight <= 1)) {
        throw new TemperError("bad-option", `weight ${weight}: expected a number from 0 to 1`);
      }
      return pool[choose(pool, { weight, tolerance: options.tolerance })];
    },
    theta: (candidate) => thetaOf(parts, candidate),
    bytes: (candidate) => fileOf(parts, candidate),
    save: async (folder, { force = false } = {}) => {
      await prepareFolder(folder, force);
      await writeRun(folder, parts);
    },
  };
}

/** What the record vouches for, of files given as bytes. */
export const hashesOf = (files: Readonly<Record<string, Uint8Array>>): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, sha256(bytes)]));
