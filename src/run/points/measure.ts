// What a run claims about a file is measured on the file: on the network that its saved bytes were read as.
import { scorePoints } from "../../correct/violation.ts";
import type { Dataset } from "../../data/dataset.ts";
import type { LossName } from "../../engine/losses.ts";
import type { Network } from "../../engine/network.ts";
import { createOracle } from "../../engine/oracle.ts";
import type { Workers } from "../../engine/workers.ts";
import type { MeasuredFile } from "../plan.ts";

export interface MeasureOptions {
  readonly points: Dataset;
  readonly data: Dataset;
  readonly margin: number;
  readonly loss: LossName;
  readonly workers: Workers;
  readonly signal?: AbortSignal | undefined;
}

/** Violation, loss and corrected points of a model as it is saved, and which points are wrong. */
export async function measureFile(
  network: Network,
  { points, data, margin, loss: name, workers, signal }: MeasureOptions,
): Promise<MeasuredFile> {
  const oracle = createOracle({ network, points, data, loss: name, workers, signal });
  try {
    const logits = await oracle.logits(oracle.theta0);
    const { violation, corrected, wrong } = scorePoints(logits, points.labels, margin);
    const loss = await oracle.loss(oracle.theta0);
    return { measured: { violation, loss, corrected, points: points.count }, wrong, logits };
  } finally {
    await oracle.close();
  }
}
