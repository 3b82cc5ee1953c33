// What a loss is: its value on one image, its gradient as nodes of a graph, and what an algorithm may rely on.
import type { Seed } from "../autodiff/seeds.ts";

/** A function of an image's logits, summed over the images: what a gradient graph differentiates. */
export interface Objective {
  /** Names its gradient graphs: no two objectives share a name. */
  readonly name: string;
  /** Its gradient in the logits; it says what the covector input holds. */
  readonly gradient: Seed;
}

/**
 * A loss of the logits against the true label. The covector input of its gradient graph holds the one-hot labels.
 * The table of losses.ts holds losses that are smooth and never negative, so that a sum over part of the images
 * is a lower bound of the whole.
 */
export interface Loss extends Objective {
  /** The loss of row `i` of logits [n, labels] against its label y; float64, and finite for large logits. */
  value(logits: Float32Array, labels: number, i: number, y: number): number;
  /** Whether it is convex in the logits: a cut then leaves out no logits that hold the loss. */
  readonly convex: boolean;
  /** What it is, in a few words, for help. */
  readonly words: string;
}

/** The sum of w_il f_l(x_i); the covector input holds the weights w. */
export const logitSum: Objective = { name: "logits", gradient: "weights" };
