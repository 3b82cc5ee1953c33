// The ratio test: how far lambda may move before a multiplier reaches a bound.

/** A direction in lambda: entries of the rows listed, zero elsewhere. */
export interface Direction {
  readonly rows: readonly number[];
  readonly delta: Float64Array;
}

/** The multiplier that stops a step, and the bound (0 or u_i) it reaches. */
export interface Block {
  readonly row: number;
  readonly bound: number;
  readonly step: number;
}

/**
 * The first multiplier to leave [0, u_i] on lambda + t delta for t < limit, or undefined. Of several
 * at the same t, the one moving fastest in units of the step d, delta_i ||a_i||: when it leaves W, what
 * stays is the farthest from dependent.
 */
export function firstBlock(
  lambda: Float64Array,
  upper: Float64Array,
  squares: Float64Array,
  { rows, delta }: Direction,
  limit: number,
): Block | undefined {
  let block: Block | undefined;
  let step = limit;
  let speed = 0;
  for (const [k, row] of rows.entries()) {
    if (delta[k] === 0) continue;
    const bound = delta[k] < 0 ? 0 : upper[row];
    const t = (bound - lambda[row]) / delta[k];
    const pace = delta[k] * delta[k] * squares[row];
    if (t < step || (block !== undefined && t === step && pace > speed)) {
      block = { row, bound, step: t };
      step = t;
      speed = pace;
    }
  }
  return block;
}

/** lambda += step delta, kept within its bounds against rounding. */
export function move(
  lambda: Float64Array,
  upper: Float64Array,
  { rows, delta }: Direction,
  step: number,
): void {
  for (const [k, row] of rows.entries()) {
    lambda[row] = Math.min(upper[row], Math.max(0, lambda[row] + step * delta[k]));
  }
}
