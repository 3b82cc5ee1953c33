// The loss on a sample of D: how large it is at an anchor, and what it can tell of a candidate.
//
// The paper remarks that gradients and losses may be taken on a part of the training data. Here a sample is asked what
// changed since theta0, whose loss over all of D is known: images that neither theta gets wrong say nothing, and their
// spread is none of the estimate's. In the last iterations the sample is all of D.

/** L(theta; D) as a sample tells it. */
export interface SampledLoss {
  /** L(theta0; D) and the mean change from theta0 to theta over the sample. */
  readonly loss: number;
  /** The standard error of that mean; 0 where the sample is all of D. */
  readonly error: number;
  /** Images of the sample. */
  readonly images: number;
}

/** What a record says of a loss that was not evaluated over all of D. */
export interface LossEstimate {
  /** The estimate. */
  readonly loss: number;
  /** Images of D that it was measured on. */
  readonly images: number;
  /** Where it decides: the loss is no less, at the confidence of the run. */
  readonly low?: number;
  /** Where it decides: the loss is no more, at that confidence. */
  readonly high?: number;
}

/** What an oracle answers where the loss may be sampled. */
export interface SampledOracle {
  /** Images of D. */
  readonly total: number;
  /** Samples are set beside the losses over all of D of so many theta: the latest that were evaluated to the end. */
  readonly keeps: number;
  /** The loss on a sample of n images, drawn for this anchor, and its gradient [p]. */
  lossGradient(
    theta: Float32Array,
    n: number,
    anchor: number,
  ): Promise<Omit<SampledLoss, "error"> & { readonly gradient: Float64Array }>;
  /** The loss on a sample of n images, the same for every theta. */
  loss(theta: Float32Array, n: number): Promise<SampledLoss>;
}

/** The confidence that no candidate was left out of the front by its estimate, of all of them together. */
export const CONFIDENCE = 0.999;

/**
 * The first sample of `auto`: this share of D, and at least so many images. A gradient of fewer leads elsewhere (of 125
 * images of 1,000, CNNLight, to nearly twice the loss); that a candidate is dominated is told at the same confidence
 * by fewer, or left to a second look.
 */
const SHARE = 1 / 32;
const LEAST_OF_GRADIENT = 1000;
const LEAST_OF_LOSS = 250;

const firstOf = (n: number | "auto", total: number, least: number): number =>
  Math.min(total, n === "auto" ? Math.max(least, Math.ceil(total * SHARE)) : n);

/** The images of the first sample that a candidate is looked at on. */
export const screenSize = (n: number | "auto", total: number): number =>
  firstOf(n, total, LEAST_OF_LOSS);

/** The share of D that samples grow to: more costs passes, and brings little (docs/size.md has it measured). */
const REACHED = 1 / 4;

/** The share of the iterations, the last ones, whose sample is all of D; two at least. */
const EXACT = 1 / 10;

/**
 * The images of the sample at each anchor 0, 1, ...: it grows by the same factor from one to the next, from n images to
 * a quarter of D. The last iterations have all of D.
 *
 * @param n of the first anchor
 */
export function sampleSize(
  n: number | "auto",
  { total, iterations }: { readonly total: number; readonly iterations: number },
): (anchor: number) => number {
  const first = firstOf(n, total, LEAST_OF_GRADIENT);
  const exact = Math.max(0, iterations - Math.max(2, Math.ceil(iterations * EXACT)));
  const growth = Math.max(1, (REACHED * total) / first);
  return (anchor) => (anchor >= exact ? total : Math.round(first * growth ** (anchor / exact)));
}

/** Samples that a candidate is looked at on at most, one after the other, until one tells enough. */
const LOOKS = 2;

/**
 * Standard errors that an estimate may be off, of so many candidates, at the confidence of the run. The tail of a
 * normal distribution beyond z is less than exp(-z^2 / 2), which is wide of it by a tenth of z: for what a sum of a few
 * hundred differences is not normal.
 */
export const errorsAllowed = (candidates: number): number =>
  Math.sqrt(2 * Math.log((2 * LOOKS * Math.max(1, candidates)) / (1 - CONFIDENCE)));

/**
 * Asks samples whether a candidate's loss exceeds `limit`, at which it is dominated. The second sample is 2, 4, 8, ...
 * times as large as the first: as large as would tell if it said the same, by its smaller error.
 *
 * @returns the estimate where it surely does; undefined where all of D must be asked
 */
export async function screen(
  theta: Float32Array,
  limit: number,
  {
    sampled,
    first,
    candidates,
  }: { readonly sampled: SampledOracle; readonly first: number; readonly candidates: number },
): Promise<LossEstimate | undefined> {
  if (limit === Infinity) return undefined;
  const z = errorsAllowed(candidates);
  let n = first;
  // A sample of more than half of D costs nearly what an evaluation does that stops early.
  for (let look = 0; look < LOOKS && n <= sampled.total / 2; look++) {
    const { loss, error, images } = await sampled.loss(theta, n);
    const low = Math.max(0, loss - z * error);
    if (low > limit) return { loss, images, low, high: loss + z * error };
    if (loss <= limit) return undefined;
    n *= 2 ** Math.max(1, Math.ceil(2 * Math.log2((z * error) / (loss - limit))));
  }
  return undefined;
}
