// The losses of attacks as functions of float64 logits, from their definitions, and their gradients by differences.
const ranked = (f: readonly number[]): number[] => f.toSorted((a, b) => b - a);

/** The objective of that name; `row` is what its graph takes. */
export function logitLoss(name: string, f: readonly number[], row: readonly number[]): number {
  const weighted = row.reduce((sum, w, l) => sum + w * f[l], 0);
  const [first, , third, fourth] = ranked(f);
  switch (name) {
    case "logits":
      return weighted;
    case "cross-entropy":
      return Math.log(f.reduce((sum, v) => sum + Math.exp(v - first), 0)) + first - weighted;
    case "dlr":
      return -(weighted - ranked(f.filter((_, l) => row[l] === 0))[0]) / (first - third);
    case "targeted-dlr":
      return weighted / (first - (third + fourth) / 2);
    default:
      throw new Error(`no definition of ${name}`);
  }
}

/** Central differences of logitLoss in the logits. */
export function logitGradient(
  name: string,
  f: readonly number[],
  row: readonly number[],
): number[] {
  const h = 1e-5;
  const at = (l: number, by: number): number =>
    logitLoss(
      name,
      f.map((v, k) => (k === l ? v + by : v)),
      row,
    );
  return f.map((_, l) => (at(l, h) - at(l, -h)) / (2 * h));
}
