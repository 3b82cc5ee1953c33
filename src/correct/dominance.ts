// The efficient front (Definitions 4 and 5): the candidates that no other dominates.

/** The two objectives of a candidate; one that is not finite, or known only as a bound, is null. */
export interface Objectives {
  readonly violation: number | null;
  readonly loss: number | null;
}

/** A candidate whose objectives are both known and finite: only these can be on the front. */
export const isComparable = <C extends Objectives>(
  candidate: C,
): candidate is C & { readonly violation: number; readonly loss: number } =>
  Number.isFinite(candidate.violation) && Number.isFinite(candidate.loss);

/**
 * The lowest loss (or violation) among the candidates that are no worse than `limit` in the other objective;
 * Infinity where there is none. A candidate with `limit` there and more than this here is dominated.
 */
export function lowest(
  objective: keyof Objectives,
  candidates: readonly Objectives[],
  limit: number,
): number {
  const other = objective === "loss" ? "violation" : "loss";
  return candidates
    .filter(isComparable)
    .filter((candidate) => candidate[other] <= limit)
    .reduce((least, candidate) => Math.min(least, candidate[objective]), Infinity);
}

/**
 * For each candidate whether it is on the front. One is dominated when another is no worse in both
 * objectives and better in one; equal candidates do not dominate each other. A loss that is only a bound
 * belongs to a candidate that was dominated already when its evaluation stopped.
 */
export function efficientFront(candidates: readonly Objectives[]): boolean[] {
  const front = candidates.map(() => false);
  const ordered = candidates
    .map((candidate, index) => ({ ...candidate, index }))
    .filter(isComparable)
    .sort((a, b) => a.violation - b.violation || a.loss - b.loss);
  // In this order whoever dominates a candidate stands before it.
  let best: (typeof ordered)[number] | undefined;
  for (const candidate of ordered) {
    const equal = candidate.violation === best?.violation && candidate.loss === best.loss;
    front[candidate.index] = best === undefined || candidate.loss < best.loss || equal;
    if (front[candidate.index]) best = candidate;
  }
  return front;
}
