// FGSM and PGD: ascent on the cross-entropy inside the threat model's ball.
//
// FGSM (Goodfellow, Shlens & Szegedy, ICLR 2015) is one step of length eps from the clean image; PGD
// (Madry et al., ICLR 2018) many short ones, each projected back, from a random start. Both return the last
// iterate, whatever became of it: what the paper's tables count.
import type { Random } from "../tensor/random.ts";
import { crossEntropyLoss } from "./losses.ts";
import { type Attack, gradientAt, type Subject } from "./subject.ts";

export interface Path {
  readonly steps: number;
  /** Of one step. */
  readonly length: number;
  /** Where the random start is drawn from; absent starts at the clean image. */
  readonly start?: Random | undefined;
}

/** @param label what the steps lead away from: the true label, or the network's own */
export function* pgd(
  { clean, labels, ball }: Subject,
  label: number,
  { steps, length, start }: Path,
): Attack {
  const loss = crossEntropyLoss(labels, label);
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
