// Stratified samples: two of each stratum, which tells the spread within a stratum as well.
import { randomStream } from "../tensor/random.ts";
import { addScaled, meanOf } from "../tensor/vector.ts";

/** Images of each stratum in a sample. */
const DRAWN = 2;

/** How many strata a sample of n images is drawn from. */
export const strataOf = (n: number): number => Math.max(1, Math.floor(n / DRAWN));

/** A sample: images of one stratum stand together. */
export interface StratifiedSample {
  readonly ids: Int32Array;
  /** The share of D that each stratum is. */
  readonly shares: Float64Array;
}

/** The indices of values, the largest first; of equal ones the first. */
export const largestFirst = (values: Float64Array): Int32Array =>
  Int32Array.from(values.keys()).sort((i, j) => values[j] - values[i] || i - j);

/** Where each of so many strata of n images begins, and n: equal numbers in each. */
export const byNumber = (n: number, strata: number): Int32Array =>
  Int32Array.from({ length: strata + 1 }, (_, h) => Math.floor((h * n) / strata));

/**
 * The same with equal sums in each of the losses and their mean, an image at least.
 *
 * @param losses of the images in their order, largest first
 */
export function byLoss(losses: Float64Array, strata: number): Int32Array {
  const mean = meanOf(losses);
  const each = (2 * mean * losses.length) / strata;
  const begins: number[] = [];
  let sum = 0;
  for (const [i, loss] of losses.entries()) {
    if (sum >= begins.length * each) begins.push(i);
    sum += loss + mean;
  }
  return Int32Array.from([...begins, losses.length]);
}

/**
 * Draws two images of each stratum; the one of a stratum of one is drawn twice.
 *
 * @param order all images, those of a stratum together
 * @param begins where each stratum begins in it, and its length
 */
export function stratifiedSample(
  order: Int32Array,
  begins: Int32Array,
  { seed, path }: { readonly seed: number; readonly path: readonly number[] },
): StratifiedSample {
  const strata = begins.length - 1;
  const random = randomStream(seed, ...path);
  const ids = new Int32Array(strata * DRAWN);
  const shares = new Float64Array(strata);
  for (let h = 0; h < strata; h++) {
    const from = begins[h];
    const size = begins[h + 1] - from;
    const first = size === 1 ? 0 : random.below(size);
    const second = size === 1 ? 0 : (first + 1 + random.below(size - 1)) % size;
    ids.set([order[from + first], order[from + second]], h * DRAWN);
    shares[h] = size / order.length;
  }
  return { ids, shares };
}

/** Of some values of a sample, and where it is known their mean over D. */
export interface SampledValues {
  /** In the sample's order. */
  readonly values: Float64Array;
  readonly mean: number;
}

/**
 * The mean over D of what a sample has values of, and its standard error.
 *
 * The values may follow others, image by image, whose means over D are known: control variates. Then only what no
 * combination of those explains is left to the sample, the combination of the least spread: least squares over the
 * differences within strata, as the spread is of those alone.
 *
 * @param values of the sample's images
 * @param known values of the same images; no more than a tenth of the strata are used, so that the spread that is left
 *   is hardly one that was fitted away
 */
export function stratifiedMean(
  values: Float64Array,
  { shares }: Pick<StratifiedSample, "shares">,
  { total, known = [] }: { readonly total: number; readonly known?: readonly SampledValues[] },
): { readonly mean: number; readonly error: number } {
  // s^2 = (a - b)^2 / 2 of two draws; their mean has s^2 / 2, less where the stratum has few others.
  const weights = shares.map(
    (share) => (share * share * Math.max(0, 1 - DRAWN / (share * total))) / 4,
  );
  const basis: SampledValues[] = [];
  for (const next of known.slice(0, Math.floor(shares.length / PER_VARIATE))) {
    const left = without(next, basis, weights);
    const spread = variance(next.values, weights);
    if (variance(left.values, weights) > SAME * spread) basis.push(left);
  }
  const left = without({ values, mean: 0 }, basis, weights);
  let mean = -left.mean;
  for (const [h, share] of shares.entries()) {
    mean += (share * (left.values[DRAWN * h] + left.values[DRAWN * h + 1])) / 2;
  }
  const freedom = shares.length / (shares.length - basis.length);
  return { mean, error: Math.sqrt(freedom * variance(left.values, weights)) };
}

/** Strata for each of the control variates. */
const PER_VARIATE = 10;

/** A variate that others explain but for this share of its variance is one of them. */
const SAME = 1e-10;

/** u less what the basis, whose differences are orthogonal to each other, explains of it. */
function without(
  u: SampledValues,
  basis: readonly SampledValues[],
  weights: Float64Array,
): SampledValues {
  const values = u.values.slice();
  let { mean } = u;
  for (const one of basis) {
    const factor = product(values, one.values, weights) / variance(one.values, weights);
    addScaled(values, -factor, one.values);
    mean -= factor * one.mean;
  }
  return { values, mean };
}

const variance = (u: Float64Array, weights: Float64Array): number => product(u, u, weights);

/** The sum over strata of the products of differences, weighted: for u = v the variance of the mean. */
function product(u: Float64Array, v: Float64Array, weights: Float64Array): number {
  let sum = 0;
  for (const [h, weight] of weights.entries()) {
    sum += weight * (u[DRAWN * h] - u[DRAWN * h + 1]) * (v[DRAWN * h] - v[DRAWN * h + 1]);
  }
  return sum;
}
