// What is asked of a model before attacks on it are believed: whether it answers alike twice, and has a gradient.
import { gather, type ImageSource } from "../data/dataset.ts";
import { batchOf, inputGradientOfAll } from "../engine/batches.ts";
import { workOfPasses } from "../engine/flops.ts";
import { marginOf, oneHot } from "../engine/logits.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";
import type { Network } from "../engine/network.ts";
import { forwardSize, idShards } from "../engine/shards.ts";
import type { TaskState } from "../engine/task.ts";
import { sharedPrograms } from "../engine/tasks.ts";
import type { Workers } from "../engine/workers.ts";
import { randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";

export const module: string = import.meta.url;

/** Counts over the images asked. */
export interface Probe {
  readonly asked: number;
  /** Images whose logits were others at a second pass. */
  readonly changed: number;
  /** Images that were asked alone too, and of these the ones whose logits are others among the rest. */
  readonly alone: number;
  readonly mixed: number;
  /** Images that are right, and of these the ones whose gradient in the image is 0 at every pixel. */
  readonly right: number;
  readonly vanished: number;
  /** Images whose label shares the largest logit with another. */
  readonly tied: number;
  /** How often each label was answered, [labels]. */
  readonly answered: Float64Array;
}

export interface ProbeShard {
  readonly ids: Int32Array;
  /** Whether gradients are asked for; without, `vanished` is 0. */
  readonly gradients: boolean;
}

export interface ProbeCall extends Pick<ProbeShard, "gradients"> {
  /** The network that the workers share. */
  readonly network: Network;
  /** How many images the shared data set has. */
  readonly count: number;
  /** How many images are asked. */
  readonly images: ProbeSize;
}

/** How many images are asked: as many as `work` operations of forward passes allow, within two bounds. */
export interface ProbeSize {
  readonly least: number;
  readonly most: number;
  readonly work: number;
}

const imagesIn = (network: Network, { least, most, work }: ProbeSize): number =>
  Math.max(least, Math.min(most, Math.floor(work / workOfPasses(network).forward)));

const SHARD = 250;

/** Images of a batch that are asked alone as well. */
const ALONE = 4;

/** Logits that differ by more than this share of the largest differ by more than another order of sums can make. */
const ANOTHER = 1e-3;

/** Asks some of the shared data set's images, in a seeded order. */
export async function probe(
  workers: Workers,
  { network, count, gradients, images }: ProbeCall,
  signal: AbortSignal | undefined,
): Promise<Probe> {
  const ids = randomStream(0, STREAMS.attack.probe)
    .permutation(count)
    .subarray(0, imagesIn(network, images));
  // The few images of a large network are a batch for each process in turn.
  const size = forwardSize(network, SHARD) < SHARD ? batchOf(network) : SHARD;
  const shards = idShards(ids, size).map((chosen) => ({
    ids: chosen,
    gradients,
  }));
  const parts = await workers.map<ProbeShard, Probe>({ module, name: "probeShard" }, shards, {
    signal,
  });
  const sum = (of: Exclude<keyof Probe, "answered">): number =>
    parts.reduce((a, c) => a + c[of], 0);
  return {
    asked: sum("asked"),
    changed: sum("changed"),
    alone: sum("alone"),
    mixed: sum("mixed"),
    right: sum("right"),
    vanished: sum("vanished"),
    tied: sum("tied"),
    answered: parts[0].answered.map((_, l) => parts.reduce((a, c) => a + c.answered[l], 0)),
  };
}

/** Asks the images of one shard. */
export async function probeShard(state: TaskState, shard: ProbeShard): Promise<Probe> {
  const { network, programs } = await sharedPrograms(state);
  const data = state.get<ImageSource>("data");
  const { labels } = network;
  const answered = new Float64Array(labels);
  let [changed, alone, mixed, right, vanished, tied] = [0, 0, 0, 0, 0, 0];
  const batch = batchOf(network);
  for (let from = 0; from < shard.ids.length; from += batch) {
    const ids = shard.ids.subarray(from, from + batch);
    const [n, x, y] = [ids.length, gather(data, ids), ids.map((id) => data.labels[id])];
    const [first, second] = [await programs.logits(x, n), await programs.logits(x, n)];
    const call = { of: crossEntropy, x, covector: oneHot(y, labels), n };
    const gradient = shard.gradients
      ? await inputGradientOfAll(network, programs, call)
      : undefined;
    const size = x.length / n;
    for (let i = 0; i < Math.min(ALONE, n); i++) {
      const single = await programs.logits(x.slice(i * size, (i + 1) * size), 1);
      alone++;
      const largest = single.reduce((a, f) => Math.max(a, Math.abs(f)), 0);
      const apart = single.some((f, l) => Math.abs(f - first[i * labels + l]) > ANOTHER * largest);
      if (apart) mixed++;
    }
    for (let i = 0; i < n; i++) {
      const row = first.subarray(i * labels, (i + 1) * labels);
      answered[row.indexOf(row.reduce((a, f) => Math.max(a, f), -Infinity))]++;
      if (row.some((f, l) => f !== second[i * labels + l])) changed++;
      const margin = marginOf(first, labels, i, y[i]);
      if (margin === 0) tied++;
      if (!(margin > 0)) continue;
      right++;
      if (gradient?.subarray(i * size, (i + 1) * size).every((g) => g === 0)) vanished++;
    }
  }
  return { asked: shard.ids.length, changed, alone, mixed, right, vanished, tied, answered };
}
