// The largest radius at which something is proven, by bisection: every radius that is returned was proven itself.

/** What a search is made with. */
export interface RadiusSearch {
  /** Whether each of some things, by index, is proven at its own radius. */
  provenAt(some: Int32Array, radii: Float64Array): Promise<readonly boolean[]>;
  /** The first radius that is tried, above 0. */
  readonly eps: number;
  /** No larger radius is tried. */
  readonly most: number;
  /** The search ends where it leaves no more than this open. */
  readonly tolerance: number;
}

/**
 * The largest radius that was proven for each of n things; 0 where none was. Those that are proven at the first radius
 * are tried at twice that, and so on; then what is left between proven and not is halved.
 */
export async function largestRadius(
  n: number,
  { provenAt, eps, most, tolerance }: RadiusSearch,
): Promise<Float64Array> {
  const proven = new Float64Array(n);
  const failed = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  const next = (i: number): number =>
    failed[i] === Number.POSITIVE_INFINITY
      ? Math.min(most, proven[i] === 0 ? eps : 2 * proven[i])
      : (proven[i] + failed[i]) / 2;
  const isOpen = (i: number): boolean =>
    failed[i] === Number.POSITIVE_INFINITY ? proven[i] < most : failed[i] - proven[i] > tolerance;
  for (;;) {
    const open = Int32Array.from({ length: n }, (_, i) => i).filter(isOpen);
    if (open.length === 0) return proven;
    const radii = Float64Array.from(open, next);
    for (const [k, holds] of (await provenAt(open, radii)).entries()) {
      if (holds) proven[open[k]] = radii[k];
      else failed[open[k]] = radii[k];
    }
  }
}
