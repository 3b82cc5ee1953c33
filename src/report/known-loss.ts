// What is known of a candidate's loss: over all of the data, as a bound, or as a sample tells it.
import type { Candidate } from "../correct/candidates.ts";

/** The loss, or what stands for it; null where nothing is known, or it is not finite. */
export const knownLoss = ({ loss, lossAtLeast, lossEstimate }: Candidate): number | null =>
  loss ?? lossAtLeast ?? lossEstimate?.loss ?? null;

/** The words before the number. */
export function howLossIsKnown({ lossAtLeast, lossEstimate }: Candidate): string {
  if (lossAtLeast !== undefined) return "at least ";
  return lossEstimate === undefined ? "" : `of ${lossEstimate.images} images `;
}

/** What the candidates are whose evaluation was left, for a legend. */
export const wordsOfLeft = (pool: readonly Candidate[]): string =>
  pool.some(({ lossEstimate }) => lossEstimate !== undefined)
    ? "loss at least this, or as a sample tells it"
    : "loss at least this";
