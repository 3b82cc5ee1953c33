// What a correction costs on clean images: the answers before and after, and what was right and is now wrong.
import type { ImageSource } from "../data/dataset.ts";
import type { LossName } from "../engine/losses.ts";
import type { Network } from "../engine/network.ts";
import { forwardShards } from "../engine/shards.ts";
import * as tasks from "../engine/tasks.ts";
import type { Workers } from "../engine/workers.ts";

/** Clean images of one label, before and after. */
export interface CleanLabel {
  /** The index of the label. */
  readonly label: number;
  /** Images of this label, 1 or more. */
  readonly count: number;
  /** The share in [0, 1] of these that the model gets right. */
  readonly before: number;
  /** The share in [0, 1] of these that the corrected file gets right. */
  readonly after: number;
  /** Images that were right and are now wrong. */
  readonly negativeFlips: number;
}

/** Clean images of one data set, before and after. */
export interface CleanChange {
  /** Number of images. */
  readonly count: number;
  /** The accuracy of the model, a share in [0, 1]. */
  readonly before: number;
  /** The accuracy of the corrected file, a share in [0, 1]. */
  readonly after: number;
  /** Images that were right and are now wrong. */
  readonly negativeFlips: number;
  /** The same of each label that occurs, by ascending label. */
  readonly labels: readonly CleanLabel[];
}

/** The training data before and after, and the held-out data where some were given. */
export interface CleanRecord extends CleanChange {
  /** The change on the held-out data; absent without. */
  readonly validation?: CleanChange | undefined;
}

/** The labels that are answered to each image of a data set, [n]; -1 stands for no answer. */
export interface Predictions {
  readonly y: Int32Array;
  readonly before: Int32Array;
  readonly after: Int32Array;
}

/** Who asks, and until when. */
interface Asking {
  readonly workers: Workers;
  readonly signal?: AbortSignal | undefined;
}

/** What a network answers to the images of a data set. */
export interface Answers {
  /** The label that is answered to each image, [n]; -1 stands for no answer. */
  readonly labels: Int32Array;
  /** The mean loss. */
  readonly loss: number;
}

/** Asks a network at some theta about every image of a data set, in one pass. */
export async function answersAt(
  theta: Float32Array,
  {
    network,
    data,
    loss,
    workers,
    signal,
    onImages,
  }: Asking & {
    readonly network: Network;
    readonly data: ImageSource;
    readonly loss: LossName;
    /** Called with the number of images that are done. */
    readonly onImages?: ((done: number, of: number) => void) | undefined;
  },
): Promise<Answers> {
  tasks.shareNetwork(workers, network);
  workers.share("theta", theta);
  workers.shareImages("data", data);
  const shards = forwardShards(network, data.count).map((shard) => ({ ...shard, loss }));
  const parts = await workers.map<tasks.LossShard, tasks.ShardAnswers>(
    { module: tasks.module, name: "answersShard" },
    shards,
    { signal, onDone: (done) => onImages?.(shards[done - 1].to, data.count) },
  );
  return {
    labels: Int32Array.from(parts.flatMap(({ answers }) => [...answers])),
    loss: parts.reduce((sum, part) => sum + part.loss, 0) / data.count,
  };
}

/** Whether image i was right and is now wrong. */
export const isFlipped = ({ y, before, after }: Predictions, i: number): boolean =>
  before[i] === y[i] && after[i] !== y[i];

/** Counts what changed, over all images and label by label. */
export function changeOf(predictions: Predictions): CleanChange {
  const { y, before, after } = predictions;
  const counted = (ids: readonly number[]) => ({
    count: ids.length,
    before: ids.filter((i) => before[i] === y[i]).length / ids.length,
    after: ids.filter((i) => after[i] === y[i]).length / ids.length,
    negativeFlips: ids.filter((i) => isFlipped(predictions, i)).length,
  });
  const byLabel = new Map<number, number[]>();
  for (const [i, label] of y.entries()) {
    const ids = byLabel.get(label);
    if (ids === undefined) byLabel.set(label, [i]);
    else ids.push(i);
  }
  return {
    ...counted([...y.keys()]),
    labels: [...byLabel]
      .toSorted(([a], [b]) => a - b)
      .map(([label, ids]) => ({ label, ...counted(ids) })),
  };
}
