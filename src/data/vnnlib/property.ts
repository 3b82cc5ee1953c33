// What a VNN-LIB file asks about a network: is there an input of a box for which its outputs are as described?
//
// The files of VNN-COMP describe what must *not* happen: an input for which it does is a counterexample. All
// constraints are linear and closed, so a property is a union of boxes, each with a disjunction of conjunctions of
//
//     sum_j w_j Y_j <= b
//
// Bounds are float64, as the decimal numbers of the file round to.

/** sum of weight Y_output <= bound; no output is named twice, and no weight is 0. */
export interface Constraint {
  readonly terms: readonly { readonly output: number; readonly weight: number }[];
  readonly bound: number;
}

/** lower <= X <= upper, number by number, and what outputs are unsafe there. */
export interface Query {
  readonly lower: Float64Array;
  readonly upper: Float64Array;
  /** Outputs are unsafe where all constraints of one of these hold; an empty one holds everywhere. */
  readonly unsafe: readonly (readonly Constraint[])[];
}

export interface Property {
  /** How many numbers the network takes, and gives. */
  readonly inputs: number;
  readonly outputs: number;
  /** A counterexample is an input of one of these boxes with outputs that are unsafe there. */
  readonly queries: readonly Query[];
}

/** Whether every constraint holds of outputs. */
export const holdsAll = (constraints: readonly Constraint[], y: ArrayLike<number>): boolean =>
  constraints.every(
    ({ terms, bound }) =>
      terms.reduce((sum, { output, weight }) => sum + weight * y[output], 0) <= bound,
  );

/** Whether an input and the outputs that the network gives it are a counterexample. */
export const isCounterexample = (
  { queries }: Property,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): boolean =>
  queries.some(
    ({ lower, upper, unsafe }) =>
      lower.every((low, i) => low <= x[i] && x[i] <= upper[i]) &&
      unsafe.some((constraints) => holdsAll(constraints, y)),
  );

/** "Some other label reaches this one": what robustness excludes, over a box. */
export const labelProperty = (
  { lower, upper }: Pick<Query, "lower" | "upper">,
  label: number,
  labels: number,
): Property => ({
  inputs: lower.length,
  outputs: labels,
  queries: [
    {
      lower,
      upper,
      unsafe: Array.from({ length: labels }, (_, rival) => rival)
        .filter((rival) => rival !== label)
        .map((rival) => [
          {
            terms: [
              { output: label, weight: 1 },
              { output: rival, weight: -1 },
            ],
            bound: 0,
          },
        ]),
    },
  ],
});

/**
 * The label that must win: the one that every unsafe case has reached by another. Undefined where there is none, or
 * more than one, as in properties that are not about one label.
 */
export function labelOf({ queries, outputs }: Property): number | undefined {
  let common = Array.from({ length: outputs }, (_, label) => label);
  for (const constraints of queries.flatMap(({ unsafe }) => unsafe)) {
    const reached = new Set(constraints.flatMap((each) => reachedBy(each) ?? []));
    common = common.filter((label) => reached.has(label));
  }
  return common.length === 1 && queries.length > 0 ? common[0] : undefined;
}

/** The label y of a constraint Y_y - Y_l <= b, which says that l comes up to it. */
function reachedBy({ terms }: Constraint): number | undefined {
  if (terms.length !== 2 || terms[0].weight !== -terms[1].weight) return undefined;
  return terms.find(({ weight }) => weight > 0)?.output;
}
