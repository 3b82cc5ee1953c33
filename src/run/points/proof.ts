// Whether a choice is proven: no theta nearer to theta0 gets every point right by the margin and holds the loss.
//
// Where the logits are affine in theta, a cut (7) at any anchor is the constraint itself; and the cross-entropy is
// convex, so that its cuts (8) leave out no theta that holds it. (13) is then a relaxation of (6), exact but for
// the loss, and its solution theta_k is as near to theta0 as any theta of (6) can be. What remains to be seen is
// that theta_k, rounded to float32, still meets the points. Without the loss, that makes it the optimum of (6);
// with it, the optimum as far as the loss has been cut.
import { isAffineIn } from "../../autodiff/affine.ts";
import type { Candidate } from "../../correct/candidates.ts";
import { hingesOf } from "../../correct/groups.ts";
import type { IterationRecord } from "../../correct/records.ts";
import { lossOf } from "../../engine/losses.ts";
import type { Network } from "../../engine/network.ts";
import type { PointOptions } from "./options.ts";

/** Whether no theta nearer to theta0 gets every point right by the margin and holds the loss. */
export interface Proof {
  /** Whether all that follows holds. */
  readonly proven: boolean;
  /** The choice is theta_k itself, and not a point on the way to it. */
  readonly fullStep: boolean;
  /** The largest KKT residual of the (13) that gave theta_k; at most 1e-8. */
  readonly residual: number | null;
  /**
   * max of f_l + margin - f_y over points and rivals, of the corrected file. (13) ends on f_l + margin = f_y, so
   * what float32 cannot tell from 0 passes: a millionth of the largest logit. But each f_y is above every rival.
   */
  readonly shortfall: number;
}

const RESIDUAL = 1e-8;
const ROUNDING = 1e-6;

/** What is known of the choice; undefined where nothing could be proven of any. */
export function proofOf(
  { iteration, step }: Candidate,
  iterations: readonly IterationRecord[],
  at: {
    readonly network: Network;
    readonly options: PointOptions;
    /** Of the corrected file on the points. */
    readonly logits: Float64Array;
    readonly y: Int32Array;
  },
): Proof | undefined {
  const { network, options, logits, y } = at;
  const { margin, radius, certifyRadius, solver, loss, alphas, reattack } = options;
  const names = network.parameters.map(({ name }) => name);
  // (18) has a norm in it, bounds bend, Algorithm 2 is not the nearest point, the Brier loss is not convex, and points
  // that are made as the run goes on are not a problem (6).
  const plain = radius === 0 && certifyRadius === undefined && !reattack;
  const exact = plain && solver === "dual" && lossOf(loss).convex;
  if (!exact || iteration === 0 || !isAffineIn(network.graph, names)) return undefined;
  const { primal, dual, complementarity } = iterations[iteration - 1].residuals;
  const known = [primal, dual, complementarity].filter((v) => v !== null);
  const residual = known.length === 3 ? Math.max(...known) : null;
  const fullStep = step === alphas;
  const { values } = hingesOf({ y, logits }, margin);
  const right = values.every((h) => h < margin);
  const shortfall = values.reduce((a, c) => Math.max(a, c), -Infinity);
  const size = logits.reduce((largest, f) => Math.max(largest, Math.abs(f)), 0);
  const meets = right && shortfall <= ROUNDING * size;
  const proven = fullStep && residual !== null && residual <= RESIDUAL && meets;
  return { proven, fullStep, residual, shortfall };
}
