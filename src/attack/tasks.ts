// The attack's shards: some images of the shared data set attacked, in a worker process or here.
import { type Dataset, gather, imageSize } from "../data/dataset.ts";
import { BATCH, inputGradientOfAll } from "../engine/batches.ts";
import { oneHot } from "../engine/logits.ts";
import type { Network } from "../engine/network.ts";
import type { Pool } from "../engine/pool.ts";
import type { Programs } from "../engine/programs.ts";
import type { TaskState } from "../engine/task.ts";
import { sharedPrograms } from "../engine/tasks.ts";
import type { Classifier } from "./classifier.ts";
import { attackBatch } from "./gradient-attack.ts";
import type { AttackOptions } from "./options.ts";
import { unitOfPixels } from "./units.ts";

export const module: string = import.meta.url;

export interface AttackShard {
  /** Indices in the shared data set. */
  readonly ids: Int32Array;
  readonly options: AttackOptions;
  /** How many attacked images to return for each label: the worst broken ones. 0 returns margins only. */
  readonly keep: number;
  /** Whether `x` of every image is returned. */
  readonly keepAll?: boolean | undefined;
}

export interface AttackedShard {
  /** f_y - max rival before and after, one an id. */
  readonly cleanMargins: Float32Array;
  readonly margins: Float32Array;
  /** Which attack made each image, an index in `attackNames`; NOT_FOUND where it is the clean one. */
  readonly found: Uint8Array;
  /** Passes through the network, summed over the images: with a gradient, and without one. */
  readonly gradientSteps: number;
  readonly queries: number;
  /** With `keepAll`, the attacked images [ids.length, ...shape], broken or not. */
  readonly x: Float32Array | undefined;
  /** The kept images: right when clean, wrong when attacked, worst first within each label. */
  readonly kept: readonly KeptImage[];
}

export interface KeptImage {
  readonly id: number;
  readonly label: number;
  /** f_y - max rival, 0 or less. */
  readonly margin: number;
  readonly x: Float32Array;
}

/** Right when clean, wrong when attacked (Definition 1); a tie is wrong, as it is to `evaluate`. */
export const isBroken = (cleanMargin: number, margin: number): boolean =>
  cleanMargin > 0 && margin <= 0;

export function classifierOf(network: Network, programs: Programs): Classifier {
  const { std } = network.options;
  return {
    labels: network.labels,
    unit: std && unitOfPixels(std, network.inputShape),
    logits: (x, n) => programs.logits(x, n),
    inputGradient: (x, y) =>
      inputGradientOfAll(network, programs, {
        name: "input-of-cross-entropy",
        x,
        covector: oneHot(y, network.labels),
        n: y.length,
      }),
  };
}

/** The `keep` worst of each label. Ties go to the smaller id, so that the order of shards cannot show. */
function worstOfEachLabel(images: readonly KeptImage[], keep: number): KeptImage[] {
  const taken = new Map<number, number>();
  return images.toSorted(byMargin).filter(({ label }) => {
    const n = (taken.get(label) ?? 0) + 1;
    taken.set(label, n);
    return n <= keep;
  });
}

const sum = (counts: Int32Array): number => counts.reduce((a, c) => a + c, 0);

/** Worst first. */
export const byMargin = (a: KeptImage, b: KeptImage): number => a.margin - b.margin || a.id - b.id;

// Images a shard: small enough that progress moves.
const SHARD = 250;

/**
 * Attacks the images `ids`, split into shards that the pool runs; results in the order of `ids`. The
 * pool shares the keys network, theta and data.
 */
export function attackAll(
  pool: Pool,
  { ids, ...rest }: AttackShard,
  call: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((done: number, of: number) => void) | undefined;
  },
): Promise<AttackedShard[]> {
  const shards = Array.from({ length: Math.ceil(ids.length / SHARD) }, (_, i) => ({
    ...rest,
    ids: ids.slice(i * SHARD, (i + 1) * SHARD),
  }));
  return pool.map<AttackShard, AttackedShard>({ module, name: "attackShard" }, shards, {
    signal: call.signal,
    onDone: (done) => call.onProgress?.(Math.min(done * SHARD, ids.length), ids.length),
  });
}

export async function attackShard(state: TaskState, shard: AttackShard): Promise<AttackedShard> {
  const { network, programs } = await sharedPrograms(state);
  const data = state.get<Dataset>("data");
  const classifier = classifierOf(network, programs);
  const { ids, options, keep, keepAll = false } = shard;
  const cleanMargins = new Float32Array(ids.length);
  const margins = new Float32Array(ids.length);
  const found = new Uint8Array(ids.length);
  const x = keepAll ? new Float32Array(ids.length * imageSize(data.shape)) : undefined;
  let [gradientSteps, queries] = [0, 0];
  let kept: KeptImage[] = [];
  for (let from = 0; from < ids.length; from += BATCH) {
    const batch = ids.subarray(from, from + BATCH);
    const y = batch.map((id) => data.labels[id]);
    const images = { x: gather(data, batch), y, ids: batch };
    const attacked = await attackBatch(classifier, images, options);
    cleanMargins.set(attacked.cleanMargins, from);
    margins.set(attacked.margins, from);
    found.set(attacked.found, from);
    gradientSteps += sum(attacked.gradientSteps);
    queries += sum(attacked.queries);
    const size = attacked.x.length / batch.length;
    x?.set(attacked.x, from * size);
    if (keep === 0) continue;
    const broken: KeptImage[] = [];
    for (const [i, id] of batch.entries()) {
      if (!isBroken(attacked.cleanMargins[i], attacked.margins[i])) continue;
      const x = attacked.x.slice(i * size, (i + 1) * size);
      broken.push({ id, label: y[i], margin: attacked.margins[i], x });
    }
    kept = worstOfEachLabel([...kept, ...broken], keep);
  }
  return { cleanMargins, margins, found, gradientSteps, queries, x, kept };
}
