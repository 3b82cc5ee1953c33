// The engine's tasks on slices of the shared data set: summed losses, their gradients, which labels are answered.
import { type Dataset, imageSize, imagesOf, toPixelUnits } from "../data/dataset.ts";
import { eachBatch } from "./batches.ts";
import { answerOf, oneHot } from "./logits.ts";
import { type LossName, lossOf, sumLoss } from "./losses.ts";
import { loadNetwork, type Network } from "./network.ts";
import { addThetaGradient, openPrograms, type Programs } from "./programs.ts";
import type { TaskState } from "./task.ts";
import type { Workers } from "./workers.ts";

/** Images of a shard. Sums are float64 and added in the order of the shards, so that no split over processes shows. */
const SHARD = 1000;

/** Images of a shard of a sum that may stop early: fewer, so that less is done beyond the stop. */
export const SORTED_SHARD = 500;

/** A slice [from, to) of the shared data set. */
export interface Shard {
  readonly from: number;
  readonly to: number;
}

export interface LossShard extends Shard {
  readonly loss: LossName;
}

/** What travels for a network: its files; each process derives the rest once. */
export type SharedNetwork = Pick<Network, "file" | "externalData" | "options">;

export const module: string = import.meta.url;

/** Shares a network under the key that `sharedNetwork` reads. */
export const shareNetwork = (workers: Workers, { file, externalData, options }: Network): void =>
  workers.share("network", { file, externalData, options } satisfies SharedNetwork);

/** The fixed list of shards of `count` images, or of as many columns. */
export function shardsOf(count: number, size = SHARD): Shard[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, i) => ({
    from: i * size,
    to: Math.min(count, (i + 1) * size),
  }));
}

/** The fixed list of shards of chosen images, by their indices. */
export const idShards = (ids: Int32Array, size = SHARD): Int32Array[] =>
  shardsOf(ids.length, size).map(({ from, to }) => ids.slice(from, to));

/** The shared network ("network"). */
export const sharedNetwork = (state: TaskState): Promise<Network> =>
  state.derive("network", ["network"], () => {
    const { file, options, externalData } = state.get<SharedNetwork>("network");
    return loadNetwork(file, options, externalData);
  });

/** The shared network at the shared theta ("theta"); its sessions are kept until either changes. */
export async function sharedPrograms(
  state: TaskState,
): Promise<{ readonly network: Network; readonly programs: Programs }> {
  const network = await sharedNetwork(state);
  const programs = await state.derive(
    "programs",
    ["network", "theta"],
    async () => openPrograms(network, state.get<Float32Array>("theta")),
    (old) => old.release(),
  );
  return { network, programs };
}

// To turn bytes into floats costs a quarter of a small network's pass, so the floats are kept where they fit.
const KEPT_FLOATS = 2 ** 26;

/** The shared data set, its pixels as float32 where that takes no more than 256 MB. */
function sharedData(state: TaskState): Promise<Dataset> {
  return state.derive("floats", ["data"], async () => {
    const data = state.get<Dataset>("data");
    return data.pixels.length > KEPT_FLOATS ? data : { ...data, pixels: toPixelUnits(data.pixels) };
  });
}

/** The shared data set in the shared order ("order"). */
function sortedData(state: TaskState): Promise<Dataset> {
  return state.derive("sorted", ["data", "order"], async () => {
    const data = await sharedData(state);
    const order = state.get<Int32Array>("order");
    const size = imageSize(data.shape);
    const pixels = data.pixels.slice();
    for (const [i, id] of order.entries()) {
      pixels.set(data.pixels.subarray(id * size, (id + 1) * size), i * size);
    }
    return { ...data, pixels, labels: order.map((id) => data.labels[id]) };
  });
}

/** Sum of the losses of a shard. */
export const lossShard = async (state: TaskState, shard: LossShard): Promise<number> =>
  sumLosses(state, await sharedData(state), shard);

/** Sum of the losses of a shard of the sorted data set. */
export const sortedLossShard = async (state: TaskState, shard: LossShard): Promise<number> =>
  sumLosses(state, await sortedData(state), shard);

async function sumLosses(state: TaskState, data: Dataset, shard: LossShard): Promise<number> {
  const { from, to } = shard;
  const { network, programs } = await sharedPrograms(state);
  const of = lossOf(shard.loss);
  let loss = 0;
  await eachBatch(network, from, to, async (a, b) => {
    const logits = await programs.logits(imagesOf(data, a, b), b - a);
    loss += sumLoss(of, logits, network.labels, data.labels.subarray(a, b));
  });
  return loss;
}

/** Fills `values` with a number for each image of a shard, made of its row of the logits and of its label. */
async function eachImage<A extends Int32Array | Float64Array>(
  state: TaskState,
  { from, to }: Shard,
  values: A,
  numberOf: (logits: Float32Array, labels: number, row: number, y: number) => number,
): Promise<A> {
  const { network, programs } = await sharedPrograms(state);
  const data = await sharedData(state);
  await eachBatch(network, from, to, async (a, b) => {
    const logits = await programs.logits(imagesOf(data, a, b), b - a);
    for (let i = a; i < b; i++) {
      values[i - from] = numberOf(logits, network.labels, i - a, data.labels[i]);
    }
  });
  return values;
}

/**
 * The label that is answered to each image of a shard: its own only where f_y is above every rival, so that a tie
 * is wrong here as everywhere; -1 where no logit is a number.
 */
export const answersShard = (state: TaskState, shard: Shard): Promise<Int32Array> =>
  eachImage(state, shard, new Int32Array(shard.to - shard.from), answerOf);

/** The loss of each image of a shard. */
export const imageLossesShard = (state: TaskState, shard: LossShard): Promise<Float64Array> =>
  eachImage(state, shard, new Float64Array(shard.to - shard.from), lossOf(shard.loss).value);

/** Sum of the losses of a shard and its gradient in theta, float64 [p]. */
export async function lossGradientShard(
  state: TaskState,
  { from, to, loss: name }: LossShard,
): Promise<{ readonly loss: number; readonly gradient: Float64Array }> {
  const { network, programs } = await sharedPrograms(state);
  const data = await sharedData(state);
  const of = lossOf(name);
  const gradient = new Float64Array(network.theta0.length);
  let loss = 0;
  await eachBatch(network, from, to, async (a, b) => {
    const y = data.labels.subarray(a, b);
    const covector = oneHot(y, network.labels);
    const derivative = { of, in: "theta" } as const;
    const images = imagesOf(data, a, b);
    const { program, outputs } = await programs.gradient(derivative, images, covector, b - a);
    loss += sumLoss(of, outputs.get(program.logits)!.data, network.labels, y);
    addThetaGradient(network, program, outputs, gradient);
  });
  return { loss, gradient };
}
