// FAB: walks to the nearest image with another label, along the decision boundary taken as a hyperplane.
//
// Croce & Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack" (ICML 2020),
// Algorithm 1 in its targeted form (one rival a run), with AutoAttack's alpha_max = 0.1, eta = 1.05, beta = 0.9.
// Differs from the paper: the walk ends at the first misclassified image inside the ball of radius eps, since
// nothing smaller is asked for; an image found outside is brought into the ball at the end.
import type { Random } from "../tensor/random.ts";
import { dot, interpolate } from "../tensor/vector.ts";
import type { Dialogue } from "./dialogue.ts";
import { hyperplaneProjection } from "./hyperplane.ts";
import { difference } from "./losses.ts";
import { type Attack, gradientAt, logitsAt, marginAt, type Subject } from "./subject.ts";
import { clamp } from "./threat.ts";

const ALPHA_MAX = 0.1;
const ETA = 1.05;
const BETA = 0.9;
const SEARCH_STEPS = 3;

export function* fab(
  subject: Subject,
  target: number,
  { steps, start }: { readonly steps: number; readonly start: Random | undefined },
): Attack {
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
    const { logits, gradient } = yield* gradientAt(x, { loss: "logits", row });
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

/** Past both projections by eta, alpha of the way from the one of x to the one of the clean image, clipped. */
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

/** (11): where the margin, linear along the way to the clean image, is zero; `out` stays misclassified. */
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
