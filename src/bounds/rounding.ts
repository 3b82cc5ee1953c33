// How far float32 may lie from the real numbers: what makes a bound hold of the network as it is computed.
//
// A sum of n products, added in any order and fused with what follows it, lies within gamma_n (|w| . |x|) of the exact
// one, gamma_n = n u / (1 - n u) and u = 2^-24 (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
import { TemperError } from "../errors.ts";
import { type Node, nodeLabel } from "../onnx/graph.ts";

/** The unit roundoff of float32. */
const UNIT = 2 ** -24;

/** Roundings beside those of the sum: of centre, radius, ends, and of a scale that is fused into the weights. */
const BESIDE = 8;

/** What products that underflow can lose, together: 2^26 of them, each less than the smallest normal number. */
export const TINY = 2 ** -100;

/** With more roundings than this gamma is no small number any more. */
const MOST = 0.05 / UNIT;

/**
 * The share of |w| . |x| + |offset| by which the radius of a sum must grow, so that it holds the float32 value of the
 * network and the bound's own roundings: (1 + gamma_k) / (1 - gamma_k) - 1 is at most 2 k u / (1 - 3 k u).
 *
 * @param roundings of one entry of the network's value
 * @throws TemperError `model-unsupported` where nothing could be said of so long a sum
 */
export function errorShare(node: Node, roundings: number): number {
  const k = roundings + BESIDE;
  if (k > MOST) {
    throw new TemperError(
      "model-unsupported",
      `${nodeLabel(node)} adds ${roundings} products: too many to bound their rounding in float32`,
    );
  }
  // The constant itself is rounded to float32, here upwards.
  return ((2 * k * UNIT) / (1 - 3 * k * UNIT)) * (1 + 2 ** -20);
}
