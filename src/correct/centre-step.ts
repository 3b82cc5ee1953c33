// One step of the moving centre: the nearest point to the present theta that meets this iteration's cuts.
//
//     min ||d||^2   s.t.   mean_{i in B_g} grad h_i' d  <=  -s mean_{i in B_g} h_i          for every group g
//                          grad L' d  <=  L(theta0) + delta - L    if that is >= 0, else  -s_L (L - L(theta0) - delta)
//
// with d'M d in place of ||d||^2 where there is a metric (metric.ts), and d is shortened to the step cap. A point that
// must be right has a row of its own, with s = 1: only the cap may keep it waiting. Rows that cannot be met together
// within `longest` become elastic, all but that of the loss.
import type { Cut } from "./cuts.ts";
import { createElastic } from "./elastic.ts";
import { groupsOf, hingesOf, meanGap } from "./groups.ts";
import type { LogitSum } from "./oracle.ts";
import type { SampledLoss, Separated } from "./separation.ts";
import { createSubproblem, type SubproblemSolution } from "./subproblem.ts";

export interface StepOptions {
  /** K: the largest number of aggregate cuts. */
  readonly groups: number;
  /** s: the share of a group's mean hinge that the linearised hinge is asked to fall by. */
  readonly share: number;
  /** s_L: the share of its excess that the loss is asked to fall by where it lies above its limit. */
  readonly lossShare: number;
  /** What is added to every hinge: a point must satisfy f_l + margin <= f_y. */
  readonly margin: number;
  /** delta: what the loss may rise by. */
  readonly lossSlack: number;
  /** The cap: the largest length of d. */
  readonly stepCap: number;
  /** A solution longer than this is taken for a contradiction. */
  readonly longest: number;
  /** M^(-1/2), by which the columns of the points' rows are scaled already, [p]; default the identity. */
  readonly scale?: Float32Array | undefined;
}

export interface CentreStep {
  /** d, shortened to the cap, [p]. */
  readonly d: Float64Array;
  readonly solution: SubproblemSolution;
  /** The price of a unit of violation; null where no row became elastic, and `solution` tells whether all hold. */
  readonly penalty: number | null;
  /** The number of cuts. */
  readonly rows: number;
  /** How many points are wrong, and how many have a positive hinge. */
  readonly wrong: number;
  readonly violated: number;
  /** The mean of max(0, h_i) over all points. */
  readonly meanHinge: number;
}

/**
 * The step at theta from the points found there and the sampled loss; d is 0 where nothing is violated. The answer
 * is undefined where a logit, a row or its right-hand side is not finite.
 */
export async function centreStep(
  theta: Float32Array,
  { own, cuts, ...points }: Separated,
  { loss, gradient, atStart }: SampledLoss,
  options: StepOptions,
): Promise<CentreStep | undefined> {
  const { groups, share, lossShare, margin, lossSlack, stepCap, longest, scale } = options;
  const { y } = points;
  const hinges = hingesOf(points, margin);
  if (!hinges.values.every(Number.isFinite)) return undefined;
  const others = { ...hinges, values: hinges.values.subarray(own) };
  const grouped = groupsOf(y.subarray(own), others, groups);
  const singles = [...hinges.values.keys()].filter((i) => i < own && hinges.values[i] > 0);
  const members = [
    ...singles.map((point) => [point]),
    ...grouped.map((group) => group.map((i) => i + own)),
  ];

  const sums: LogitSum[] = members.map((group) => meanGap(group, y, hinges.rivals));
  const values = await cuts.addLogitSums(theta, sums);
  await cuts.addRow(scale === undefined ? gradient : gradient.map((v, j) => v * scale[j]));
  const list: Cut[] = [
    ...members.map((_, g) => ({ anchor: 0, point: g, rival: -1 })),
    { anchor: 0, point: "loss" },
  ];
  const room = atStart + lossSlack - loss;
  const rhs = Float64Array.from([
    ...Array.from(values, (gap, g) => -(g < singles.length ? 1 : share) * (gap + margin)),
    room >= 0 ? room : lossShare * room,
  ]);
  const lengths = Float64Array.from(
    rhs.keys(),
    (r) => cuts.gram(Int32Array.of(r), Int32Array.of(r))[0],
  );
  if (![...rhs, ...lengths].every(Number.isFinite)) return undefined;

  const subproblem = createSubproblem(cuts, { longest: () => longest });
  const { solution, contradiction } = createElastic({ list, rhs: () => rhs }, subproblem).solve();
  const shortened = solution.distance > stepCap ? stepCap / solution.distance : 1;
  const d = (await cuts.remade?.expand(solution.d)) ?? solution.d;
  return {
    d: d.map((z, j) => shortened * z * (scale?.[j] ?? 1)),
    solution,
    penalty: contradiction?.penalty ?? null,
    rows: list.length,
    wrong: hinges.values.filter((h) => !(h < margin)).length,
    violated: hinges.values.filter((h) => h > 0).length,
    meanHinge: hinges.values.reduce((sum, h) => sum + Math.max(0, h), 0) / y.length,
  };
}
