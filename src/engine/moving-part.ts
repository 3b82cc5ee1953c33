// The part of a network that theta moves, as a network of its own, and the values that it is given for images.
//
// What lies before it does not depend on theta: one pass makes it of all images, into a file that is read by ranges.
import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { cpus } from "node:os";
import { splitAtTheta } from "../autodiff/split.ts";
import { cachedFile } from "../data/cache.ts";
import {
  type AnyDataset,
  hashDataset,
  type ImageSource,
  imageSize,
  imagesOf,
} from "../data/dataset.ts";
import { writeBytes } from "../data/pixel-file.ts";
import { TemperError } from "../errors.ts";
import { writeApart } from "../onnx/write.ts";
import { batchOf, eachBatch, logitsOf } from "./batches.ts";
import { workOfPasses } from "./flops.ts";
import type { Network } from "./network.ts";
import { forwardShards, type Shard } from "./shards.ts";
import type { TaskState } from "./task.ts";
import { shareAtTheta0, sharedPrograms } from "./tasks.ts";
import { engineVersion } from "./version.ts";
import type { Workers } from "./workers.ts";

export const module: string = import.meta.url;

/** A network in two parts. */
export interface NetworkParts {
  /** Its answers are the values that cross, [n x labels]: they depend on no weight that may move. */
  readonly frozen: Network;
  /** Its images are those values. */
  readonly moving: Network;
}

/** A cut that leaves more of the work than this is not worth a file. */
const WORTH = 0.8;

/**
 * Cuts a network where theta begins to matter.
 *
 * @returns undefined where that spares too little
 */
export function cutAtTheta(network: Network): NetworkParts | undefined {
  // A graph that is run image by image is made for a number of images, which a cut does not know of.
  if (network.images !== undefined) return undefined;
  const split = splitAtTheta(
    network,
    network.parameters.map(({ name }) => name),
  );
  if (split === undefined) return undefined;
  const moving: Network = { ...network, ...split.moving, inputShape: split.shape };
  if (workOfPasses(moving).forward > WORTH * workOfPasses(network).forward) return undefined;
  const none = { parameters: [], theta0: new Float32Array(0) };
  const frozen = { ...network, ...split.frozen, ...none, labels: imageSize(split.shape) };
  return { frozen, moving };
}

/** The values that cross the cut, of some images: [n, ...shape]. */
export const crossingOf = (
  { frozen }: NetworkParts,
  x: Float32Array,
  n: number,
): Promise<Float32Array> => logitsOf(frozen, x, n);

const TOLERANCE = 1e-4;

/**
 * Tells whether both parts together are the network, on some images. What no rule foresees then costs time only.
 *
 * @param x pixels [n, ...inputShape]
 */
export async function joinsUp(
  network: Network,
  parts: NetworkParts,
  x: Float32Array,
  n: number,
): Promise<boolean> {
  try {
    const whole = await logitsOf(network, x, n);
    const joined = await logitsOf(parts.moving, await crossingOf(parts, x, n), n);
    const scale = whole.reduce((a, f) => Math.max(a, Math.abs(f)), 1e-30);
    return whole.every((f, i) => Math.abs(f - joined[i]) <= TOLERANCE * scale);
  } catch (error) {
    if (error instanceof TemperError && error.code === "model-unsupported") return false;
    throw error;
  }
}

/**
 * The values that cross the cut, of all images of a data set: made in one pass, or by an earlier run.
 *
 * @returns undefined where there is no room for the file
 */
export async function crossingImages(
  { frozen, moving }: NetworkParts,
  data: AnyDataset,
  {
    workers,
    signal,
    onImages,
  }: {
    readonly workers: Workers;
    readonly signal?: AbortSignal | undefined;
    /** Called with the number of images that are done. */
    readonly onImages?: ((done: number, of: number) => void) | undefined;
  },
): Promise<ImageSource | undefined> {
  const { count, labels } = data;
  const bytes = 4 * count * frozen.labels;
  const path = await cachedFile(keyOf(frozen, data), bytes, async (file) => {
    shareAtTheta0(workers, frozen);
    workers.shareImages("data", data);
    const shards = forwardShards(frozen, count);
    const into = workers.apart ? openSync(file, "r+") : undefined;
    let at = 0;
    try {
      await workers.each<CrossingShard, Float32Array | undefined>(
        { module, name: "crossingShard" },
        shards.map((shard) => (into === undefined ? { ...shard, file } : shard)),
        (rows) => {
          if (rows === undefined) return;
          writeBytes(into!, rows, at);
          at += rows.byteLength;
        },
        { signal, onDone: (done) => onImages?.(shards[done - 1].to, count) },
      );
    } finally {
      if (into !== undefined) closeSync(into);
    }
  });
  if (path === undefined) return undefined;
  const pixels = { file: path, at: 0, type: "float32" } as const;
  return { shape: moving.inputShape, count, labels, pixels };
}

/** Another version of onnxruntime, another processor, device or batch may round otherwise. */
function keyOf(frozen: Network, data: AnyDataset): string {
  const { file, externalData } = writeApart(frozen.graph);
  const hash = createHash("sha256");
  hash.update(`${engineVersion()} ${process.arch} ${cpus()[0]?.model} ${batchOf(frozen)}\n`);
  hash.update(frozen.options.device ?? "");
  hash.update(file);
  for (const [name, bytes] of externalData) hash.update(name).update(bytes);
  return hash.update(hashDataset(data)).digest("hex");
}

/** A slice of the shared data set, and the file that takes what crosses; without one it is the result. */
interface CrossingShard extends Shard {
  readonly file?: string | undefined;
}

/** Writes what the shared network answers to each image of a slice, or gives it back. */
export async function crossingShard(
  state: TaskState,
  { from, to, file }: CrossingShard,
): Promise<Float32Array | undefined> {
  const { network, programs } = await sharedPrograms(state);
  const data = state.get<ImageSource>("data");
  if (file === undefined) {
    const rows = new Float32Array((to - from) * network.labels);
    await eachBatch(network, from, to, async (a, b) => {
      rows.set(await programs.logits(imagesOf(data, a, b), b - a), (a - from) * network.labels);
    });
    return rows;
  }
  const descriptor = openSync(file, "r+");
  try {
    await eachBatch(network, from, to, async (a, b) => {
      const rows = await programs.logits(imagesOf(data, a, b), b - a);
      writeBytes(descriptor, rows, 4 * a * network.labels);
    });
  } finally {
    closeSync(descriptor);
  }
  return undefined;
}
