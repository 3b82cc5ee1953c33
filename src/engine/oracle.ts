// The engine's oracle: what correct/ asks, answered by onnxruntime here and in the worker processes.
import type { Oracle } from "../correct/oracle.ts";
import { type Dataset, imagesOf } from "../data/dataset.ts";
import { addScaled } from "../tensor/vector.ts";
import { logitsOfAll } from "./batches.ts";
import { createCutSet } from "./cut-set.ts";
import type { Network } from "./network.ts";
import type { MapOptions, Pool } from "./pool.ts";
import { openPrograms, type Programs } from "./programs.ts";
import * as tasks from "./tasks.ts";

export interface OracleOptions {
  readonly network: Network;
  /** Dadv: images in pixel units and their true labels. */
  readonly points: Dataset;
  /** D, the training set of the loss. */
  readonly data: Dataset;
  readonly pool: Pool;
  readonly signal?: AbortSignal | undefined;
  /** Images of D passed so far in the present sweep over it, for a progress bar. */
  readonly onShard?: ((done: number, of: number) => void) | undefined;
}

/** The oracle and what it holds. Give it the pool to itself: it shares the keys network, data and theta. */
export interface EngineOracle extends Oracle {
  close(): Promise<void>;
}

export function createOracle(options: OracleOptions): EngineOracle {
  const { network, points, data, pool, signal, onShard } = options;
  const x = imagesOf(points, 0, points.count);
  const shards = tasks.shardsOf(data.count);
  pool.share("network", {
    file: network.file,
    options: network.options,
  } satisfies tasks.SharedNetwork);
  pool.share("data", data);

  let present: { theta: Float32Array; programs: Programs } | undefined;
  const close = async (): Promise<void> => {
    await present?.programs.release();
    present = undefined;
  };
  const programsAt = async (theta: Float32Array): Promise<Programs> => {
    if (present?.theta !== theta) {
      await close();
      present = { theta, programs: openPrograms(network, theta) };
    }
    return present.programs;
  };
  const sweep = <R>(name: "lossShard" | "lossGradientShard", theta: Float32Array): Promise<R[]> => {
    pool.share("theta", theta);
    const mapOptions: MapOptions = {
      signal,
      onDone: (done) => onShard?.(shards[done - 1].to, data.count),
    };
    return pool.map<tasks.Shard, R>({ module: tasks.module, name }, shards, mapOptions);
  };

  return {
    theta0: network.theta0,
    tensors: network.parameters,
    labels: network.labels,
    y: points.labels,
    logits: async (theta) =>
      Float64Array.from(await logitsOfAll(network, await programsAt(theta), x, points.count)),
    loss: async (theta) => {
      const sums = await sweep<{ loss: number }>("lossShard", theta);
      return sums.reduce((a, c) => a + c.loss, 0) / data.count;
    },
    lossGradient: async (theta) => {
      const sums = await sweep<{ loss: number; gradient: Float64Array }>(
        "lossGradientShard",
        theta,
      );
      const gradient = new Float64Array(theta.length);
      for (const shard of sums) addScaled(gradient, 1 / data.count, shard.gradient);
      return { loss: sums.reduce((a, c) => a + c.loss, 0) / data.count, gradient };
    },
    cutSet: () => createCutSet({ network, points: x, programsAt }),
    close,
  };
}
