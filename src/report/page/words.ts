// What labels and candidates are called on the page.
import type { RunDocument } from "../document.ts";
import { number } from "./numbers.ts";
import { candidateOf, runOf, type State } from "./store.ts";

/** An answer in words; -1 stands for none. */
export const wordOf = ({ labels }: Pick<RunDocument, "labels">, answer: number): string =>
  labels[answer] ?? "no answer";

/** The candidate that is looked at. */
export function nameOf(state: State): string {
  const { iteration, alpha } = candidateOf(state);
  const { record } = runOf(state);
  const written =
    record.end !== undefined && state.candidate === record.choice ? " · corrected.onnx" : "";
  if (iteration === 0) return `θ₀, the model itself${written}`;
  const where = record.options.recipe === "robust" ? "" : `, ${number(100 * alpha)} % of the way`;
  return `Iteration ${iteration}${where}${written}`;
}
