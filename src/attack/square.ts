// Square: a random search that changes one square of the image at a time and needs no gradient.
//
// Andriushchenko, Croce, Flammarion & Hein, "Square Attack: a query-efficient black-box adversarial attack via
// random search" (ECCV 2020): Algorithm 1 with the sampling of Algorithm 2 (l-infinity) or 3 (l2), on the
// margin loss f_y - max rival; p_init = 0.8 and its schedule rescaled to the number of queries.
import { frameOf } from "../data/frame.ts";
import type { Random } from "../tensor/random.ts";
import type { SingleAttack } from "./entry.ts";
import { l2Squares } from "./square-l2.ts";
import { linfSquares } from "./square-linf.ts";
import { type AttackRun, logitsAt, marginAt, type Subject } from "./subject.ts";

const P_INIT = 0.8;
const HALVED_AT = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000]; // of 10,000 queries

/** p: the share of the image that query i of `queries` changes. */
export function shareAt(i: number, queries: number): number {
  const rescaled = Math.floor((i / queries) * 10_000);
  return P_INIT / 2 ** HALVED_AT.filter((at) => rescaled > at).length;
}

/** Returns, of the images it tried, the one with the smallest margin; it stops where that is not positive. */
export function* square(
  subject: Subject,
  { queries, random }: { readonly queries: number; readonly random: Random },
): AttackRun {
  const sampling = { subject, frame: frameOf(subject.shape), random };
  const squares = subject.ball.norm === "linf" ? linfSquares(sampling) : l2Squares(sampling);
  let best = subject.clean.slice();
  let trial = best.slice();
  squares.start(best);
  let margin = marginAt(subject, yield* logitsAt(best));
  for (let i = 1; i < queries && margin > 0; i++) {
    squares.propose(best, shareAt(i, queries), trial);
    const now = marginAt(subject, yield* logitsAt(trial));
    if (now >= margin) continue; // A margin that is not a number goes on below, and ends the search as broken.
    margin = now;
    [best, trial] = [trial, best];
  }
  return best;
}

export const squareAttack = {
  name: "square",
  steps: 5000,
  usesGradients: false,
  attacksAll: false,
  slow: true,
  stream: 6,
  targeted: false,
  leastLabels: 2,
  limitedBySteps: false,
  passesAStep: 1,
  effort: ({ steps, restarts }) => `${steps} queries${restarts === 1 ? "" : `, ${restarts} times`}`,
  run: (subject, { steps }, { random }) => square(subject, { queries: steps, random }),
} as const satisfies SingleAttack;
