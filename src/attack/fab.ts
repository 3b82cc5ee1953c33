// FAB: walks to the nearest image with another label, along the decision boundary taken as a hyperplane.
//
// Croce & Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack" (ICML 2020),
// Algorithm 1 in its targeted form (one rival a run), with AutoAttack's alpha_max = 0.1, eta = 1.05, beta = 0.9.
// It differs from the paper: the walk ends at the first misclassified image inside the ball of radius eps, since
// nothing smaller is asked for; an image found outside is brought into the ball at the end.

import { logitSum } from "../engine/loss.ts";
import type { Random } from "../tensor/random.ts";
import { dot, interpolate } from "../tensor/vector.ts";
import type { Dialogue } from "./dialogue.ts";
import type { SingleAttack } from "./entry.ts";
import { hyperplaneProjection } from "./hyperplane.ts";
import { difference } from "./losses.ts";
import { type AttackRun, gradientAt, logitsAt, marginAt, type Subject } from "./subject.ts";
import { clamp } from "./threat.ts";

const ALPHA_MAX = 0.1;
const ETA = 1.05;
const BETA = 0.9;
const SEARCH_STEPS = 3;

/** One walk towards the rival `target`; without a `start` it begins at the clean image. */
export function* fab(
  subject: Subject,
  target: number,
  { steps, start }: { readonly steps: number; readonly start: Random | undefined },
): AttackRun {
  const { clean, ball, labels, y } = subject;
  const { eps } = ball;
  const row = difference(labels, target, y); // f_t - f_y
  const x = clean.slice();
  if (start !== undefined) {
    ball.start(x, start, eps / 2);
    ball.project(x);
  }
  const project = hyperplaneProjection(x.length, ball);
  const onto = x.slice();
  const ontoFromClean = x.slice();
  const nearest = clean.slice(); // x_out
  let u = Number.POSITIVE_INFINITY; // its distance
  let marginThere = Number.NaN;

  for (let i = 0; i < steps; i++) {
    const { logits, gradient } = yield* gradientAt(x, { loss: logitSum, row });
    // Taken as linear around x, f_t - f_y is zero where gradient . (z - x) = f_y - f_t.
    const gap = logits[y] - logits[target];
    const ahead = dot(gradient, x) - dot(gradient, clean);
    const d = project(x, gradient, gap, onto);
    const dClean = project(clean, gradient, gap + ahead, ontoFromClean);
    if (d + dClean === 0) break; // No gradient, no room, or x is clean and on the boundary.
    const alpha = Math.min(d / (d + dClean), ALPHA_MAX); // (9)
    advance(x, subject, { onto, ontoFromClean, alpha });
    const margin = marginAt(subject, yield* logitsAt(x));
    if (margin > 0) continue;
    const distance = ball.distance(x);
    if (!(distance > eps)) return x;
    if (distance < u) {
      [u, marginThere] = [distance, margin];
      nearest.set(x);
    }
    // Back towards the clean image, to meet the boundary where it is nearer.
    interpolate(clean, x, BETA, x);
  }
  if (u < Number.POSITIVE_INFINITY) yield* finalSearch(subject, nearest, marginThere);
  ball.project(nearest);
  return nearest;
}

interface Projections {
  readonly onto: Float32Array;
  readonly ontoFromClean: Float32Array;
  readonly alpha: number;
}

/** Moves x to the mean of both projections, each overshot by eta, with weight alpha on the clean image's; clipped. */
function advance(
  x: Float32Array,
  { clean, ball: { low, high } }: Subject,
  { onto, ontoFromClean, alpha }: Projections,
): void {
  for (let j = 0; j < x.length; j++) {
    const step = x[j] + ETA * (onto[j] - x[j]);
    const biased = clean[j] + ETA * (ontoFromClean[j] - clean[j]);
    x[j] = clamp((1 - alpha) * step + alpha * biased, low[j], high[j]);
  }
}

/** (11): moves `out` to where the margin, taken as linear on the way to the clean image, is 0; it stays wrong. */
function* finalSearch(subject: Subject, out: Float32Array, marginOut: number): Dialogue<void> {
  const inside = subject.clean.slice();
  let [outer, inner] = [marginOut, marginAt(subject, subject.logits)];
  const between = out.slice();
  for (let step = 0; step < SEARCH_STEPS; step++) {
    const share = outer / (outer - inner);
    interpolate(out, inside, share, between);
    const margin = marginAt(subject, yield* logitsAt(between));
    if (margin > 0) {
      inner = margin;
      inside.set(between);
    } else {
      outer = margin;
      out.set(between);
    }
  }
}

export const fabTAttack = {
  name: "fab-t",
  steps: 100,
  usesGradients: true,
  attacksAll: false,
  slow: true,
  stream: 5,
  targeted: true,
  leastLabels: 2,
  limitedBySteps: false,
  passesAStep: 2, // It looks at the result of each step.
  effort: ({ steps, restarts }, rivals) => {
    const runs = restarts === 1 ? "" : `, ${restarts} runs`;
    return `towards each of ${rivals} rivals ${steps} steps, the first run from the clean image${runs}`;
  },
  // The first run starts at the clean image, as the paper says.
  run: (subject, { steps }, { restart, target, random }) =>
    fab(subject, target, { steps, start: restart === 0 ? undefined : random }),
} as const satisfies SingleAttack;
