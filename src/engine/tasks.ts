// The engine's shards: a slice of the training set, its loss or its loss gradient, in a worker or here.
import { type Dataset, imagesOf, toPixelUnits } from "../data/dataset.ts";
import { eachBatch } from "./batches.ts";
import { marginOf, oneHot, sumCrossEntropy } from "./logits.ts";
import { loadNetwork, type Network, type NetworkOptions } from "./network.ts";
import { addThetaGradient, openPrograms, type Programs } from "./programs.ts";
import type { TaskState } from "./task.ts";

/** Images a shard. Its sums are float64 and are added in shard order. */
const SHARD = 1000;

/** A slice [from, to) of the shared data set. */
export interface Shard {
  readonly from: number;
  readonly to: number;
}

/** What travels for a network: its file; each process derives the rest once. */
export interface SharedNetwork {
  readonly file: Uint8Array;
  readonly options: NetworkOptions;
}

export const module: string = import.meta.url;

/** The fixed list of shards of `count` images. */
export function shardsOf(count: number): Shard[] {
  return Array.from({ length: Math.ceil(count / SHARD) }, (_, i) => ({
    from: i * SHARD,
    to: Math.min(count, (i + 1) * SHARD),
  }));
}

/** The shared network ("network") at the shared theta ("theta"), sessions kept until either changes. */
export async function sharedPrograms(
  state: TaskState,
): Promise<{ readonly network: Network; readonly programs: Programs }> {
  const network = await state.derive("network", ["network"], () => {
    const { file, options } = state.get<SharedNetwork>("network");
    return loadNetwork(file, options);
  });
  const programs = await state.derive(
    "programs",
    ["network", "theta"],
    async () => openPrograms(network, state.get<Float32Array>("theta")),
    (old) => old.release(),
  );
  return { network, programs };
}

// Bytes become floats at a quarter of the cost of a small network's pass, so they are kept where they fit.
const KEPT_FLOATS = 2 ** 26;

/** The shared data set, its pixels as float32 where that takes no more than 256 MB. */
function sharedData(state: TaskState): Promise<Dataset> {
  return state.derive("floats", ["data"], async () => {
    const data = state.get<Dataset>("data");
    return data.pixels.length > KEPT_FLOATS ? data : { ...data, pixels: toPixelUnits(data.pixels) };
  });
}

/** Sum of the cross-entropies of a shard, and how many images have f_y above every rival. */
export async function lossShard(
  state: TaskState,
  { from, to }: Shard,
): Promise<{ readonly loss: number; readonly right: number }> {
  const { network, programs } = await sharedPrograms(state);
  const data = await sharedData(state);
  let loss = 0;
  let right = 0;
  await eachBatch(from, to, async (a, b) => {
    const logits = await programs.logits(imagesOf(data, a, b), b - a);
    const y = data.labels.subarray(a, b);
    loss += sumCrossEntropy(logits, network.labels, y);
    for (const [i, label] of y.entries())
      if (marginOf(logits, network.labels, i, label) > 0) right++;
  });
  return { loss, right };
}

/** Sum of the cross-entropies of a shard and its gradient in theta, float64 [p]. */
export async function lossGradientShard(
  state: TaskState,
  { from, to }: Shard,
): Promise<{ readonly loss: number; readonly gradient: Float64Array }> {
  const { network, programs } = await sharedPrograms(state);
  const data = await sharedData(state);
  const gradient = new Float64Array(network.theta0.length);
  let loss = 0;
  await eachBatch(from, to, async (a, b) => {
    const y = data.labels.subarray(a, b);
    const covector = oneHot(y, network.labels);
    const images = imagesOf(data, a, b);
    const { program, outputs } = await programs.gradient("theta-of-loss", images, covector, b - a);
    loss += sumCrossEntropy(outputs.get(program.logits)!.data, network.labels, y);
    addThetaGradient(network, program, outputs, gradient);
  });
  return { loss, gradient };
}
