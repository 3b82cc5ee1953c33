// How fast this machine runs a network's passes: a short measurement in this process, on images of noise.
import { imageSize } from "../data/dataset.ts";
import { randomStream } from "../tensor/random.ts";
import { dotMixed } from "../tensor/vector.ts";
import { batchOf } from "./batches.ts";
import { workBehindTheta, workOfPasses } from "./flops.ts";
import { logitSum } from "./loss.ts";
import { crossEntropy } from "./losses/cross-entropy.ts";
import { partsOf } from "./moving-part.ts";
import type { Network } from "./network.ts";
import { openPrograms } from "./programs.ts";

/** What one process of this machine does. */
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

/** Seconds that a call takes: its first time apart, and the mean of those that fit into `budget` seconds after it. */
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
  let [spent, times] = [0, 0];
  do {
    spent += await once();
    times++;
  } while (spent < budget);
  return { first, further: spent / times };
}

/**
 * Measures the passes of a network at its own theta, where the gradient takes no more than its parameters need.
 *
 * @param seconds to measure for, about; a large network takes as long as two runs of each pass
 */
export async function measureRates(network: Network, seconds: number): Promise<Rates> {
  // A correction of a part runs that part alone, but for its first pass and its last.
  const moving = partsOf(network)?.moving ?? network;
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
    const theta = { of: crossEntropy, in: "theta" } as const;
    const gradient = await timed(each, () => part.gradient(theta, entering, covector, n));
    const first = entering.subarray(0, entering.length / n);
    const row = { of: logitSum, in: "theta in factors" } as const;
    const alone = await timed(each, () => part.gradient(row, first, one, 1));
    const [a, b] = [new Float32Array(ROW).fill(1), new Float64Array(ROW).fill(1)];
    const products = await timed(each / 4, () => dotMixed(a, b));
    const backward = gradientWork(moving);
    return {
      forward: (n * workOfPasses(network).forward) / forward.further,
      gradient: (n * backward) / gradient.further,
      alone: alone.further / backward,
      open: Math.max(0, forward.first - forward.further) / Math.max(1, numbersOf(network)),
      products: ROW / products.further,
    };
  } finally {
    await whole.release();
    await part.release();
  }
}
