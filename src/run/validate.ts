// What a correction costs on held-out data: accuracy, and the images that were right and are now wrong.
import { type Candidate, candidateTheta, type Layout } from "../correct/candidates.ts";
import type { ImageSource } from "../data/dataset.ts";
import type { LossName } from "../engine/losses.ts";
import type { Network } from "../engine/network.ts";
import type { Workers } from "../engine/workers.ts";
import type { Progress } from "../progress.ts";
import { answersAt, changeOf } from "./clean.ts";

/** A candidate of the front on held-out data. */
export interface ValidatedCandidate {
  /** k of the candidate; 0 for theta0 itself. */
  readonly iteration: number;
  /** j of the candidate: its step along the direction. */
  readonly step: number;
  /** The share of the images that it gets right, in [0, 1]. */
  readonly accuracy: number;
  /** Images that theta0 gets right and the candidate wrong. */
  readonly negativeFlips: number;
}

/** What the candidates of the front are worth on held-out data. */
export interface Validation {
  /** Number of images. */
  readonly count: number;
  /** theta0's accuracy, a share in [0, 1]. */
  readonly before: number;
  /** In the order of the pool. */
  readonly front: readonly ValidatedCandidate[];
}

export interface ValidateOptions {
  /** The network, or the part of it that theta moves, and the held-out data as it takes them. */
  readonly network: Network;
  readonly data: ImageSource;
  readonly theta0: Float32Array;
  /** The labels that are answered at theta0, [n]. */
  readonly before: Int32Array;
  readonly loss: LossName;
  readonly workers: Workers;
  readonly layout: Layout;
  readonly anchors: readonly Float32Array[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Progress | undefined;
}

/** Measures every candidate of the front on held-out data, beside theta0. */
export async function validate(
  front: readonly Candidate[],
  { layout, anchors, before, onProgress, ...at }: ValidateOptions,
): Promise<Validation> {
  const { theta0, data } = at;
  const { labels: y, count } = data;
  const answers = async (theta: Float32Array): Promise<Int32Array> =>
    (await answersAt(theta, at)).labels;
  const validated: ValidatedCandidate[] = [];
  for (const { iteration, step } of front) {
    onProgress?.("validate", validated.length, front.length);
    const theta = candidateTheta({ iteration, step }, theta0, anchors, layout);
    const { after: accuracy, negativeFlips } = changeOf({ y, before, after: await answers(theta) });
    validated.push({ iteration, step, accuracy, negativeFlips });
  }
  return { count, before: changeOf({ y, before, after: before }).before, front: validated };
}
