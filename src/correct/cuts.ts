// The cuts of Algorithm 1: at each anchor, the rivals of every point (7) or (18), and the loss (8).
//
// A cut linearises a constraint at the anchor theta_j, which is the float32 point that was evaluated. In terms
// of d = theta - theta0 it reads  grad' d <= b.
import { rowsFrom } from "../qp/rows.ts";
import { dot, subtract } from "../tensor/vector.ts";
import type { CutSet, LogitSum, Oracle } from "./oracle.ts";
import { openReach } from "./reach.ts";

/** What a row of (13) stands for: the rival l of a point, or the training loss. */
export type Cut =
  | { readonly anchor: number; readonly point: number; readonly rival: number }
  | { readonly anchor: number; readonly point: "loss" };

/** The rows of (13) so far. */
export interface Cuts {
  readonly rows: CutSet;
  /** What each row stands for, in the order of the rows. */
  readonly list: readonly Cut[];
  /** b, [rows.count()]. */
  rhs(): Float64Array;
  /** The rows that were given up: no multiplier may rest on them. */
  readonly dropped: ReadonlySet<number>;
  /** Gives rows up for good; their numbers stay. */
  drop(rows: readonly number[]): void;
  /**
   * Appends the cuts at an anchor: |Dadv| (labels - 1) rows (7), or fewer where the options ask for fewer, then one
   * row (8). The first anchor must be theta0, whose loss is the limit in (8), and with rivals "auto" the others must
   * come in the order in which they were found. Returns false when a row or its b is not finite: then (13) cannot be
   * solved any more.
   */
  add(theta: Float32Array, at: { loss: number; gradient: Float64Array }): Promise<boolean>;
}

export interface CutOptions {
  /** Every point must satisfy f_l + margin <= f_y. */
  readonly margin: number;
  /** rho of (18), in pixel units: the cut must hold in the l-infinity ball of this radius around the point. */
  readonly radius: number;
  /** delta: the loss may rise by this much. */
  readonly lossSlack: number;
  /**
   * Whether a point is cut against "all" its rivals or only where the anchor has "violated" the margin; default
   * "all".
   */
  readonly cuts?: CutChoice | undefined;
  /**
   * How many rivals a point is cut against: those with the highest logits at the anchor; "auto": those that are within
   * reach of the margin (reach.ts); default Infinity.
   */
  readonly rivals?: RivalChoice | undefined;
}

export const cutChoices = ["all", "violated"] as const;
export type CutChoice = (typeof cutChoices)[number];

/** Against how many rivals of a point an anchor cuts. */
export type RivalChoice = number | "auto";

/** An empty set of cuts. */
export function createCuts(
  oracle: Oracle,
  { margin, radius, lossSlack, cuts = "all", rivals = Infinity }: CutOptions,
): Cuts {
  const { theta0, labels } = oracle;
  const rows = oracle.cutSet();
  const list: Cut[] = [];
  const dropped = new Set<number>();
  const rhs: number[] = [];
  let anchors = 0;
  let lossAtStart = 0;
  const reach = openReach(labels, margin);

  /** The rivals each point is cut against at an anchor. */
  const rivalsAt = async (theta: Float32Array): Promise<(point: number) => number[]> => {
    const others = (point: number): number[] =>
      Array.from({ length: labels }, (_, l) => l).filter((l) => l !== oracle.y()[point]);
    if (cuts === "all" && rivals !== "auto" && rivals >= labels - 1) return others;
    const logits = await oracle.logits(theta);
    const most = rivals === "auto" ? reach.countsAt(logits, oracle.y()) : undefined;
    return (point) => {
      const f = (label: number): number => logits[point * labels + label];
      return others(point)
        .sort((a, b) => f(b) - f(a))
        .slice(0, most?.[point] ?? (rivals as number))
        .filter((l) => cuts === "all" || !(f(l) - f(oracle.y()[point]) + margin <= 0))
        .sort((a, b) => a - b);
    };
  };

  const add: Cuts["add"] = async (theta, { loss, gradient }) => {
    const anchor = anchors++;
    if (anchor === 0) lossAtStart = loss;
    const step = subtract(theta, theta0);
    const first = list.length;

    // (7)  g_il(theta_j) + margin + grad g_il(theta_j)' (theta - theta_j) <= 0
    const sums: LogitSum[] = [];
    const rivalsOf = await rivalsAt(theta);
    for (const [point, label] of oracle.y().entries()) {
      for (const rival of rivalsOf(point)) {
        list.push({ anchor, point, rival });
        sums.push([
          { point, label: rival, weight: 1 },
          { point, label, weight: -1 },
        ]);
      }
    }
    const g = await rows.addLogitSums(theta, sums);
    const fresh = rowsFrom(first, rows.count());
    const along = (await rows.remade?.product(step, fresh)) ?? rows.times(step)(fresh);
    // (18)  over the ball, a linear function rises by rho || d g_il / dx ||_1
    const rise = radius === 0 ? undefined : await oracle.inputNorms(theta, sums);
    for (let r = 0; r < g.length; r++) {
      rhs.push(-(g[r] + margin + radius * (rise?.[r] ?? 0)) + along[r]);
    }

    // (8)  L(theta_j) + grad L(theta_j)' (theta - theta_j) <= L(theta0) + delta
    list.push({ anchor, point: "loss" });
    await rows.addRow(gradient);
    rhs.push(lossAtStart + lossSlack - loss + dot(gradient, step));

    // An entry of a row that is not finite shows in b, even against a zero of the step: Infinity * 0 is NaN.
    return rhs.slice(first).every(Number.isFinite);
  };

  const drop: Cuts["drop"] = (given) => {
    for (const r of given) dropped.add(r);
    rows.drop?.(given);
  };
  return { rows, list, rhs: () => Float64Array.from(rhs), add, dropped, drop };
}
