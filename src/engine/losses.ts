// The table of the losses that a run may hold: a new one is a file of losses/ and an entry here.
import { demand } from "../errors.ts";
import type { Loss } from "./loss.ts";
import { brier } from "./losses/brier.ts";
import { crossEntropy } from "./losses/cross-entropy.ts";

const table = [crossEntropy, brier] as const;

/**
 * What the loss of a data set is the mean of: `cross-entropy` is -log softmax(f)_y; `brier` is the squared
 * distance of softmax(f) from the one-hot label, in [0, 2].
 */
export type LossName = (typeof table)[number]["name"];

export const losses: readonly Loss[] = table;

/** The names of all losses. */
export const lossNames: readonly LossName[] = table.map(({ name }) => name);

/** Every loss with what it is, for help. */
export const lossWords: string = losses.map(({ name, words }) => `${name} (${words})`).join(" or ");

/** @throws TemperError `bad-option` for a name that is not in the table */
export function lossOf(name: LossName): Loss {
  const found = losses.find((loss) => loss.name === name);
  demand(found !== undefined, "loss", name, lossNames.join(" or "));
  return found!;
}

/** Sum of a loss over n rows of logits [n, labels] with the labels y [n]. */
export function sumLoss(
  loss: Pick<Loss, "value">,
  logits: Float32Array,
  labels: number,
  y: Int32Array,
): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += loss.value(logits, labels, i, y[i]);
  return sum;
}
