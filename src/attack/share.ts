// Counting who is right: a share with its 95 % interval, over all images and label by label.
import { wilsonInterval } from "./interval.ts";

/** Accuracy on the images of one label. */
export interface LabelShare {
  /** The label, from 0. */
  readonly label: number;
  /** How many images have this label, 1 or more. */
  readonly n: number;
  /** Share in [0, 1] of these that are right. */
  readonly accuracy: number;
}

/** A share of images that are right, and how sure it is. */
export interface Share {
  /** Share in [0, 1] of the images that are right. */
  readonly accuracy: number;
  /** Where the true share lies at 95 %, in [0, 1]: Wilson's interval. */
  readonly interval: readonly [low: number, high: number];
  /** The same of each label that occurs, by ascending label. */
  readonly labels: readonly LabelShare[];
}

/** How many images have a positive margin f_y - max rival: a tie is wrong. */
export const countRight = (margins: Float32Array): number =>
  margins.reduce((n, m) => n + (m > 0 ? 1 : 0), 0);

/** The share of right images, from the margin and the label of each. */
export function shareOf(margins: Float32Array, y: Int32Array): Share {
  const counts = new Map<number, { n: number; right: number }>();
  for (const [i, label] of y.entries()) {
    const { n, right } = counts.get(label) ?? { n: 0, right: 0 };
    counts.set(label, { n: n + 1, right: right + (margins[i] > 0 ? 1 : 0) });
  }
  const right = countRight(margins);
  return {
    accuracy: right / y.length,
    interval: wilsonInterval(right, y.length),
    labels: [...counts]
      .toSorted(([a], [b]) => a - b)
      .map(([label, { n, right }]) => ({ label, n, accuracy: right / n })),
  };
}
