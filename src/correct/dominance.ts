// The efficient front (Definitions 4 and 5): the candidates that no other dominates.

/** The two objectives of a candidate; null: not finite, or known only as a bound. */
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
 * For each candidate whether it is on the front. One is dominated when another is no worse in both
 * objectives and better in one; equal candidates do not dominate each other. A loss that is only a bound
 * belongs to a candidate that was dominated already when its evaluation stopped. O(n log n).
 */
export function efficientFront(candidates: readonly Objectives[]): boolean[] {
  const front = candidates.map(() => false);
  const ordered = candidates
    .map((candidate, index) => ({ ...candidate, index }))
    .filter(isComparable)
    .sort((a, b) => a.violation - b.violation || a.loss - b.loss);
  let best: Objectives | undefined;
  for (const { violation, loss, index } of ordered) {
    // Everything before has no larger violation, so only a lower loss, or the same candidate again, survives.
    if (best === undefined || loss < best.loss!) best = { violation, loss };
    front[index] = violation === best.violation && loss === best.loss;
  }
  return front;
}
