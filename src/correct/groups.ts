// Groups of violated points: their mean margin hinges as weighted sums of logits, one aggregate cut each.
//
//     h_i(theta) = max_{l != y_i} f_l(x_i; theta) - f_{y_i}(x_i; theta) + margin
//
// The points with h_i > 0, sorted by label and then by h_i, are cut into at most K groups B_g of equal size. A
// group's mean hinge is  margin + sum over i in B_g of (f_rival(x_i) - f_{y_i}(x_i)) / |B_g|, where the rivals are
// those at the present theta. Sorting makes a group's gradients alike, so that their mean stands for each.
import type { LogitSum } from "./oracle.ts";

/** Points with their labels and the logits that a theta gives them, row-major [points x labels]. */
export interface AskedPoints {
  readonly y: Int32Array;
  readonly logits: Float64Array;
}

/** h_i of every point, and the rival it is taken at; h_i is NaN where a logit of the point is. */
export interface Hinges {
  readonly values: Float64Array;
  readonly rivals: Int32Array;
}

/** The hinges of the points; of rivals with the same logit the first is named. */
export function hingesOf({ y, logits }: AskedPoints, margin: number): Hinges {
  const labels = logits.length / y.length;
  const values = new Float64Array(y.length);
  const rivals = new Int32Array(y.length);
  for (const [i, label] of y.entries()) {
    let rival = label === 0 ? 1 : 0;
    for (let l = 0; l < labels; l++) {
      const [f, highest] = [logits[i * labels + l], logits[i * labels + rival]];
      if (l !== label && (f > highest || Number.isNaN(f))) rival = l;
    }
    rivals[i] = rival;
    values[i] = logits[i * labels + rival] - logits[i * labels + label] + margin;
  }
  return { values, rivals };
}

/** f_rival(x_i) - f_{y_i}(x_i), averaged over the points. */
export function meanGap(points: readonly number[], y: Int32Array, rivals: Int32Array): LogitSum {
  const weight = 1 / points.length;
  return points.flatMap((point) => [
    { point, label: rivals[point], weight },
    { point, label: y[point], weight: -weight },
  ]);
}

/** The points with a positive hinge in at most `groups` groups, whose sizes differ by one at most. */
export function groupsOf(y: Int32Array, { values }: Hinges, groups: number): number[][] {
  const violated = [...values.keys()]
    .filter((i) => values[i] > 0)
    .sort((i, j) => y[i] - y[j] || values[j] - values[i] || i - j);
  const count = Math.min(groups, violated.length);
  return Array.from({ length: count }, (_, g) =>
    violated.slice(
      Math.floor((g * violated.length) / count),
      Math.floor(((g + 1) * violated.length) / count),
    ),
  );
}
