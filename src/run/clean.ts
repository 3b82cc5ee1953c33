// What a correction costs on clean images: the answers before and after, and what was right and is now wrong.
import type { Dataset } from "../data/dataset.ts";
import type { Network } from "../engine/network.ts";
import { forwardShards, type Shard } from "../engine/shards.ts";
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

/** The labels that a network answers to each image of a data set at some theta, [n]. */
export async function answersAt(
  theta: Float32Array,
  {
    network,
    data,
    workers,
    signal,
  }: Asking & { readonly network: Network; readonly data: Dataset },
): Promise<Int32Array> {
  tasks.shareNetwork(workers, network);
  workers.share("theta", theta);
  workers.shareImages("data", data);
  const parts = await workers.map<Shard, Int32Array>(
    { module: tasks.module, name: "answersShard" },
    forwardShards(network, data.count),
    { signal },
  );
  return Int32Array.from(parts.flatMap((part) => [...part]));
}

/** Asks the model and the corrected one about every image of some data sets. */
export async function predict(
  sets: readonly Dataset[],
  { before, after, ...by }: Asking & { readonly before: Network; readonly after: Network },
): Promise<ReadonlyMap<Dataset, Predictions>> {
  const answersOf = async (network: Network, inOrder: readonly Dataset[]) => {
    const answers = new Map<Dataset, Int32Array>();
    for (const data of inOrder) {
      answers.set(data, await answersAt(network.theta0, { ...by, network, data }));
    }
    return answers;
  };
  const first = await answersOf(before, sets);
  // Backwards: each network is read once, and the set that was asked about last need not be sent again.
  const second = await answersOf(after, sets.toReversed());
  return new Map(
    sets.map((data) => [
      data,
      { y: data.labels, before: first.get(data)!, after: second.get(data)! },
    ]),
  );
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
