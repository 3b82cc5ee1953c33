// APGD: projected gradient ascent with momentum and a step size that chooses itself.
//
// Croce & Hein (ICML 2020), Algorithm 1, with eta = 2 eps, alpha = 0.75 and the rule of step-rule.ts.
// It differs from the paper: the climb ends at the first image that is misclassified. Where none is, the
// iterate with the smallest f_y - max rival is returned, which need not be the one with the highest loss.
import type { Random } from "../tensor/random.ts";
import { dlrLoss, targetedDlrLoss } from "./dlr.ts";
import { startsOf } from "./effort.ts";
import type { Attempt, SingleAttack } from "./entry.ts";
import { type AttackLoss, crossEntropyLoss } from "./losses.ts";
import type { AttackSettings } from "./settings.ts";
import { firstStep, nextStep, type StepState } from "./step-rule.ts";
import { type AttackRun, gradientAt, marginAt, type Subject } from "./subject.ts";

const ALPHA = 0.75;

/** z becomes x + alpha (z - x) + (1 - alpha) (x - x^(k-1)). */
function addMomentum(z: Float32Array, x: Float32Array, before: Float32Array): void {
  for (let i = 0; i < x.length; i++) {
    z[i] = x[i] + ALPHA * (z[i] - x[i]) + (1 - ALPHA) * (x[i] - before[i]);
  }
}

/** One climb; without a `start` it begins at the clean image. */
export function* apgd(
  subject: Subject,
  loss: AttackLoss,
  { steps, start }: { readonly steps: number; readonly start: Random | undefined },
): AttackRun {
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

const climb = ({ steps, randomStart }: AttackSettings, { random }: Attempt) => ({
  steps,
  start: randomStart ? random : undefined,
});

const effort = (settings: AttackSettings): string =>
  `${settings.steps} steps of adapted length, ${startsOf(settings)}`;

const traits = {
  steps: 100,
  usesGradients: true,
  attacksAll: false,
  passesAStep: 1,
  effort,
} as const;

export const apgdCeAttack = {
  ...traits,
  name: "apgd-ce",
  stream: 2,
  slow: false,
  targeted: false,
  leastLabels: 2,
  limitedBySteps: true,
  run: (subject, settings, attempt) =>
    apgd(subject, crossEntropyLoss(subject.labels, subject.y), climb(settings, attempt)),
} as const satisfies SingleAttack;

export const apgdDlrAttack = {
  ...traits,
  name: "apgd-dlr",
  stream: 3,
  slow: false,
  targeted: false,
  leastLabels: 3,
  limitedBySteps: true,
  run: (subject, settings, attempt) =>
    apgd(subject, dlrLoss(subject.labels, subject.y), climb(settings, attempt)),
} as const satisfies SingleAttack;

/** APGD with the targeted DLR, towards each of the strongest rivals. */
export const apgdTAttack = {
  ...traits,
  name: "apgd-t",
  stream: 4,
  slow: true,
  targeted: true,
  leastLabels: 4,
  limitedBySteps: false,
  effort: (settings, rivals) => `towards each of ${rivals} rivals ${effort(settings)}`,
  run: (subject, settings, attempt) =>
    apgd(
      subject,
      targetedDlrLoss(subject.labels, subject.y, attempt.target),
      climb(settings, attempt),
    ),
} as const satisfies SingleAttack;
