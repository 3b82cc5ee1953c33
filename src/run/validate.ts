// What a correction costs on held-out data: accuracy, and the images that were right and are now wrong.

import { type Candidate, candidateTheta, type Layout } from "../correct/candidates.ts";
import { checkDataset, type Dataset } from "../data/dataset.ts";
import type { Network } from "../engine/network.ts";
import * as tasks from "../engine/tasks.ts";
import type { Workers } from "../engine/workers.ts";
import type { Progress } from "../progress.ts";

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
  readonly network: Network;
  readonly data: Dataset;
  readonly workers: Workers;
  readonly layout: Layout;
  readonly anchors: readonly Float32Array[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Progress | undefined;
}

/** Measures theta0 and every candidate of the front on held-out data. */
export async function validate(
  front: readonly Candidate[],
  { network, data, workers, layout, anchors, signal, onProgress }: ValidateOptions,
): Promise<Validation> {
  checkDataset(data, { shape: network.inputShape, labels: network.labels });
  workers.share("network", {
    file: network.file,
    externalData: network.externalData,
    options: network.options,
  } satisfies tasks.SharedNetwork);
  workers.share("data", data);
  const rightAt = async (theta: Float32Array): Promise<Uint8Array> => {
    workers.share("theta", theta);
    const parts = await workers.map<tasks.Shard, Uint8Array>(
      { module: tasks.module, name: "rightShard" },
      tasks.shardsOf(data.count),
      { signal },
    );
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  };
  const count = (flags: Uint8Array): number => flags.reduce((a, c) => a + c, 0);

  const before = await rightAt(network.theta0);
  const validated: ValidatedCandidate[] = [];
  for (const { iteration, step } of front) {
    onProgress?.("validate", validated.length, front.length);
    const theta = candidateTheta({ iteration, step }, network.theta0, anchors, layout);
    const right = await rightAt(theta);
    const negativeFlips = count(before.map((was, i) => was & (1 - right[i])));
    validated.push({ iteration, step, accuracy: count(right) / data.count, negativeFlips });
  }
  return {
    count: data.count,
    before: count(before) / data.count,
    front: validated,
  };
}
