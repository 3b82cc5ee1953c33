// A linear softmax classifier asked about fresh points: logits linear in theta, so that every cut is exact.
import type { SampledLoss, Separated, SeparationOracle } from "../../src/correct/separation.ts";
import { type Random, randomStream } from "../../src/tensor/random.ts";
import { analyticOracle, type Formula, linear } from "./analytic-oracle.ts";

export interface LinearPoints {
  /** By point, its features. */
  readonly x: readonly (readonly number[])[];
  readonly y: readonly number[];
}

/** f_l(x; theta) = theta_l . x, theta row by row. */
export const logitsOf = (x: readonly number[], labels: number): Formula[] =>
  Array.from({ length: labels }, (_, l) =>
    linear(Array.from({ length: labels }, (_, row) => x.map((v) => (row === l ? v : 0))).flat()),
  );

/** Mean cross-entropy and its gradient. */
export const crossEntropy =
  ({ x, y }: LinearPoints, labels: number): Formula =>
  (theta) => {
    const gradient = new Array<number>(theta.length).fill(0);
    let value = 0;
    for (const [i, features] of x.entries()) {
      const f = logitsOf(features, labels).map((logit) => logit(theta).value);
      const total = f.reduce((sum, v) => sum + Math.exp(v), 0);
      value += (Math.log(total) - f[y[i]]) / x.length;
      for (const [l, v] of f.entries()) {
        const share = Math.exp(v) / total - (l === y[i] ? 1 : 0);
        for (const [j, feature] of features.entries())
          gradient[l * features.length + j] += (share * feature) / x.length;
      }
    }
    return { value, gradient };
  };

/** The points with their logits at theta, and an empty set of cuts over them. */
export function askedOf(
  theta: Float32Array,
  { x, y }: LinearPoints,
  { labels, own = 0 }: { readonly labels: number; readonly own?: number },
): Separated {
  const logits = x.map((features) => logitsOf(features, labels));
  const network = { theta0: [...theta], logits, y, loss: linear([]) };
  return {
    own,
    y: Int32Array.from(y),
    logits: Float64Array.from(logits.flat(), (f) => f(theta).value),
    cuts: analyticOracle(network).cutSet(),
  };
}

const normals = (random: Random, n: number): number[] => Array.from({ length: n }, random.normal);

/** Points that a random theta*, the same for one seed, tells apart. */
export function taughtPoints(
  seed: number,
  stream: number,
  { count = 30, features = 5, labels = 3 } = {},
): LinearPoints {
  const teacher = normals(randomStream(seed), features * labels);
  const random = randomStream(seed, stream);
  const x = Array.from({ length: count }, () => normals(random, features));
  const y = x.map((point) => {
    const f = logitsOf(point, labels).map((logit) => logit(teacher).value);
    return f.indexOf(Math.max(...f));
  });
  return { x, y };
}

export interface SoftmaxSeparation extends SeparationOracle {
  /** Every theta that was judged, in order. */
  readonly judged: Float32Array[];
}

/** Fresh points in every iteration, the loss on ten points at a time, others to judge. */
export function softmaxSeparation(
  seed: number,
  { labels = 3, features = 5 } = {},
): SoftmaxSeparation {
  const theta0 = Float32Array.from(normals(randomStream(seed, 1), features * labels));
  const sampleOf = (k: number): Formula =>
    crossEntropy(taughtPoints(seed, 1000 + k, { count: 10 }), labels);
  const whole = crossEntropy(taughtPoints(seed, 3, { count: 100 }), labels);
  const judges = taughtPoints(seed, 2, { count: 60 });
  const judged: Float32Array[] = [];
  return {
    theta0,
    judged,
    separate: async (theta, k) => askedOf(theta, taughtPoints(seed, 100 + k), { labels }),
    sampledLoss: async (theta, k): Promise<SampledLoss> => {
      const { value, gradient } = sampleOf(k)(theta);
      const atStart = sampleOf(k)(theta0).value;
      return { loss: value, gradient: Float64Array.from(gradient), atStart };
    },
    judge: async (theta) => {
      judged.push(theta);
      return askedOf(theta, judges, { labels });
    },
    loss: async (theta) => whole(theta).value,
  };
}
