// Images of the shared data set attacked at the shared theta, whole: what came out, and its logits.
import type { ImageSource } from "../data/dataset.ts";
import { BATCH, logitsOfAll } from "../engine/batches.ts";
import { idShards, sharedOut } from "../engine/shards.ts";
import type { TaskState } from "../engine/task.ts";
import { sharedPrograms } from "../engine/tasks.ts";
import type { Workers } from "../engine/workers.ts";
import { joined } from "../tensor/vector.ts";
import { endsOf, imagesAt } from "./attack-batch.ts";
import { classifierOf } from "./classifier.ts";
import type { AttackOptions } from "./options.ts";

export const module: string = import.meta.url;

interface PointsShard {
  /** The key of a shared data set. */
  readonly from: string;
  /** Indices in it. */
  readonly ids: Int32Array;
  readonly options: AttackOptions;
}

/** Attacked images, row-major, and their logits [n x labels]. */
export interface AttackedPoints {
  readonly x: Float32Array;
  readonly logits: Float32Array;
}

/** Attacks the images `ids` of a shared data set; all of them come back, turned or not, in the order of `ids`. */
export async function attackedPoints(
  workers: Workers,
  { ids, ...rest }: PointsShard,
  signal?: AbortSignal | undefined,
): Promise<AttackedPoints> {
  const size = sharedOut(ids.length, { most: BATCH, turns: 4, processes: workers.size });
  const shards = idShards(ids, size).map((chosen) => ({ ...rest, ids: chosen }));
  const parts = await workers.map<PointsShard, AttackedPoints>(
    { module, name: "pointsShard" },
    shards,
    { signal },
  );
  return { x: joined(parts.map(({ x }) => x)), logits: joined(parts.map(({ logits }) => logits)) };
}

/** Attacks the images of one shard. */
export async function pointsShard(
  state: TaskState,
  { from, ids, options }: PointsShard,
): Promise<AttackedPoints> {
  const { network, programs } = await sharedPrograms(state);
  const images = imagesAt(state.get<ImageSource>(from), ids);
  const x = await endsOf(classifierOf(network, programs), images, options);
  return { x, logits: await logitsOfAll(network, programs, x, ids.length) };
}
