// The shards of a verification: images of the shared data set whose bounds are asked for, in a worker process or here.
import { gather, type ImageSource } from "../data/dataset.ts";
import { logitsOfAll } from "../engine/batches.ts";
import type { Network } from "../engine/network.ts";
import { openPrograms, type Programs } from "../engine/programs.ts";
import type { TaskState } from "../engine/task.ts";
import { sharedNetwork } from "../engine/tasks.ts";
import { type BallSettings, boxesAround, type Ends, unitsOf } from "./box.ts";
import { certifiedNetwork, packBoxes } from "./certified.ts";
import { type Crown, differenceOf, openCrown } from "./crown.ts";
import type { BoundMethod } from "./differences.ts";
import { largestRadius } from "./radius.ts";
import { openSlopeSearch, type SlopeSearch } from "./slopes.ts";

export const module: string = import.meta.url;

/** How bounds are made, from the fastest to the closest. */
export type ProofMethod = BoundMethod | "crown" | "alpha-crown";

/** Images and how far their pixels may go. */
export interface ProofShard extends BallSettings {
  /** Indices in the shared data set. */
  readonly ids: Int32Array;
  /** One of each image. */
  readonly eps: Float64Array;
  readonly method: ProofMethod;
  /** Bounds that are known, [ids.length * labels]: `crown` asks only for rivals that these leave open. */
  readonly known?: Float32Array | undefined;
}

/** Upper bounds of f_l - f_y of each image, [ids.length * labels]: 0 at the label itself. */
export async function boundShard(state: TaskState, shard: ProofShard): Promise<Float32Array> {
  const prover = await proverOf(state);
  return prover(shard);
}

/** The largest eps at which each image of a shard is proven, found between `eps` and `most`. */
export interface RadiusShard extends Omit<ProofShard, "known" | "eps" | "method"> {
  readonly methods: readonly ProofMethod[];
  readonly eps: number;
  readonly most: number;
  readonly tolerance: number;
}

/** An eps at which each image is proven, and the least one that was tried at which it is not, [ids.length] each. */
export async function radiusShard(
  state: TaskState,
  { ids, methods, eps, most, tolerance, ...ball }: RadiusShard,
): Promise<Float64Array> {
  const prover = await proverOf(state);
  const { labels } = await sharedNetwork(state);
  const y = labelsOf(state, ids);
  const provenAt = async (some: Int32Array, radii: Float64Array): Promise<boolean[]> => {
    const known = new Float32Array(some.length * labels).fill(Number.POSITIVE_INFINITY);
    for (const method of methods) {
      const open = Int32Array.from(some.keys()).filter(
        (i) => !isProven(known, labels, i, y[some[i]]),
      );
      if (open.length === 0) break;
      const found = await prover({
        ...ball,
        ids: open.map((i) => ids[some[i]]),
        eps: Float64Array.from(open, (i) => radii[i]),
        method,
        known: rowsAt(known, labels, open),
      });
      tighten(known, labels, open, found);
    }
    return Array.from(some, (id, i) => isProven(known, labels, i, y[id]));
  };
  return largestRadius(ids.length, { provenAt, eps, most, tolerance });
}

/** Whether every rival's bound of row `i` lies below 0. */
export function isProven(bounds: Float32Array, labels: number, i: number, y: number): boolean {
  for (let l = 0; l < labels; l++) {
    if (l !== y && !(bounds[i * labels + l] < 0)) return false;
  }
  return true;
}

/** Rows of [n, width]. */
export function rowsAt(values: Float32Array, width: number, rows: Int32Array): Float32Array {
  const some = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) {
    some.set(values.subarray(row * width, (row + 1) * width), i * width);
  }
  return some;
}

/** Takes over what is lower in new bounds of some rows. */
export function tighten(
  bounds: Float32Array,
  width: number,
  rows: Int32Array,
  found: Float32Array,
): void {
  for (const [i, row] of rows.entries()) {
    for (let l = 0; l < width; l++) {
      const at = row * width + l;
      bounds[at] = Math.min(bounds[at], found[i * width + l]);
    }
  }
}

const labelsOf = (state: TaskState, ids: Int32Array): Int32Array => {
  const { labels } = state.get<ImageSource>("data");
  return ids.map((id) => labels[id]);
};

type Prover = (shard: ProofShard) => Promise<Float32Array>;

/** What bounds images of the shared data set, by sessions that are kept. */
async function proverOf(state: TaskState): Promise<Prover> {
  const network = await sharedNetwork(state);
  return async (shard) => {
    const data = state.get<ImageSource>("data");
    const labels = labelsOf(state, shard.ids);
    const x = gather(data, shard.ids);
    const boxes = boxesAround(x, shard.eps, shard, unitsOf(network, shard));
    if (shard.method === "ibp" || shard.method === "crown-ibp") {
      const { certified, programs } = await certifiedIn(state, network, shard.method);
      const rows = packBoxes({ ...boxes, labels }, network.labels);
      return logitsOfAll(certified, programs, rows, labels.length);
    }
    const crown = await state.derive(
      "crown",
      ["network"],
      async () => openCrown(network),
      (old) => old.release(),
    );
    const search =
      shard.method === "crown"
        ? undefined
        : await state.derive(
            "slopes",
            ["network"],
            () => openSlopeSearch(network, crown.stages),
            (old) => old.release(),
          );
    return crownBounds({ crown, search }, network, { ...boxes, labels, known: shard.known });
  };
}

const certifiedIn = (
  state: TaskState,
  network: Network,
  method: BoundMethod,
): Promise<{ readonly certified: Network; readonly programs: Programs }> =>
  state.derive(
    `certified ${method}`,
    ["network"],
    async () => {
      const certified = await certifiedNetwork(network, { method, widen: true });
      return { certified, programs: openPrograms(certified, certified.theta0) };
    },
    ({ programs }) => programs.release(),
  );

interface Images extends Ends {
  readonly labels: Int32Array;
  readonly known: Float32Array | undefined;
}

/** CROWN's bounds, image by image, of the rivals that known bounds leave open; with a search those of better slopes. */
async function crownBounds(
  { crown, search }: { readonly crown: Crown; readonly search: SlopeSearch | undefined },
  { labels: count }: Network,
  { lower, upper, labels, known }: Images,
): Promise<Float32Array> {
  const size = lower.length / labels.length;
  const bounds = known?.slice() ?? new Float32Array(labels.length * count).fill(Infinity);
  for (const [i, y] of labels.entries()) {
    const box = {
      lower: lower.subarray(i * size, (i + 1) * size),
      upper: upper.subarray(i * size, (i + 1) * size),
    };
    const rivals = Array.from({ length: count }, (_, l) => l).filter(
      (l) => l !== y && !(bounds[i * count + l] < 0),
    );
    bounds[i * count + y] = 0;
    if (rivals.length === 0) continue;
    const ends = await crown.refine(box);
    const found =
      search === undefined
        ? await crown.differences(box, ends, y, rivals)
        : await search.optimise(rivals.map((l) => ({ box, ends, row: differenceOf(y, l) })));
    for (const [r, l] of rivals.entries()) {
      bounds[i * count + l] = Math.min(bounds[i * count + l], found[r]);
    }
  }
  return bounds;
}
