// Workers set up for a call on one model and one data set: opened for it, or lent by the caller.
import { type AnyDataset, checkDataset } from "../data/dataset.ts";
import { processesOn } from "../engine/device.ts";
import { type Model, networkOf } from "../engine/model.ts";
import { shareAtTheta0 } from "../engine/tasks.ts";
import { openWorkers, type Workers } from "../engine/workers.ts";
import { type ShardKeeper, withKeptShards } from "./kept-shards.ts";

/** What every long call of the library takes. No result depends on `threads` or `workers`. */
export interface Work {
  /**
   * Worker processes, a whole number from 0 to 256. Default one a core, one on another device, or none where the
   * work is small; 0 does everything in this process. Not read where `workers` are given.
   */
  readonly threads?: number | undefined;
  /**
   * Workers that are open already, for several calls in turn: what they hold is not sent to them again. One call
   * at a time may use them, and whoever opened them closes them. Default: the call opens its own.
   */
  readonly workers?: Workers | undefined;
  /** Stops the call between two tasks, with a TemperError `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/** What a call takes whose shards are worth keeping. */
export interface KeptWork extends Work {
  /** Where finished shards are kept, and found again after a stop: `keepShards` opens it. Default: nowhere. */
  readonly shards?: ShardKeeper | undefined;
}

// Below this many images, and as many passes as PGD makes on them, starting processes costs more than it saves.
const FEW_IMAGES = 256;
const FEW_PASSES = FEW_IMAGES * 41;

/**
 * Runs `use` with workers that share the model and the data (keys network, theta, data), and closes those that it
 * opened, whatever happens.
 *
 * @param work `passes`: how often an image goes through the network, at most
 * @throws TemperError `data-mismatch`, or `bad-option` for `threads`
 */
export async function withWorkers<R>(
  model: Model,
  data: AnyDataset,
  { threads, workers: given, passes, shards: keeper }: KeptWork & { readonly passes: number },
  use: (workers: Workers) => Promise<R>,
): Promise<R> {
  checkDataset(data, { shape: model.inputShape, labels: model.labels });
  const few = data.count < FEW_IMAGES && data.count * passes < FEW_PASSES;
  const lent = few ? undefined : given;
  const usual = few ? 0 : processesOn(networkOf(model).options.device);
  const workers = lent ?? openWorkers(threads ?? usual);
  try {
    shareAtTheta0(workers, networkOf(model));
    workers.shareImages("data", data);
    return await use(
      keeper === undefined ? workers : withKeptShards(workers, { model, data, keeper }),
    );
  } finally {
    if (lent === undefined) await workers.close();
  }
}
