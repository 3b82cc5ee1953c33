// What a run would have chosen had it been stopped earlier: the choice (19) from its first iterations.
//
// A loss that the run left as a bound was dominated, perhaps by a later candidate. So the lines of the first
// iterations are evaluated again as Algorithm 1 does at its end, from the losses and bounds that are known.

import { poolOf, type Trial } from "../../src/correct/candidates.ts";
import { choose } from "../../src/correct/choice.ts";
import { evaluateLines } from "../../src/correct/lines.ts";
import { networkOf } from "../../src/engine/model.ts";
import { createOracle } from "../../src/engine/oracle.ts";
import { openWorkers } from "../../src/engine/workers.ts";
import type { Candidate, Dataset, Model, PointRun } from "../../src/index.ts";
import type { BenchWork } from "../work.ts";

export interface EarlyCall extends Pick<BenchWork, "threads" | "signal" | "onProgress"> {
  /** The model that the run began from, its points and its data. */
  readonly model: Model;
  readonly points: Dataset;
  readonly data: Dataset;
  /** How many iterations count. */
  readonly iterations: number;
  /** w of (19), from 0 to 1. */
  readonly weight: number;
}

/** The choice from the candidates of the first iterations; its flag `front` says that none of these dominates it. */
export async function choiceAfter(run: PointRun, call: EarlyCall): Promise<Candidate> {
  const { iterations, weight, points, data, signal, onProgress } = call;
  const { alphas, loss, ...options } = run.record.options;
  const workers = openWorkers(call.threads);
  const oracle = createOracle({
    network: networkOf(call.model),
    points,
    data,
    loss,
    workers,
    signal,
    onShard: (done, of) => onProgress?.(`${iterations} iterations`, done, of),
  });
  const known = new Map(
    run.pool
      .filter(({ iteration }) => iteration <= iterations)
      .map((candidate): [Trial, Candidate] => {
        const { front: _, lossAtLeast: _bound, ...trial } = candidate;
        return [trial, candidate];
      }),
  );
  try {
    const candidates = poolOf(
      await evaluateLines([...known.keys()], {
        alphas,
        fullPool: false,
        evaluate: async (trial, limit) => {
          const candidate = known.get(trial)!;
          const { loss, lossAtLeast: bound } = candidate;
          if (loss !== null) return { loss };
          if (bound !== undefined && bound > limit) return { lossAtLeast: bound };
          return oracle.boundedLoss(run.theta(candidate), limit);
        },
      }),
    );
    return candidates[choose(candidates, { ...options, weight })];
  } finally {
    await oracle.close();
    await workers.close();
  }
}
