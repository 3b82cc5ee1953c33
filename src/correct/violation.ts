// How far a classifier is from correcting the points: the total violation (10), from its logits.

/** What the logits on the points say. */
export interface Score {
  /** (10) with the margin; NaN when a logit is. */
  readonly violation: number;
  /** How many points have f_y above every rival, without the margin. */
  readonly corrected: number;
  /** The points that are not corrected, ascending. */
  readonly wrong: readonly number[];
}

/**
 * Scores logits, row-major [points x labels], against the points' labels y:
 *
 *     V(theta) = sum_i sum_{l != y_i} max(0, g_il + margin), g_il = f_l(x_i) - f_{y_i}(x_i).
 *
 * Differs from the paper, whose margin is 0: there a point on f_l = f_y counts as corrected, and rounding
 * decides which side it falls on.
 */
export function scorePoints(logits: Float64Array, y: Int32Array, margin: number): Score {
  const labels = logits.length / y.length;
  let violation = 0;
  const wrong: number[] = [];
  for (const [i, label] of y.entries()) {
    const own = logits[i * labels + label];
    let above = true;
    for (let l = 0; l < labels; l++) {
      if (l === label) continue;
      const rival = logits[i * labels + l];
      violation += Math.max(0, rival - own + margin); // (10)
      above &&= own > rival;
    }
    if (!above) wrong.push(i);
  }
  return { violation, corrected: y.length - wrong.length, wrong };
}
