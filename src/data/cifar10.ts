// CIFAR-10's binary batches as published: records of one label byte and 3 x 32 x 32 pixel bytes.
import { TemperError } from "../errors.ts";
import type { Dataset } from "./dataset.ts";
import { findPublished, missingPublished, readDataFile } from "./files.ts";

const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS;
const TRAIN_FILES = [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);

/** The unpacked bytes of one batch file, with its path for messages. */
export interface CifarBatch {
  readonly path: string;
  readonly bytes: Uint8Array;
}

function checkBatch({ path, bytes }: CifarBatch): void {
  const refuse = (what: string): never => {
    throw new TemperError(
      "data-unreadable",
      `${path}: ${what}\ngive the batch file of CIFAR-10's binary version, gzipped or not`,
    );
  };
  if (bytes.length === 0 || bytes.length % RECORD !== 0) {
    refuse(`${bytes.length} bytes are not a whole number of ${RECORD}-byte records`);
  }
  for (let at = 0; at < bytes.length; at += RECORD) {
    if (bytes[at] > 9) refuse(`record ${at / RECORD} has the label ${bytes[at]}, not 0 to 9`);
  }
}

/**
 * The records of all batches in order, images [count, 3, 32, 32].
 * @throws TemperError data-unreadable: half a record, a label above 9
 */
function readCifarBatches(name: string, batches: readonly CifarBatch[]): Dataset {
  for (const batch of batches) checkBatch(batch);
  const count = batches.reduce((sum, { bytes }) => sum + bytes.length / RECORD, 0);
  const pixels = new Uint8Array(count * PIXELS);
  const labels = new Int32Array(count);
  let image = 0;
  for (const { bytes } of batches) {
    for (let at = 0; at < bytes.length; at += RECORD, image++) {
      labels[image] = bytes[at];
      pixels.set(bytes.subarray(at + 1, at + RECORD), image * PIXELS);
    }
  }
  return { name, shape: [3, 32, 32], count, pixels, labels };
}

/** Opens `cifar10:train` (the batch files that are there; `note` says how many) or `cifar10:test`. */
export async function openCifar10(split: "train" | "test", folder: string): Promise<Dataset> {
  const name = `cifar10:${split}`;
  const files = split === "train" ? TRAIN_FILES : ["test_batch.bin"];
  const batches: CifarBatch[] = [];
  for (const file of files) {
    const path = await findPublished(folder, file);
    if (path !== undefined) batches.push({ path, bytes: await readDataFile(path) });
  }
  if (batches.length === 0) throw missingPublished(name, folder, files[0]);
  const dataset = readCifarBatches(name, batches);
  if (split === "test") return dataset;
  return { ...dataset, note: `${batches.length} of ${files.length} batch files` };
}
