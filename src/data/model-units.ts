// A model's own units: pixels less the mean of their channel, divided by its standard deviation.
import { channelOfEach } from "./frame.ts";

/** The normalisation (x - mean) / std that a model wants, in pixel units. */
export interface ModelUnits {
  /** A number for each channel, or one for all. Default 0. */
  readonly mean?: readonly number[] | undefined;
  /** The same, above 0. Default 1. */
  readonly std?: readonly number[] | undefined;
}

/** The mean and the deviation of every number of an image, [numbers], in float32 as graphs hold them. */
export function unitsOfEach(
  shape: readonly number[],
  { mean = [0], std = [1] }: ModelUnits,
): { readonly mean: Float32Array; readonly std: Float32Array } {
  const channels = channelOfEach(shape);
  const each = (values: readonly number[]): Float32Array =>
    Float32Array.from(channels, (channel) => values[values.length === 1 ? 0 : channel]);
  return { mean: each(mean), std: each(std) };
}
