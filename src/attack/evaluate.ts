// Measuring: accuracy and loss on clean images, accuracy under each attack, and what weakens a number.
import type { Dataset } from "../data/dataset.ts";
import type { Model } from "../engine/model.ts";
import type { Pool } from "../engine/pool.ts";
import * as engineTasks from "../engine/tasks.ts";
import { refuseUnknown, TemperError } from "../errors.ts";
import {
  type AttackOptions,
  type AttackRequest,
  attackOptions,
  attackRequestNames,
  type EpsSpace,
} from "./options.ts";
import { type Work, withPool } from "./session.ts";
import * as tasks from "./tasks.ts";
import { checkUnits } from "./units.ts";

export interface EvaluateCall extends Work {
  readonly data: Dataset;
  /** Attacks to measure under, in order; none measures clean images only. */
  readonly attacks?: readonly AttackRequest[] | undefined;
  readonly onProgress?: ((stage: string, done: number, of: number) => void) | undefined;
}

const known: Readonly<Record<keyof EvaluateCall, true>> = {
  data: true,
  attacks: true,
  threads: true,
  signal: true,
  onProgress: true,
};

export interface CleanResult {
  readonly n: number;
  /** Mean cross-entropy. */
  readonly loss: number;
  /** Share in [0, 1]. */
  readonly accuracy: number;
}

export interface AttackResult {
  readonly name: string;
  readonly norm: string;
  readonly eps: number;
  /** What eps is measured in. */
  readonly epsSpace: EpsSpace;
  readonly protocol: string;
  /** Share of all images that are still right when attacked. */
  readonly accuracy: number;
  /** Share of the images right when clean that the attack turns (Definition 3); 0 where none is right. */
  readonly turned: number;
  readonly warnings: readonly string[];
}

export interface Evaluation {
  readonly clean: CleanResult;
  readonly attacks: readonly AttackResult[];
}

/** Whether a pixel, in pixel units, lies outside the range. */
function leaves({ pixels }: Dataset, [low, high]: readonly [number, number]): boolean {
  if (pixels instanceof Float32Array) return pixels.some((v) => v < low || v > high);
  return (low > 0 || high < 1) && pixels.some((byte) => byte < 255 * low || byte > 255 * high);
}

function warningsOf(
  data: Dataset,
  options: AttackOptions,
  counts: { readonly right: number; readonly turned: number },
): string[] {
  const warnings: string[] = [];
  if (options.labels === "predicted") {
    warnings.push("labels predicted by the network: weaker than an attack on the true labels");
  }
  if (options.clip === null) warnings.push("pixels may leave [0, 1]: not all of these are images");
  else if (leaves(data, options.clip)) {
    const [low, high] = options.clip;
    warnings.push(
      `the data leave the clip range [${low}, ${high}]: give their range as --clip, or --mean and --std`,
    );
  }
  if (options.eps > 0 && counts.right > 0 && counts.turned === 0) {
    warnings.push(
      "not one image was turned: gradients may be masked; do not read this as robustness",
    );
  }
  return warnings;
}

async function measureClean(pool: Pool, call: EvaluateCall): Promise<CleanResult> {
  const { data, signal, onProgress } = call;
  const shards = engineTasks
    .shardsOf(data.count)
    .map((shard) => ({ ...shard, loss: "cross-entropy" as const }));
  const sums = await pool.map<engineTasks.LossShard, { loss: number; right: number }>(
    { module: engineTasks.module, name: "lossShard" },
    shards,
    { signal, onDone: (done) => onProgress?.("clean", shards[done - 1].to, data.count) },
  );
  const loss = sums.reduce((a, c) => a + c.loss, 0) / data.count;
  if (!Number.isFinite(loss)) {
    throw new TemperError(
      "model-unsupported",
      `the loss on ${data.name} is ${loss}: the model's outputs are not finite\n` +
        "check its weights, and that the data are in the range it was trained on",
    );
  }
  return {
    n: data.count,
    loss,
    accuracy: sums.reduce((a, c) => a + c.right, 0) / data.count,
  };
}

async function marginsUnder(
  pool: Pool,
  options: AttackOptions,
  call: EvaluateCall,
): Promise<{ clean: Float32Array[]; attacked: Float32Array[] }> {
  const { data, signal, onProgress } = call;
  const ids = Int32Array.from({ length: data.count }, (_, i) => i);
  const stage = `${options.attack} ${options.eps}`;
  const shards = await tasks.attackAll(
    pool,
    { ids, options, keep: 0 },
    { signal, onProgress: (done, of) => onProgress?.(stage, done, of) },
  );
  return {
    clean: shards.map(({ cleanMargins }) => cleanMargins),
    attacked: shards.map(({ margins }) => margins),
  };
}

const countRight = (margins: readonly Float32Array[]): number =>
  margins.reduce((sum, part) => sum + part.reduce((n, m) => n + (m > 0 ? 1 : 0), 0), 0);

/**
 * Accuracy and loss of a model on a data set, and its accuracy under attacks. An image counts as right
 * when f_y exceeds every rival; a tie is wrong.
 *
 * @throws TemperError `bad-option`, `data-mismatch`, or `aborted`
 */
export async function evaluate(model: Model, call: EvaluateCall): Promise<Evaluation> {
  const { data } = call;
  refuseUnknown(call, known, "evaluate");
  const requests = (call.attacks ?? []).map((request) => {
    refuseUnknown(request, attackRequestNames, "an attack of evaluate");
    const options = attackOptions(request);
    checkUnits(options, model.network.options.std);
    return options;
  });
  return withPool(model, data, call, async (pool) => {
    const clean = await measureClean(pool, call);
    const attacks: AttackResult[] = [];
    for (const options of requests) {
      const margins = await marginsUnder(pool, options, call);
      const right = countRight(margins.clean);
      let turned = 0;
      for (const [s, part] of margins.clean.entries()) {
        for (const [i, margin] of part.entries()) {
          if (margin > 0 && !(margins.attacked[s][i] > 0)) turned++;
        }
      }
      attacks.push({
        name: options.attack,
        norm: options.norm,
        eps: options.eps,
        epsSpace: options.epsSpace,
        protocol: options.protocol,
        accuracy: countRight(margins.attacked) / data.count,
        turned: right === 0 ? 0 : turned / right,
        warnings: warningsOf(data, options, { right, turned }),
      });
    }
    return { clean, attacks };
  });
}
