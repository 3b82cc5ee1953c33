// Brings x to mean 0 and variance 1 over some axes, as the normalisations by an image's own statistics do.
import { type Builder, meanOver, scalar } from "../builder.ts";

/** hat = (x - mean) inv with inv = 1 / sqrt(variance + epsilon). Where x is not centred, its mean counts as 0. */
export interface Standardized {
  readonly hat: string;
  readonly inv: string;
  readonly axes: readonly number[];
  readonly centred: boolean;
}

export function standardize(
  b: Builder,
  x: string,
  {
    axes,
    epsilon,
    centred = true,
  }: { axes: readonly number[]; epsilon: number; centred?: boolean },
): Standardized {
  const c = centred ? b.op("Sub", [x, meanOver(b, x, axes)]) : x;
  const variance = meanOver(b, b.op("Mul", [c, c]), axes);
  const deviation = b.op("Sqrt", [b.op("Add", [variance, scalar(b, epsilon)])]);
  const inv = b.op("Reciprocal", [deviation]);
  return { hat: b.op("Mul", [c, inv]), inv, axes, centred };
}

/** Returns dx = inv (dhat - <dhat> - hat <dhat hat>): dhat is the gradient in hat, <> the mean over the axes. */
export function throughStandardize(
  b: Builder,
  dhat: string,
  { hat, inv, axes, centred }: Standardized,
): string {
  const explained = b.op("Mul", [hat, meanOver(b, b.op("Mul", [dhat, hat]), axes)]);
  const rest = centred ? b.op("Sub", [dhat, meanOver(b, dhat, axes)]) : dhat;
  return b.op("Mul", [b.op("Sub", [rest, explained]), inv]);
}
