// How fast this machine runs a network's passes: a short measurement on images of noise, in all processes at once.
import { imageSize } from "../data/dataset.ts";
import { randomStream } from "../tensor/random.ts";
import { dotMixed } from "../tensor/vector.ts";
import { batchOf } from "./batches.ts";
import { workBehindTheta, workOfPasses } from "./flops.ts";
import { logitSum } from "./loss.ts";
import { crossEntropy } from "./losses/cross-entropy.ts";
import { cutAtTheta } from "./moving-part.ts";
import type { Network } from "./network.ts";
import { openPrograms } from "./programs.ts";
import type { TaskState } from "./task.ts";
import { sharedNetwork, shareNetwork } from "./tasks.ts";
import type { Workers } from "./workers.ts";

/** What one process does while all of them work. */
export interface Rates {
  /** Floating-point operations a second of the forward pass, as flops.ts counts them. */
  readonly forward: number;
  /** The same of the gradient in theta. */
  readonly gradient: number;
  /** Seconds that one image's gradient takes alone, as a cut needs it, for each operation of it. */
  readonly alone: number;
  /** Seconds until a session of the forward pass is there, for each number of its constants. */
  readonly open: number;
  /** Numbers a second of products of rows. */
  readonly products: number;
}

const module: string = import.meta.url;

/** Numbers in a row whose product is measured. */
const ROW = 2 ** 16;

/** Operations of the gradient in theta for an image: the whole graph forward, and back as far as theta. */
export function gradientWork(network: Network): number {
  const { forward, thetaGradient } = workBehindTheta(network);
  return workOfPasses(network).forward + thetaGradient - forward;
}

/** Numbers of a graph's constants. */
export const numbersOf = ({ graph }: Network): number =>
  [...graph.initializers.values()].reduce((sum, { values }) => sum + values.length, 0);

const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

/** So many calls are looked at, where they do not take so many times as long as they may. */
const LEAST = 3;
const LONG = 4;

/** Seconds that a call takes: its first time apart, and the median of those that fit into `budget` seconds after it. */
async function timed(
  budget: number,
  call: () => unknown,
): Promise<{ readonly first: number; readonly further: number }> {
  const once = async (): Promise<number> => {
    const from = performance.now();
    await call();
    return (performance.now() - from) / 1000;
  };
  const first = await once();
  const further: number[] = [];
  for (let spent = 0; spent < budget || further.length < LEAST; ) {
    further.push(await once());
    spent += further.at(-1)!;
    if (spent > LONG * budget) break;
  }
  return { first, further: medianOf(further) };
}

/**
 * Measures the passes of a network at its own theta, in all workers at once: processes share caches, memory, and often
 * the very cores that the system counts.
 *
 * @param seconds to measure for, about; a large network takes as long as two runs of each pass
 */
export async function measureRates(
  workers: Workers,
  network: Network,
  seconds: number,
): Promise<Rates> {
  shareNetwork(workers, network);
  // Tasks that measure this machine run on it.
  const each = Array.from({ length: workers.apart ? 1 : workers.size }, () => seconds);
  // They begin together: the network is there in all of them before.
  await workers.map({ module, name: "networkShard" }, each);
  const measured = await workers.map<number, Rates>({ module, name: "ratesShard" }, each);
  const mean = (of: keyof Rates): number =>
    measured.reduce((sum, rates) => sum + rates[of], 0) / measured.length;
  const [forward, gradient, alone] = [mean("forward"), mean("gradient"), mean("alone")];
  return { forward, gradient, alone, open: mean("open"), products: mean("products") };
}

/** Reads the shared network, and nothing else. */
export async function networkShard(state: TaskState): Promise<void> {
  await sharedNetwork(state);
}

/** Measures the shared network in this process. */
export async function ratesShard(state: TaskState, seconds: number): Promise<Rates> {
  const network = await sharedNetwork(state);
  // A correction of a part runs that part alone, but for its first pass and its last.
  const moving = cutAtTheta(network)?.moving ?? network;
  const n = batchOf(network);
  const random = randomStream(0);
  const noise = ({ inputShape }: Network): Float32Array =>
    Float32Array.from({ length: n * imageSize(inputShape) }, () => random.uniform());
  const x = noise(network);
  const entering = moving === network ? x : noise(moving);
  const one = new Float32Array(network.labels).fill(0);
  one.set([1, -1]);
  const covector = Float32Array.from({ length: n * network.labels }, (_, i) =>
    i % network.labels === 0 ? 1 : 0,
  );
  const whole = openPrograms(network, network.theta0);
  const part = openPrograms(moving, network.theta0);
  const each = seconds / 4;
  try {
    const forward = await timed(each, () => whole.logits(x, n));
    await whole.release();
    const { first: reopened } = await timed(0, () => whole.logits(x, n));
    const theta = { of: crossEntropy, in: "theta" } as const;
    const gradient = await timed(each, () => part.gradient(theta, entering, covector, n));
    const first = entering.subarray(0, entering.length / n);
    const row = { of: logitSum, in: "theta in factors" } as const;
    const alone = await timed(each, () => part.gradient(row, first, one, 1));
    const [a, b] = [new Float32Array(ROW).fill(1), new Float64Array(ROW).fill(1)];
    const products = await timed(each / 4, () => dotMixed(a, b));
    const backward = gradientWork(moving);
    const numbers = Math.max(1, numbersOf(network));
    return {
      forward: (n * workOfPasses(network).forward) / forward.further,
      gradient: (n * backward) / gradient.further,
      alone: alone.further / backward,
      open: Math.max(0, Math.min(forward.first, reopened) - forward.further) / numbers,
      products: ROW / products.further,
    };
  } finally {
    await whole.release();
    await part.release();
  }
}
