// Dominance by its definition, for the tests of fronts.
interface Objectives {
  readonly violation: number | null;
  readonly loss: number | null;
}

/** Whether a is no worse than b in both objectives and better in one. */
export function dominates(a: Objectives, b: Objectives): boolean {
  if (a.violation === null || a.loss === null || b.violation === null || b.loss === null)
    return false;
  const noWorse = a.violation <= b.violation && a.loss <= b.loss;
  return noWorse && (a.violation < b.violation || a.loss < b.loss);
}
