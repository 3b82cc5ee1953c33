// The engine's tasks on slices of the shared data set: summed losses, their gradients, which labels are answered.
import { gather, type ImageSource, imageSize, imagesOf } from "../data/dataset.ts";
import { withTheta } from "../onnx/theta.ts";
import { eachBatch } from "./batches.ts";
import { answerOf, oneHot } from "./logits.ts";
import { type LossName, lossOf, sumLoss } from "./losses.ts";
import type { Network } from "./network.ts";
import { addThetaGradient, openPrograms, type Programs } from "./programs.ts";
import type { Shard } from "./shards.ts";
import type { TaskState } from "./task.ts";
import type { Workers } from "./workers.ts";

/** A slice of the shared data set. */
export interface LossShard extends Shard {
  readonly loss: LossName;
}

/** What travels for a network: what was read and measured of its files, and not the files. */
type SharedNetwork = Omit<Network, "file" | "externalData">;

export const module: string = import.meta.url;

const NONE = new Float32Array(0);

/** What was made to travel of a network: made once, so that it is known again. */
const travelling = new WeakMap<Network, SharedNetwork>();

/** The network without its files; the weights that may move are in theta0 alone. */
function withoutFiles({ file: _, externalData: __, ...network }: Network): SharedNetwork {
  const { graph, parameters } = network;
  const initializers = new Map(graph.initializers);
  for (const { name } of parameters) {
    initializers.set(name, { ...initializers.get(name)!, values: NONE });
  }
  return { ...network, graph: { ...graph, initializers } };
}

/** Shares a network under the key that `sharedNetwork` reads. */
export function shareNetwork(workers: Workers, network: Network): void {
  const shared = travelling.get(network) ?? withoutFiles(network);
  travelling.set(network, shared);
  workers.share("network", shared);
}

/** The shared network ("network"); its files stay where they are. */
export const sharedNetwork = (state: TaskState): Promise<Network> =>
  state.derive("network", ["network"], async () => {
    const { graph, parameters, theta0, ...rest } = state.get<SharedNetwork>("network");
    const whole = withTheta(graph, parameters, theta0);
    return {
      ...rest,
      graph: whole,
      parameters,
      theta0,
      file: new Uint8Array(0),
      externalData: new Map(),
    };
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

/** The shared data set, its pixels as float32 in memory where that takes no more than 256 MB. */
function sharedData(state: TaskState): Promise<ImageSource> {
  return state.derive("floats", ["data"], async () => {
    const data = state.get<ImageSource>("data");
    const fits = data.count * imageSize(data.shape) <= KEPT_FLOATS;
    return fits ? { ...data, pixels: imagesOf(data) } : data;
  });
}

/** The shared data set in the shared order ("order"), put into it where that takes no more than 256 MB. */
function sortedData(state: TaskState): Promise<Sorted> {
  return state.derive("sorted", ["data", "order"], async () => {
    const { shape, count, labels, pixels } = await sharedData(state);
    const order = state.get<Int32Array>("order");
    const data = { shape, count, labels, pixels };
    const sorted = order.map((id) => labels[id]);
    if (count * imageSize(shape) > KEPT_FLOATS) {
      return { labels: sorted, images: (a, b) => gather(data, order.subarray(a, b)) };
    }
    const inOrder = { ...data, pixels: gather(data, order) };
    return { labels: sorted, images: (a, b) => imagesOf(inOrder, a, b) };
  });
}

/** Images in some order. */
interface Sorted {
  readonly labels: Int32Array;
  /** Images a .. b - 1 in that order. */
  images(a: number, b: number): Float32Array;
}

/** Sum of the losses of a shard. */
export async function lossShard(state: TaskState, shard: LossShard): Promise<number> {
  const data = await sharedData(state);
  return sumLosses(state, { labels: data.labels, images: (a, b) => imagesOf(data, a, b) }, shard);
}

/** Sum of the losses of a shard of the sorted data set. */
export const sortedLossShard = async (state: TaskState, shard: LossShard): Promise<number> =>
  sumLosses(state, await sortedData(state), shard);

async function sumLosses(
  state: TaskState,
  { labels, images }: Sorted,
  shard: LossShard,
): Promise<number> {
  const { from, to } = shard;
  const { network, programs } = await sharedPrograms(state);
  const of = lossOf(shard.loss);
  let loss = 0;
  await eachBatch(network, from, to, async (a, b) => {
    const logits = await programs.logits(images(a, b), b - a);
    loss += sumLoss(of, logits, network.labels, labels.subarray(a, b));
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
