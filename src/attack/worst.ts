// Several attacks on the same images: an image counts as right only where it withstands all of them.
import type { AttackOptions } from "./options.ts";

/** An attack's result, image by image. */
export interface Outcome {
  readonly options: AttackOptions;
  readonly margins: Float32Array;
  /** The name of the attack that made each image; NONE where it is the clean one. */
  readonly found: readonly string[];
}

/** What may be done to an image. */
export type Ball = Pick<AttackOptions, "norm" | "eps" | "epsSpace" | "clip">;

/** Whether every image of the one ball is in the other, around whatever image. */
export function isWithin(inner: Ball, outer: Ball): boolean {
  if (inner.norm !== outer.norm || inner.epsSpace !== outer.epsSpace) return false;
  if (inner.eps > outer.eps) return false;
  if (outer.clip === null) return true;
  const { clip } = inner;
  return clip !== null && clip[0] >= outer.clip[0] && clip[1] <= outer.clip[1];
}

export const sameBall = (a: Ball, b: Ball): boolean => isWithin(a, b) && isWithin(b, a);

/** The distinct balls of some attacks, in order. */
export const ballsOf = (outcomes: readonly Pick<Outcome, "options">[]): Ball[] =>
  outcomes
    .map(({ options: { norm, eps, epsSpace, clip } }) => ({ norm, eps, epsSpace, clip }))
    .filter((ball, i, all) => all.findIndex((other) => sameBall(ball, other)) === i);

export interface Worst {
  /** The least margin of each image. */
  readonly margins: Float32Array;
  /** The name of the attack it comes from; NONE where no attack improved on the clean image. */
  readonly decided: readonly string[];
  /** The index of its outcome. */
  readonly from: Int32Array;
}

/** For each image the outcome with the least margin; of equals the first. */
export function worstOf(outcomes: readonly Outcome[]): Worst {
  const margins = outcomes[0].margins.slice();
  const from = new Int32Array(margins.length);
  for (const [k, outcome] of outcomes.entries()) {
    for (const [i, margin] of outcome.margins.entries()) {
      if (!(margin < margins[i])) continue;
      margins[i] = margin;
      from[i] = k;
    }
  }
  const decided = Array.from(from, (k, i) => outcomes[k].found[i]);
  return { margins, decided, from };
}
