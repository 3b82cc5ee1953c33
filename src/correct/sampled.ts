// What Algorithm 1 asks of an oracle whose losses a sample may tell: gradients for the cuts (8), losses of candidates.
import type { Trial } from "./candidates.ts";
import { type LossEstimate, sampleSize, screen, screenSize } from "./loss-sample.ts";
import type { Loss, Oracle } from "./oracle.ts";
import type { FinishingState } from "./state.ts";

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
  oracle: Pick<Oracle, "sampled" | "lossGradient">,
  theta: Float32Array,
  { lossSample, iterations, anchor }: Sampling & { readonly anchor: number },
): Promise<{
  readonly loss: number;
  readonly gradient: Float64Array;
  readonly lossEstimate?: LossEstimate;
}> {
  const { sampled } = oracle;
  if (sampled === undefined || lossSample === undefined) return oracle.lossGradient(theta);
  const n = sampleSize(lossSample, { total: sampled.total, iterations })(anchor);
  if (n >= sampled.total) return oracle.lossGradient(theta);
  const { loss, gradient, images } = await sampled.lossGradient(theta, n, anchor);
  return { loss, gradient, ...(anchor > 0 && { lossEstimate: { loss, images } }) };
}

/** The loss of a candidate as far as it can matter: a sample is asked first, where the loss may be sampled. */
export async function lossOf(
  oracle: Pick<Oracle, "sampled" | "boundedLoss">,
  theta: Float32Array,
  {
    lossSample,
    limit,
    waiting,
  }: Pick<Sampling, "lossSample"> & { readonly limit: number; readonly waiting: number },
): Promise<Loss> {
  const { sampled } = oracle;
  if (sampled !== undefined && lossSample !== undefined) {
    const first = screenSize(lossSample, sampled.total);
    const lossEstimate = await screen(theta, limit, { sampled, first, candidates: waiting });
    if (lossEstimate !== undefined) return { lossEstimate };
  }
  return oracle.boundedLoss(theta, limit);
}

/**
 * Evaluates once more what samples are set beside, where an earlier process had evaluated it: theta_K, and the latest
 * of the candidates that were found to have a loss. So estimates are those of a run that nothing had interrupted.
 */
export async function lossesAgain(
  { sampled, loss }: Pick<Oracle, "sampled" | "loss">,
  { last, lines }: FinishingState,
  thetaOf: (trial: Trial) => Float32Array,
): Promise<void> {
  if (sampled === undefined) return;
  const found = lines.filter((trial) => trial.loss !== null).map(thetaOf);
  const all = last === undefined ? found : [last, ...found];
  for (const theta of all.slice(Math.max(0, all.length - sampled.keeps))) await loss(theta);
}
