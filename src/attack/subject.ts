// One image under attack, and the questions an attack asks about it.
import { marginOf } from "../engine/logits.ts";
import type { Answer, Dialogue } from "./dialogue.ts";
import type { AttackLoss } from "./losses.ts";
import type { Ball } from "./threat.ts";

export interface Subject {
  readonly clean: Float32Array;
  /** [..., height, width] */
  readonly shape: readonly number[];
  /** The true label. */
  readonly y: number;
  readonly labels: number;
  /** f(clean). */
  readonly logits: Float32Array;
  readonly ball: Ball;
}

/** One run of an attack on one image: its candidate, inside the ball and the range. */
export type AttackRun = Dialogue<Float32Array>;

/** f(x) */
export function* logitsAt(x: Float32Array): Dialogue<Float32Array> {
  return (yield { x }).logits;
}

/** f(x) and the gradient of a loss. */
export function* gradientAt(
  x: Float32Array,
  { loss, row }: Pick<AttackLoss, "loss" | "row">,
): Dialogue<Answer> {
  return yield { x, loss, row };
}

/** f_y - max rival: what every attack makes small. */
export const marginAt = ({ labels, y }: Subject, logits: Float32Array): number =>
  marginOf(logits, labels, 0, y);

/** The strongest rivals of the label on the clean image, at most `most`, strongest first. */
export function rivals({ logits, y }: Subject, most: number): number[] {
  return [...logits.keys()]
    .filter((l) => l !== y)
    .toSorted((a, b) => logits[b] - logits[a])
    .slice(0, most);
}
