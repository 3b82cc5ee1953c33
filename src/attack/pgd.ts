// FGSM and PGD: ascent on the cross-entropy inside the threat model's ball.
//
// FGSM (Goodfellow, Shlens & Szegedy, ICLR 2015) is one step of length eps from the clean image; PGD
// (Madry et al., ICLR 2018) many short ones, each projected back, from a random start. Both return the last
// iterate, whatever became of it: what the paper's tables count.
import type { Random } from "../tensor/random.ts";
import { argmax } from "../tensor/vector.ts";
import { radius, short, startsOf } from "./effort.ts";
import type { SingleAttack } from "./entry.ts";
import { type AttackLoss, crossEntropyLoss } from "./losses.ts";
import type { AttackSettings } from "./settings.ts";
import { type AttackRun, gradientAt, type Subject } from "./subject.ts";

export interface Path {
  readonly steps: number;
  /** Length of one step. */
  readonly length: number;
  /** Where the random start is drawn from; absent starts at the clean image. */
  readonly start?: Random | undefined;
}

/** Climbs a loss whose row of the covector does not change on the way. */
export function* climb(
  { clean, ball }: Subject,
  loss: Pick<AttackLoss, "loss" | "row">,
  { steps, length, start }: Path,
): AttackRun {
  const x = clean.slice();
  if (start !== undefined) {
    ball.start(x, start);
    ball.project(x);
  }
  for (let step = 0; step < steps; step++) {
    const { gradient } = yield* gradientAt(x, loss);
    ball.step(x, gradient, length);
    ball.project(x);
  }
  return x;
}

/** @param label what the steps lead away from: the true label, or the network's own */
export const pgd = (subject: Subject, label: number, path: Path): AttackRun =>
  climb(subject, crossEntropyLoss(subject.labels, label), path);

const labelOf = ({ y, logits }: Subject, { labels }: AttackSettings): number =>
  labels === "true" ? y : argmax(logits);

const traits = {
  usesGradients: true,
  attacksAll: true,
  slow: false,
  targeted: false,
  leastLabels: 2,
  passesAStep: 1,
} as const;

export const fgsmAttack = {
  ...traits,
  name: "fgsm",
  steps: 1,
  stream: 0,
  oneStep: true,
  limitedBySteps: false,
  effort: ({ eps }) => `one step of ${radius(eps)} from the clean image`,
  run: (subject, settings) =>
    pgd(subject, labelOf(subject, settings), { steps: 1, length: settings.eps }),
} as const satisfies SingleAttack;

export const pgdAttack = {
  ...traits,
  name: "pgd",
  steps: 40,
  // No number: the images of a seed stay what they were before there were other attacks.
  stream: undefined,
  limitedBySteps: true,
  effort: (settings) =>
    `${settings.steps} steps of ${short(settings.stepSize)}, ${startsOf(settings)}`,
  run: (subject, settings, { random }) =>
    pgd(subject, labelOf(subject, settings), {
      steps: settings.steps,
      length: settings.stepSize,
      start: settings.randomStart ? random : undefined,
    }),
} as const satisfies SingleAttack;
