// Whether an attack had converged: some of the images that withstood it, attacked with twice the steps.
import type { Workers } from "../engine/workers.ts";
import { randomStream } from "../tensor/random.ts";
import type { AttackName, AttackOptions } from "./options.ts";
import { attackAll } from "./tasks.ts";

/** Attacks that only the number of steps limits, or nearly so. */
const stepping: ReadonlySet<AttackName> = new Set(["pgd", "apgd-ce", "apgd-dlr"]);

/** It costs what 100 images cost. */
const MOST = 50;

/** The purpose of the stream: 1 to 3 are the choice of points, samples and probes. */
const STREAM = 4;

export interface Longer {
  /** Images right before and after. */
  readonly standing: number;
  readonly tried: number;
  /** How many of these fell. */
  readonly turned: number;
}

/**
 * Attacks up to 50 of the images that are right before and after again, chosen by the seed, with the first
 * restart's start and twice the steps; undefined where steps are not what limits the attack.
 */
export async function tryLonger(
  workers: Workers,
  options: AttackOptions,
  {
    cleanMargins,
    margins,
  }: { readonly cleanMargins: Float32Array; readonly margins: Float32Array },
  signal: AbortSignal | undefined,
): Promise<Longer | undefined> {
  if (!stepping.has(options.attack) || options.eps === 0) return undefined;
  const standing = [...margins.keys()].filter((i) => cleanMargins[i] > 0 && margins[i] > 0);
  const order = randomStream(options.seed, STREAM).permutation(standing.length);
  const ids = order.subarray(0, MOST).map((k) => standing[k]);
  const more = { ...options, steps: 2 * options.steps, restarts: 1 };
  const shards = await attackAll(workers, { ids, options: more, keep: 0 }, { signal });
  const turned = shards.flatMap((shard) => [...shard.margins]).filter((m) => !(m > 0)).length;
  return { standing: standing.length, tried: ids.length, turned };
}
