// A finished run as files: each is serialised once, and what is hashed is what is written.
import type { Dataset } from "../../data/dataset.ts";
import { arrayOf, type NpyArray, type NpyRows } from "../../data/npy.ts";
import { MAX_ARCHIVE_BYTES, writeNpz } from "../../data/npz.ts";
import { writePoints } from "../../data/points.ts";
import { sha256 } from "../../data/verify.ts";
import type { Network } from "../../engine/network.ts";
import { TemperError } from "../../errors.ts";
import type { ModelBytes } from "../../onnx/external.ts";
import { type Predicted, writePredictions } from "../predictions.ts";
import type { RunRecord, Timings } from "../record.ts";
import {
  CORRECTED,
  CORRECTED_DATA,
  jsonText,
  POINTS,
  PREDICTIONS,
  RECORD,
  readChecked,
  THETAS,
  TIMINGS,
  writeFolder,
} from "./files.ts";

/** The bytes of the files that a record vouches for, by their names. */
export type FileBytes = ReadonlyMap<string, Uint8Array>;

/** thetas.npz: theta0 float32 [p], theta float32 [K, p]. */
const writeThetas = (theta0: Float32Array, anchors: readonly Float32Array[]): Uint8Array =>
  writeNpz(
    new Map<string, NpyArray | NpyRows>([
      ["theta0", arrayOf(theta0)],
      ["theta", { type: "rows", shape: [anchors.length, theta0.length], values: anchors }],
    ]),
  );

/**
 * Refuses more thetas than thetas.npz can hold, before any is found.
 *
 * @throws TemperError `bad-option`
 */
export function demandThetas({ theta0 }: Network, iterations: number): void {
  const { length: p } = theta0;
  if (Float32Array.BYTES_PER_ELEMENT * p * (iterations + 1) < MAX_ARCHIVE_BYTES) return;
  throw new TemperError(
    "bad-option",
    `the thetas of ${iterations} iterations, ${p} weights each, do not fit one ${THETAS} (4 GiB)\n` +
      'give fewer --iterations, or move a part of the network: --trainable "layer4*"',
  );
}

/** Serialises what a finished run holds beside its record. */
export const fileBytes = (run: {
  /** The files of the chosen model, by their names. */
  readonly corrected: FileBytes;
  /** The points that had to be right; the recipe robust may have had none. */
  readonly points: Dataset | undefined;
  readonly theta0: Float32Array;
  readonly anchors: readonly Float32Array[];
  /** The answers on the training data, and on held-out data where some were given. */
  readonly predictions: Readonly<Record<"data" | "validation", Predicted | undefined>>;
}): FileBytes =>
  new Map([
    ...run.corrected,
    ...(run.points === undefined ? [] : [[POINTS, writePoints(run.points)] as const]),
    [THETAS, writeThetas(run.theta0, run.anchors)],
    [PREDICTIONS, writePredictions(run.predictions)],
  ]);

/** The chosen model among the files of a run, as it is read back. */
export function savedModel(files: FileBytes): ModelBytes {
  const data = files.get(CORRECTED_DATA);
  return {
    file: files.get(CORRECTED)!,
    externalData: new Map(data === undefined ? [] : [[CORRECTED_DATA, data]]),
  };
}

/** SHA-256 of files, by their names. */
export const hashesOf = (files: FileBytes): Record<string, string> =>
  Object.fromEntries([...files].map(([name, bytes]) => [name, sha256(bytes)]));

/** Writes the files of a finished run, and reads back those that its record vouches for. */
export async function writeRun(
  folder: string,
  {
    record,
    timings,
    files,
  }: { readonly record: RunRecord; readonly timings: Timings; readonly files: FileBytes },
): Promise<void> {
  await writeFolder(
    folder,
    new Map<string, Uint8Array | string>([
      ...files,
      [TIMINGS, jsonText(timings)],
      [RECORD, jsonText(record)],
    ]),
  );
  for (const [name, hash] of Object.entries(record.hashes)) await readChecked(folder, name, hash);
}
