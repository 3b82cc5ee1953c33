// The engine's tasks on slices of the shared data set: summed losses, their gradients, which labels are answered.
import { gather, type ImageSource, imagesOf } from "../data/dataset.ts";
import { withTheta } from "../onnx/theta.ts";
import { BATCH, batchOf, eachBatch } from "./batches.ts";
import { keepsFloats } from "./kept.ts";
import { answerOf, oneHot } from "./logits.ts";
import { type LossName, lossOf, sumLoss } from "./losses.ts";
import type { Network } from "./network.ts";
import {
  addThetaGradient,
  type MovingPrograms,
  openMovingPrograms,
  openPrograms,
  type Programs,
} from "./programs.ts";
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

/** The key of the network that is corrected; what is made of it and has its theta is shared beside it. */
export const NETWORK = "network";

/** Shares a network under a key that `sharedNetwork` reads. */
export function shareNetwork(workers: Workers, network: Network, key = NETWORK): void {
  const shared = travelling.get(network) ?? withoutFiles(network);
  travelling.set(network, shared);
  workers.share(key, shared);
}

/** The same at theta0, which the network has with it: a large one is sent once. */
export function shareAtTheta0(workers: Workers, network: Network): void {
  shareNetwork(workers, network);
  workers.share("theta", null);
}

/** The shared theta ("theta"), or theta0 of the network where none is given. */
export const sharedTheta = (state: TaskState, network: Network): Float32Array =>
  state.get<Float32Array | null>("theta") ?? network.theta0;

