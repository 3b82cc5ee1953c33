// The steps of a verification: what each finds of the images that are open is written into one record.
import type { AttackName } from "../attack/attacks.ts";
import { measureClean } from "../attack/clean.ts";
import { attackOptions } from "../attack/options.ts";
import { statement } from "../attack/statement.ts";
import { attackAll } from "../attack/tasks.ts";
import { type AnyDataset, gather, imageSize } from "../data/dataset.ts";
import type { Network } from "../engine/network.ts";
import { idShards } from "../engine/shards.ts";
import type { Workers } from "../engine/workers.ts";
import { throwIfAborted } from "../errors.ts";
import type { Progress } from "../progress.ts";
import type { VerifyMethod, VerifyOptions } from "./options.ts";
import * as tasks from "./tasks.ts";

/** The methods by which a proof is tried before the attack, because they are faster, and behind it. */
export const fast: Readonly<Record<VerifyMethod, readonly tasks.ProofMethod[]>> = {
  ibp: ["ibp"],
  crown: ["ibp", "crown-ibp"],
  auto: ["ibp", "crown-ibp"],
};
/** Those that are tried on what the attack leaves. */
export const slow: Readonly<Record<VerifyMethod, readonly tasks.ProofMethod[]>> = {
  ibp: [],
  crown: ["crown"],
  auto: ["crown", "alpha-crown"],
};

/** What a verification is made of. */
export interface Begun {
  readonly options: VerifyOptions;
  readonly network: Network;
  readonly data: AnyDataset;
  readonly workers: Workers;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: Progress | undefined;
}

/** What is known of an image, and by which method or attack; `clean` where it is wrong as it is. */
export interface Found {
  readonly status: "proven" | "broken" | "open";
  readonly by: string | null;
}

/** Where a verification stands; what is found is written into it. */
export interface Search extends Begun {
  /** When the time is up, in milliseconds as performance.now counts them. */
  readonly until: number;
  /** The least upper bounds of f_l - f_y so far, [n * labels]. */
  readonly bounds: Float32Array;
  readonly found: Found[];
  /** The inputs that break images, by image. */
  readonly broken: Map<number, Float32Array>;
  readonly radii: Float64Array;
  timedOut: boolean;
  statement: string | null;
}

export const begin = (begun: Begun): Search => ({
  ...begun,
  until: performance.now() + 1000 * (begun.options.timeLimit ?? Number.POSITIVE_INFINITY),
  bounds: new Float32Array(begun.data.count * begun.network.labels).fill(Number.POSITIVE_INFINITY),
  found: Array.from({ length: begun.data.count }, () => ({ status: "open", by: null })),
  broken: new Map(),
  radii: new Float64Array(begun.data.count),
  timedOut: false,
  statement: null,
});

const openIn = ({ found }: Search): Int32Array =>
  Int32Array.from(found.keys()).filter((i) => found[i].status === "open");

/** The time is asked between two shards: what was found by then counts. */
function isOver(search: Search): boolean {
  throwIfAborted(search.signal);
  search.timedOut ||= performance.now() > search.until;
  return search.timedOut;
}

/** What is wrong as it is, is broken by itself. */
export async function askClean(search: Search): Promise<void> {
  const { workers, data, network, signal, onProgress } = search;
  const onImages = (done: number, of: number): void => onProgress?.("clean", done, of);
  const { margins } = await measureClean(workers, data, { network, signal, onImages });
  for (const [i, margin] of margins.entries()) {
    if (margin > 0) continue;
    search.found[i] = { status: "broken", by: "clean" };
    search.broken.set(i, gather(data, Int32Array.of(i)));
  }
}

/** Images of a shard: so few that progress moves and the time is asked often. */
const shardSize: Readonly<Record<tasks.ProofMethod, number>> = {
  ibp: 500,
  "crown-ibp": 100,
  crown: 8,
  "alpha-crown": 4,
};

/** Bounds of every open image by one method. */
export async function prove(search: Search, method: tasks.ProofMethod): Promise<void> {
  const { options, data, network, workers, signal, bounds } = search;
  const { labels } = network;
  const ids = openIn(search);
  if (ids.length === 0 || isOver(search)) return;
  const { eps, clip, epsSpace } = options;
  const shards = idShards(ids, shardSize[method]);
  let [next, done] = [0, 0];
  await workers.each<tasks.ProofShard, Float32Array>(
    { module: tasks.module, name: "boundShard" },
    shards.map((chosen) => ({
      ...{ ids: chosen, method, clip, epsSpace },
      eps: new Float64Array(chosen.length).fill(eps),
      known: tasks.rowsAt(bounds, labels, chosen),
    })),
    (found) => {
      const chosen = shards[next++];
      tasks.tighten(bounds, labels, chosen, found);
      for (const i of chosen) {
        if (!tasks.isProven(bounds, labels, i, data.labels[i])) continue;
        search.found[i] = { status: "proven", by: method };
      }
      done += chosen.length;
      search.onProgress?.(method, done, ids.length);
      return isOver(search);
    },
    { signal },
  );
}

/** Attacks every open image. */
export async function attack(search: Search, name: AttackName): Promise<void> {
  const { options, network, data, workers, signal, onProgress } = search;
  const { eps, clip, epsSpace, seed } = options;
  const { labels } = network;
  const stated = attackOptions({ eps, clip, epsSpace, seed, attack: name });
  search.statement = statement(stated, { labels, std: network.options.std });
  const open = openIn(search);
  const size = imageSize(data.shape);
  // In parts, between which the time is asked.
  for (const ids of idShards(open, PART)) {
    if (isOver(search)) return;
    const shards = await attackAll(
      workers,
      { ids, options: stated, keep: 0, keepAll: true },
      {
        signal,
      },
    );
    let at = 0;
    for (const { margins, x } of shards) {
      for (const [k, margin] of margins.entries()) {
        const i = ids[at++];
        if (margin > 0) continue;
        search.found[i] = { status: "broken", by: name };
        search.broken.set(i, x!.slice(k * size, (k + 1) * size));
      }
    }
    onProgress?.(name, Math.min(open.length, open.indexOf(ids.at(-1)!) + 1), open.length);
  }
}

const PART = 1000;
/** Images of a shard whose radii are searched for together. */
const RADII = 20;
/** What a search leaves open, as a share of eps. */
const TOLERANCE = 0.01;

/** The largest proven eps of every image that is right as it is. */
export async function findRadii(search: Search): Promise<void> {
  const { options, found, radii, workers, signal, onProgress } = search;
  const { eps, clip, epsSpace, method } = options;
  const ids = Int32Array.from(found.keys()).filter((i) => found[i].by !== "clean");
  if (ids.length === 0 || eps === 0 || isOver(search)) return;
  const shards = idShards(ids, RADII);
  const methods = [...fast[method], ...slow[method]];
  // Beyond the whole range of pixels there is nothing more to prove.
  const most = clip === null ? Number.POSITIVE_INFINITY : clip[1] - clip[0];
  let [next, done] = [0, 0];
  await workers.each<tasks.RadiusShard, Float64Array>(
    { module: tasks.module, name: "radiusShard" },
    shards.map((chosen) => ({
      ...{ ids: chosen, methods, clip, epsSpace },
      ...{ eps, most, tolerance: TOLERANCE * eps },
    })),
    (proven) => {
      const chosen = shards[next++];
      for (const [k, i] of chosen.entries()) radii[i] = proven[k];
      done += chosen.length;
      onProgress?.("radius", done, ids.length);
      return isOver(search);
    },
    { signal },
  );
}
