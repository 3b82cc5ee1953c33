// The choice (19): one candidate of the pool, by a weighted sum of its scaled loss and violation.
//
//     argmin  w L~ + (1 - w) V~        L~, V~ scaled to [0, 1];  ties: loss, then distance
//
// The paper does not say whether [0, 1] is taken over the pool or over its front. Here it is the front unless `scale`
// says the pool: a pool holds wild early steps, and with their losses in the range many weights mean the same.
//
// Differs from the paper: a violation under `tolerance` times theta0's counts as zero when candidates are
// compared. Strictly, w = 0 would pick between 0.15 and 0.18 out of thousands, and throw away a much lower loss.
// This is done here only: the front and the ranges use the true values.
//
// Only the front is searched, whatever the scale. The objective, the tolerance included, never gets better as loss or
// violation grows, so whoever dominates a candidate is at least as good; and a tie in both then goes to the one that
// is not dominated. Of the violations that count as zero, the front still holds the one with the lowest loss.
import type { Candidate } from "./candidates.ts";
import { isComparable } from "./dominance.ts";

/** Over what L and V are scaled. */
export const scales = ["front", "pool"] as const;
/** Over what (19) scales loss and violation to [0, 1]: the efficient front, or all candidates. */
export type Scale = (typeof scales)[number];

export interface ChoiceOptions {
  /** w of (19): 0 looks at the violation alone, 1 at the loss alone. */
  readonly weight: number;
  /** Share of theta0's violation below which a violation counts as zero. */
  readonly tolerance: number;
  /** What the ranges are taken over; of the pool, the candidates whose loss and violation are known. Default front. */
  readonly scale?: Scale | undefined;
  /**
   * Where given, the points are balls of this radius, and corrected is proven: a violation then counts as zero only
   * where as many are proven as anywhere on the front. Default: the violation alone tells.
   */
  readonly certifyRadius?: number | undefined;
}

/** Index in the pool of the choice (19). The pool's first member is theta0, and comparable. */
export function choose(
  pool: readonly Candidate[],
  { weight, tolerance, scale = "front", certifyRadius }: ChoiceOptions,
): number {
  // The front first: a slider asks of thousands of candidates, and copies of all would keep its page busy.
  const front = [...pool.keys()]
    .filter((index) => pool[index].front)
    .map((index) => ({ ...pool[index], index }))
    .filter(isComparable);
  const ranged = scale === "pool" ? pool.filter(isComparable) : front;
  const scaledLoss = scaleOver(ranged.map(({ loss }) => loss));
  const scaledViolation = scaleOver(ranged.map(({ violation }) => violation));
  const zero = tolerance * pool[0].violation!;
  const proven = front.map(({ corrected }) => corrected).reduce((a, b) => Math.max(a, b), 0);
  const least = certifyRadius === undefined ? 0 : proven;

  const ranked = front.map(({ index, loss, violation, distance, corrected }) => {
    const compared = violation < zero && corrected >= least ? 0 : violation;
    const value = weight * scaledLoss(loss) + (1 - weight) * scaledViolation(compared); // (19)
    return { index, value, loss, distance };
  });
  ranked.sort((a, b) => a.value - b.value || a.loss - b.loss || a.distance - b.distance);
  return ranked[0].index;
}

/** The map of [smallest, largest] onto [0, 1]; below it 0, and 0 throughout when the range is one value. */
function scaleOver(values: readonly number[]): (v: number) => number {
  const smallest = values.reduce((a, b) => Math.min(a, b));
  const range = values.reduce((a, b) => Math.max(a, b)) - smallest;
  return (v) => (range > 0 ? Math.max(0, v - smallest) / range : 0);
}
