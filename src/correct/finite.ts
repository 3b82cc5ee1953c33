// The refusal of a model whose own numbers are not finite: there is nothing to start from.
import { TemperError } from "../errors.ts";

export function notFiniteAtStart({
  violation,
  loss,
}: {
  readonly violation: number | null;
  readonly loss: number | null;
}): TemperError {
  return new TemperError(
    "data-mismatch",
    `the given model has the violation ${violation} on the points and the loss ${loss} on the data\n` +
      "both and their gradients must be finite; check the scale of the inputs and the model's weights",
  );
}
