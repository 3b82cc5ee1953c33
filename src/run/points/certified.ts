// Balls in place of points: what the algorithm asks of a point, it asks of bounds over the whole ball around it.
//
// The bounds of f_l - f_y are the logits of one more network (bounds/certified.ts), whose image is a box and whose
// theta is that of the network itself. A cut (7) is then a subgradient of a bound, the violation (10) that of bounds,
// and a point counts as corrected where all its bounds lie below 0: proven. The bounds are those that hold of float32.
import { boxesAround } from "../../bounds/box.ts";
import { certifiedNetwork, demandOpenBatch, packBoxes } from "../../bounds/certified.ts";
import { differencesGraph } from "../../bounds/differences.ts";
import { type Dataset, imagesOf } from "../../data/dataset.ts";
import { demandInRange } from "../../data/range.ts";
import type { Network } from "../../engine/network.ts";
import type { Certificate } from "../certificate.ts";
import type { PointOptions } from "./options.ts";

/** The options of a run with `certifyRadius`. */
export type BallOptions = Required<Pick<PointOptions, "certifyRadius" | "certifyMethod" | "clip">>;

/** What a run asks of balls; undefined where the points alone are asked for. */
export const ballsIn = ({
  certifyRadius,
  certifyMethod,
  clip,
}: PointOptions): BallOptions | undefined =>
  certifyRadius === undefined
    ? undefined
    : { certifyRadius, certifyMethod: certifyMethod!, clip: clip! };

/**
 * Refuses what cannot be proven before any work begins.
 *
 * @throws TemperError `model-unsupported` naming the operators that have no bound; `data-mismatch` of a point outside
 *   the range of pixels
 */
export function checkBalls(network: Network, points: Dataset, options: BallOptions): void {
  demandOpenBatch(network);
  differencesGraph(network, { method: options.certifyMethod, widen: true });
  const nameOf = (i: number): string => `point ${i} of ${points.name}`;
  demandInRange(imagesOf(points), points.count, settingsOf(options).clip, nameOf);
}

/** A network of bounds, and the boxes that it is asked about. */
export interface Balls {
  /** Its logits are bounds, its images boxes. */
  readonly network: Network;
  /** The boxes, with the labels of the points. */
  readonly points: Dataset;
}

/** The bounds of a network over the balls around the points. */
export async function ballsOf(
  network: Network,
  points: Dataset,
  options: BallOptions,
): Promise<Balls> {
  const { certifyRadius, certifyMethod: method } = options;
  const { name, count, labels } = points;
  const bounded = await certifiedNetwork(network, { method, widen: true });
  const eps = new Float64Array(count).fill(certifyRadius);
  const boxes = boxesAround(imagesOf(points), eps, settingsOf(options));
  const pixels = packBoxes({ ...boxes, labels }, network.labels);
  return {
    network: bounded,
    points: { name, count, labels, shape: bounded.inputShape, pixels },
  };
}

/** What is proven of the saved file: of so many points all but the unproven ones. */
export const certificateOf = (
  { certifyRadius: eps, certifyMethod: method, clip }: BallOptions,
  points: { readonly images: number; readonly proven: number },
): Certificate => ({ method, norm: "linf", eps, epsSpace: "pixel", clip, points });

const settingsOf = ({ clip }: BallOptions) => ({ clip, epsSpace: "pixel" }) as const;
