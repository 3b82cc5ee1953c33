// A network's certificate is one more network: its images are boxes with their labels, its logits bounds.
//
// So all that the engine does of logits it does of bounds: gradients in theta, sums over groups, cuts, in processes.

import { oneHot } from "../engine/logits.ts";
import type { Network } from "../engine/network.ts";
import { measuredShapes } from "../engine/open.ts";
import { TemperError } from "../errors.ts";
import { type DifferencesOptions, differencesGraph } from "./differences.ts";

/**
 * Makes the network whose "logits" are upper bounds of f_l - f_y over the box of each image, [n, labels]: 0 at the
 * label y, and all others below 0 where the image is proven right in its whole box. Its images are rows of
 * {@link packBoxes}; its parameters and theta0 are those of the network.
 *
 * @throws TemperError `model-unsupported` naming the operators that have no bound
 */
export async function certifiedNetwork(
  network: Network,
  options: DifferencesOptions,
): Promise<Network> {
  demandOpenBatch(network);
  const graph = differencesGraph(network, options);
  const inputShape = [graph.inputs[0].dims[1] as number];
  const shapes = await measuredShapes(graph, inputShape);
  return { ...network, graph, shapes, inputShape };
}

/** @throws TemperError `model-unsupported` of a model that is made for a fixed number of images */
export function demandOpenBatch({ images }: Network): void {
  if (images === undefined) return;
  throw new TemperError(
    "model-unsupported",
    "bounds are made of many images at once, and the model is made for a fixed number of them\n" +
      "export it with an open batch",
  );
}

/** Boxes of n images, in pixel units. */
export interface Boxes {
  /** The ends of each pixel, row-major [n, ...inputShape]. */
  readonly lower: Float32Array;
  readonly upper: Float32Array;
  /** The labels that the images are to keep. */
  readonly labels: Int32Array;
}

/** The boxes of n images as the images of a certified network: rows of lower ends, upper ends, one-hot label. */
export function packBoxes({ lower, upper, labels }: Boxes, count: number): Float32Array {
  const n = labels.length;
  const size = lower.length / n;
  const width = 2 * size + count;
  const rows = new Float32Array(n * width);
  const hot = oneHot(labels, count);
  for (let i = 0; i < n; i++) {
    rows.set(lower.subarray(i * size, (i + 1) * size), i * width);
    rows.set(upper.subarray(i * size, (i + 1) * size), i * width + size);
    rows.set(hot.subarray(i * count, (i + 1) * count), i * width + 2 * size);
  }
  return rows;
}