/** The network shared under a key; its files stay where they are. */
export const sharedNetwork = (state: TaskState, key = NETWORK): Promise<Network> =>
  state.derive(key, [key], async () => {
    const { graph, parameters, theta0, ...rest } = state.get<SharedNetwork>(key);
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

/** A shared network at the shared theta ("theta"); its sessions are kept until either changes. */
export async function sharedPrograms(
  state: TaskState,
  key = NETWORK,
): Promise<{ readonly network: Network; readonly programs: Programs }> {
  const network = await sharedNetwork(state, key);
  const programs = await state.derive(
    `programs of ${key}`,
    [key, "theta"],
    async () => openPrograms(network, sharedTheta(state, network)),
    (old) => old.release(),
  );
  return { network, programs };
}

/**
 * Whether theta is baked into graphs that a few passes are made of. Baked weights run up to twice as fast, but each new
 * theta then costs sessions of 2 to 200 ms. They win where a pass takes long, which a small batch tells, as that of
 * ResNet8 does.
 */
const bakes = (network: Network): boolean => batchOf(network) < BATCH;

/** The same as `sharedPrograms` where every few passes theta is another. */
export const passingPrograms = async (
  state: TaskState,
  key = NETWORK,
): Promise<{ readonly network: Network; readonly programs: Programs }> =>
  bakes(await sharedNetwork(state, key)) ? sharedPrograms(state, key) : movingPrograms(state, key);

/**
 * The same where the sessions stay and theta is an input of every run. After so few images that no session of theta
 * pays, whatever the network: of ResNet8's gradient it takes as long as 50 images, of which each is then 0.8 ms
 * quicker (2.8 of 3.6), so it pays from some 180 images a process on.
 */
export async function movingPrograms(
  state: TaskState,
  key = NETWORK,
): Promise<{ readonly network: Network; readonly programs: Programs }> {
  const network = await sharedNetwork(state, key);
  const programs = await state.derive<MovingPrograms>(
    `moving programs of ${key}`,
    [key],
    async () => openMovingPrograms(network),
    (old) => old.release(),
  );
  programs.move(sharedTheta(state, network));
  return { network, programs };
}

/** Whether the shared data set is kept as float32, for the shared network. */
const keepsShared = (state: TaskState): Promise<boolean> =>
  state.derive("keeps floats", [NETWORK, "data"], async () =>
    keepsFloats(await sharedNetwork(state), state.get<ImageSource>("data").count),
  );

/** The shared data set, its pixels as float32 in memory where the network is worth it. */
async function sharedData(state: TaskState): Promise<ImageSource> {
  const data = state.get<ImageSource>("data");
  if (!(await keepsShared(state))) return data;
  return state.derive("floats", ["data"], async () => ({ ...data, pixels: imagesOf(data) }));
}

/** The shared data set in the shared order ("order"), put into it where the network is worth it. */
function sortedData(state: TaskState): Promise<Sorted> {
  return state.derive("sorted", [NETWORK, "data", "order"], async () => {
    const { shape, count, labels, pixels } = await sharedData(state);
    const order = state.get<Int32Array>("order");
    const data = { shape, count, labels, pixels };
    const sorted = order.map((id) => labels[id]);
    if (!(await keepsShared(state))) {
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

/** Calls `visit` with the logits of images a .. b - 1, batch after batch of a shard. */
async function eachLogits(
  state: TaskState,
  images: Sorted["images"],
  { from, to }: Shard,
  visit: (logits: Float32Array, labels: number, a: number, b: number) => void,
): Promise<void> {
  const { network, programs } = await sharedPrograms(state);
  await eachBatch(network, from, to, async (a, b) => {
    visit(await programs.logits(images(a, b), b - a), network.labels, a, b);
  });
}

/** A slice of the shared data set in the shared order. */
export interface SortedShard extends LossShard {
  /** Whether the loss of each image is wanted as well. */
  readonly each?: boolean;
}

/** The summed loss, and where it is wanted the loss of each image. */
export interface SortedLosses {
  readonly loss: number;
  readonly losses?: Float64Array;
}

/** Losses of a shard of the sorted data set. */
export async function sortedLossShard(
  state: TaskState,
  { each = false, ...shard }: SortedShard,
): Promise<SortedLosses> {
  const { labels: y, images } = await sortedData(state);
  const of = lossOf(shard.loss);
  const losses = new Float64Array(each ? shard.to - shard.from : 0);
  let loss = 0;
  await eachLogits(state, images, shard, (logits, labels, a, b) => {
    const part = y.subarray(a, b);
    loss += sumLoss(of, logits, labels, part);
    if (!each) return;
    for (const [i, label] of part.entries()) {
      losses[a - shard.from + i] = of.value(logits, labels, i, label);
    }
  });
  return { loss, ...(each && { losses }) };
}

/** The answers to the images of a shard. */
export interface ShardAnswers {
  /**
   * The label that is answered to each image: its own only where f_y is above every rival, so that a tie is wrong here
   * as everywhere; -1 where no logit is a number.
   */
  readonly answers: Int32Array;
  /** Sum of the losses. */
  readonly loss: number;
}

/** What is answered to the images of a shard. */
export async function answersShard(state: TaskState, shard: LossShard): Promise<ShardAnswers> {
  const data = await sharedData(state);
  const of = lossOf(shard.loss);
  const answers = new Int32Array(shard.to - shard.from);
  let loss = 0;
  const images = (a: number, b: number): Float32Array => imagesOf(data, a, b);
  await eachLogits(state, images, shard, (logits, labels, a, b) => {
    const y = data.labels.subarray(a, b);
    loss += sumLoss(of, logits, labels, y);
    for (const [row, label] of y.entries()) {
      answers[a + row - shard.from] = answerOf(logits, labels, row, label);
    }
  });
  return { answers, loss };
}

/** Sum of the losses of a shard. */
export const lossShard = async (state: TaskState, shard: LossShard): Promise<number> =>
  (await answersShard(state, shard)).loss;

/** The loss of each image of a shard. */
export async function imageLossesShard(state: TaskState, shard: LossShard): Promise<Float64Array> {
  const data = await sharedData(state);
  const { value } = lossOf(shard.loss);
  const losses = new Float64Array(shard.to - shard.from);
  const images = (a: number, b: number): Float32Array => imagesOf(data, a, b);
  await eachLogits(state, images, shard, (logits, labels, a, b) => {
    for (let i = a; i < b; i++) {
      losses[i - shard.from] = value(logits, labels, i - a, data.labels[i]);
    }
  });
  return losses;
}

/** A loss, summed or as a mean, and its gradient in theta, float64 [p]. */
export interface LossGradient {
  readonly loss: number;
  readonly gradient: Float64Array;
}

/** Sum of the losses of a shard and its gradient in theta. */
export async function lossGradientShard(
  state: TaskState,
  { from, to, loss: name }: LossShard,
): Promise<LossGradient> {
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
