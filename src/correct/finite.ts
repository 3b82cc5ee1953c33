// The refusal of a model whose own numbers are not finite: there is nothing to start from.
import { TemperError } from "../errors.ts";
import type { Trial } from "./candidates.ts";

/** @param start theta0's record */
export function notFiniteAtStart(start: Pick<Trial, "violation" | "loss">): TemperError {
  const { violation, loss } = start;
  const said = (value: number | null): string | number => value ?? "not finite";
  return new TemperError(
    "data-mismatch",
    `the given model's violation on the points is ${said(violation)}, its loss on the data is ${said(loss)}\n` +
      "both and their gradients must be finite; check the scale of the inputs and the model's weights",
  );
}
