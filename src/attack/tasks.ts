// The attack's shards: some images of the shared data set attacked, in a worker process or here.
import { type ImageSource, imageSize } from "../data/dataset.ts";
import { idShards, sharedOut } from "../engine/shards.ts";
import type { TaskState } from "../engine/task.ts";
import { sharedPrograms } from "../engine/tasks.ts";
import type { Workers } from "../engine/workers.ts";
import { attackBatch, imagesAt } from "./attack-batch.ts";
import { attackOf } from "./attacks.ts";
import { classifierOf } from "./classifier.ts";
import type { AttackOptions } from "./options.ts";
import { quantised } from "./quantise.ts";

export const module: string = import.meta.url;

export interface AttackShard {
  /** Indices in the shared data set. */
  readonly ids: Int32Array;
  readonly options: AttackOptions;
  /** How many attacked images to return for each label: the worst broken ones. 0 returns margins only. */
  readonly keep: number;
  /** Whether `x` of every image is returned. */
  readonly keepAll?: boolean | undefined;
  /** Levels of a pixel that turned images are rounded to, and asked about again. */
  readonly quantise?: number | undefined;
}

export interface AttackedShard {
  /** f_y - max rival before and after, in the order of the ids. */
  readonly cleanMargins: Float32Array;
  readonly margins: Float32Array;
  /** The name of the attack that made each image; NONE where it is the clean one. */
  readonly found: readonly string[];
  /** Passes through the network, summed over the images: with a gradient, and without one. */
  readonly gradientSteps: number;
  readonly queries: number;
  /** Images that were turned and are right again once rounded. */
  readonly undone: number;
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

/**
 * Right when clean, wrong when attacked (Definition 1); a tie is wrong, as it is to `evaluate`. Logits that are
 * not numbers are wrong too, but no point: no cut could be made there.
 */
export const isBroken = (cleanMargin: number, margin: number): boolean =>
  cleanMargin > 0 && margin <= 0;

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

/** Images of a shard: so few that progress moves. */
const SHARD = 250;

/** The fewest images of a shard of a slow attack: its batches must still be worth a run. */
const LEAST = 25;

/** A slow attack is split so that every process has several shards and all end at about the same time. */
function shardSize({ attack }: AttackOptions, count: number, processes: number): number {
  if (!attackOf(attack).slow) return SHARD;
  return Math.max(LEAST, sharedOut(count, { most: SHARD, turns: 4, processes }));
}

/**
 * Attacks the images `ids`, split into shards; the results are in the order of `ids`. The workers must share the
 * keys network, theta and data.
 */
export function attackAll(
  workers: Workers,
  { ids, ...rest }: AttackShard,
  call: {
    readonly signal?: AbortSignal | undefined;
    /** Called with the number of images that are attacked. */
    readonly onImages?: ((done: number, of: number) => void) | undefined;
  },
): Promise<AttackedShard[]> {
  const size = shardSize(rest.options, ids.length, workers.size);
  const shards = idShards(ids, size).map((chosen) => ({ ...rest, ids: chosen }));
  return workers.map<AttackShard, AttackedShard>({ module, name: "attackShard" }, shards, {
    signal: call.signal,
    onDone: (done) => call.onImages?.(Math.min(done * size, ids.length), ids.length),
  });
}

/** Attacks the images of one shard. */
export async function attackShard(state: TaskState, shard: AttackShard): Promise<AttackedShard> {
  const { network, programs } = await sharedPrograms(state);
  const data = state.get<ImageSource>("data");
  const { ids, options, keep, keepAll = false, quantise: levels } = shard;
  const images = imagesAt(data, ids);
  const classifier = classifierOf(network, programs);
  const turned = await attackBatch(classifier, images, options);
  const attacked =
    levels === undefined
      ? turned
      : await quantised(classifier, images, turned, { ...options, levels });
  const { x, cleanMargins, margins, found } = attacked;
  const size = imageSize(data.shape);
  const broken =
    keep === 0 ? [] : [...ids.keys()].filter((i) => isBroken(cleanMargins[i], margins[i]));
  const kept = broken.map((i) => ({
    id: ids[i],
    label: images.y[i],
    margin: margins[i],
    x: x.slice(i * size, (i + 1) * size),
  }));
  return {
    cleanMargins,
    margins,
    found,
    gradientSteps: sum(attacked.gradientSteps),
    queries: sum(attacked.queries),
    undone: margins.filter((m, i) => m > 0 && isBroken(cleanMargins[i], turned.margins[i])).length,
    x: keepAll ? x : undefined,
    kept: worstOfEachLabel(kept, keep),
  };
}
