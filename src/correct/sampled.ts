// What Algorithm 1 asks of an oracle whose losses a sample may tell: gradients for the cuts (8), losses of candidates.
import type { Trial } from "./candidates.ts";
import type { LineTrial } from "./lines.ts";
import { type LossEstimate, type SampledLoss, sampleSize, screen } from "./loss-sample.ts";
import type { Loss, Oracle } from "./oracle.ts";

interface Sampling {
  /** Absent where every loss is of all of D. */
  readonly lossSample?: number | "auto" | undefined;
  readonly iterations: number;
}

/**
 * The loss and its gradient that the cut (8) of an anchor is made of: over all of D, or as a sample of it tells. Of
 * theta0, whose loss is the limit of every (8), only the gradient is sampled.
 */
export async function lossGradientAt(
  { sampled, ...oracle }: Pick<Oracle, "sampled" | "lossGradient">,
  theta: Float32Array,
  { lossSample, iterations, anchor }: Sampling & { readonly anchor: number },
): Promise<{
  readonly loss: number;
  readonly gradient: Float64Array;
  readonly lossEstimate?: LossEstimate;
}> {
  if (sampled === undefined || lossSample === undefined) return oracle.lossGradient(theta);
  const n = sampleSize(lossSample, { total: sampled.total, iterations })(anchor);
  if (n >= sampled.total) return oracle.lossGradient(theta);
  const { loss, gradient, images } = await sampled.lossGradient(theta, n, anchor);
  return { loss, gradient, ...(anchor > 0 && { lossEstimate: { loss, images } }) };
}

/** The loss of a candidate as far as it can matter: samples are asked first, where the loss may be sampled. */
export async function lossOf(
  { sampled, ...oracle }: Pick<Oracle, "sampled" | "boundedLoss">,
  theta: Float32Array,
  { lossSample, limit, waiting, told, ...rest }: Sampling & LineTrial,
): Promise<Loss> {
  if (sampled !== undefined && lossSample !== undefined) {
    const first = firstSample({ lossSample, ...rest }, sampled.total);
    const lossEstimate = await screen(theta, limit, { sampled, first, candidates: waiting, told });
    if (lossEstimate !== undefined) return { lossEstimate };
  }
  return oracle.boundedLoss(theta, limit);
}

/** What a first sample tells of a candidate's loss; undefined where every loss is of all of D. */
export function lookIn(
  { sampled }: Pick<Oracle, "sampled">,
  sampling: Sampling,
): ((theta: Float32Array) => Promise<SampledLoss>) | undefined {
  if (sampled === undefined || sampling.lossSample === undefined) return undefined;
  const n = firstSample(sampling, sampled.total);
  return n > sampled.total / 2 ? undefined : (theta) => sampled.loss(theta, n);
}

const firstSample = ({ lossSample, iterations }: Sampling, total: number): number =>
  sampleSize(lossSample!, { total, iterations })(0);

/**
 * Evaluates once more what samples are set beside, where an earlier process had evaluated it: the latest of the
 * candidates that were found to have a loss. So estimates are those of a run that nothing had interrupted.
 */
export async function lossesAgain(
  { sampled, loss }: Pick<Oracle, "sampled" | "loss">,
  known: readonly Trial[],
  thetaOf: (trial: Trial) => Float32Array,
): Promise<void> {
  if (sampled === undefined || sampled.keeps === 0) return;
  const found = known.filter((trial) => trial.loss !== null).slice(-sampled.keeps);
  for (const trial of found) await loss(thetaOf(trial));
}
