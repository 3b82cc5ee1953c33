// Workers set up for attacks on one model and one data set: shared once, closed by their owner.
import { checkDataset, type Dataset } from "../data/dataset.ts";
import type { Model } from "../engine/model.ts";
import { openWorkers, type Workers } from "../engine/workers.ts";

/** What every long call of the library takes. */
export interface Work {
  /** Worker processes; default one a core, 0 stays in this process. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

// Below this many images, and as many passes as PGD makes on them, starting processes costs more than it saves.
const FEW_IMAGES = 256;
const FEW_PASSES = FEW_IMAGES * 41;

/**
 * Runs `use` with workers that share the model and the data, and closes them whatever happens.
 *
 * @param work `passes`: how often an image goes through the network, at most
 * @throws TemperError `data-mismatch`, or `bad-option` for `threads`
 */
export async function withWorkers<R>(
  model: Model,
  data: Dataset,
  { threads, passes }: Work & { readonly passes: number },
  use: (workers: Workers) => Promise<R>,
): Promise<R> {
  checkDataset(data, { shape: model.inputShape, labels: model.labels });
  const few = data.count < FEW_IMAGES && data.count * passes < FEW_PASSES;
  const workers = openWorkers(threads ?? (few ? 0 : undefined));
  try {
    workers.share("network", { file: model.network.file, options: model.network.options });
    workers.share("theta", model.theta());
    workers.share("data", data);
    return await use(workers);
  } finally {
    await workers.close();
  }
}
