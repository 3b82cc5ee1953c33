// APGD: projected gradient ascent with momentum and a step size that chooses itself.
//
// Croce & Hein (ICML 2020), Algorithm 1, with eta = 2 eps, alpha = 0.75 and the rule of step-rule.ts.
// Differs from the paper: the climb ends at the first image that is misclassified. Where none is, the
// iterate with the smallest f_y - max rival is returned, which need not be the one with the highest loss.
import type { Random } from "../tensor/random.ts";
import type { AttackLoss } from "./losses.ts";
import { firstStep, nextStep, type StepState } from "./step-rule.ts";
import { type Attack, gradientAt, marginAt, type Subject } from "./subject.ts";

const ALPHA = 0.75;

/** z becomes x + alpha (z - x) + (1 - alpha) (x - x^(k-1)). */
function addMomentum(z: Float32Array, x: Float32Array, before: Float32Array): void {
  for (let i = 0; i < x.length; i++) {
    z[i] = x[i] + ALPHA * (z[i] - x[i]) + (1 - ALPHA) * (x[i] - before[i]);
  }
}

export function* apgd(
  subject: Subject,
  loss: AttackLoss,
  { steps, start }: { readonly steps: number; readonly start: Random | undefined },
): Attack {
  const { clean, ball } = subject;
  const x = clean.slice();
  if (start !== undefined) ball.start(x, start);
  ball.project(x);
  const before = x.slice(); // x^(k-1)
  const ahead = x.slice(); // z^(k+1)
  const highest = x.slice(); // x_max
  const gradientThere = new Float32Array(x.length);
  const closest = x.slice();
  let least = Number.POSITIVE_INFINITY;
  let state: StepState | undefined;

  for (let k = 0; ; k++) {
    const { logits, gradient: here } = yield* gradientAt(x, loss);
    const margin = marginAt(subject, logits);
    if (!(margin > 0)) return x;
    if (margin < least) {
      least = margin;
      closest.set(x);
    }
    if (k === steps) return closest;

    const value = loss.value(logits);
    if (state === undefined || value > state.highest) {
      highest.set(x);
      gradientThere.set(here);
    }
    state =
      state === undefined
        ? firstStep({ steps, length: 2 * ball.eps }, value)
        : nextStep(state, value);
    if (state.back) x.set(highest);
    const gradient = state.back ? gradientThere : here;

    ahead.set(x);
    ball.step(ahead, gradient, state.length);
    ball.project(ahead);
    if (k > 0) {
      addMomentum(ahead, x, before);
      ball.project(ahead);
    }
    before.set(x);
    x.set(ahead);
  }
}
