// What a backward pass starts from: the gradient in the logits of what is differentiated.
//
// A loss's gradient is taken inside the graph because it depends on the logits: a loss then costs one pass.
import type { Builder } from "./builder.ts";

/** The covector input of every gradient graph, [batch, labels]. */
export const COVECTOR = "temper/covector";

/**
 * Emits the nodes of a function's gradient in the logits, summed over the images, and names the gradient.
 *
 * @param logits f(x), [batch, labels]
 * @param covector the covector input; the function says what it holds, such as the one-hot labels
 */
export type LogitGradient = (b: Builder, logits: string, covector: string) => string;

/**
 * What is differentiated: `weights` is the sum of w_il f_l(x_i), whose gradient is the covector input
 * itself; anything else writes its own nodes.
 */
export type Seed = "weights" | LogitGradient;

/** The name of the gradient in the logits; the nodes that make it are added to `b`. */
export const seedGradient = (b: Builder, seed: Seed, logits: string): string =>
  seed === "weights" ? COVECTOR : seed(b, logits, COVECTOR);
