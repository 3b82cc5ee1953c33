// Whether an attack had converged: some of the images that withstood it, attacked with twice the steps.
import type { Workers } from "../engine/workers.ts";
import { randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import { attackOf } from "./attacks.ts";
import type { AttackOptions } from "./options.ts";
import { attackAll } from "./tasks.ts";

/** How many images are attacked again, at most: with twice the steps they cost what 100 images cost. */
const MOST = 50;

export interface Longer {
  /** Images that are right before and after the attack. */
  readonly standing: number;
  /** How many of these were attacked again. */
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
  { cleanMargins, margins }: Readonly<Record<"cleanMargins" | "margins", Float32Array>>,
  signal: AbortSignal | undefined,
): Promise<Longer | undefined> {
  const entry = attackOf(options.attack);
  const limited = "run" in entry && entry.limitedBySteps;
  if (!limited || options.eps === 0) return undefined;
  const standing = [...margins.keys()].filter((i) => cleanMargins[i] > 0 && margins[i] > 0);
  const order = randomStream(options.seed, STREAMS.attack.longer).permutation(standing.length);
  const ids = order.subarray(0, MOST).map((k) => standing[k]);
  const more = { ...options, steps: 2 * options.steps, restarts: 1 };
  const shards = await attackAll(workers, { ids, options: more, keep: 0 }, { signal });
  const turned = shards.flatMap((shard) => [...shard.margins]).filter((m) => !(m > 0)).length;
  return { standing: standing.length, tried: ids.length, turned };
}
