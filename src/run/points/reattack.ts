// The cutting-set form: every source is attacked again at each trial point, and what still falls becomes a point.
//
// Mutapcic & Boyd, Cutting-set methods for robust convex optimization with pessimizing oracles, Optimization
// Methods and Software 24 (2009): the attack is the pessimizing oracle.
import { attackedPoints } from "../../attack/points-tasks.ts";
import { hingesOf } from "../../correct/groups.ts";
import type { Oracle } from "../../correct/oracle.ts";
import { type AnyDataset, type Dataset, imagesOf } from "../../data/dataset.ts";
import type { EngineOracle } from "../../engine/oracle.ts";
import type { Workers } from "../../engine/workers.ts";
import { randomStream } from "../../tensor/random.ts";
import { STREAMS } from "../../tensor/streams.ts";
import { joined } from "../../tensor/vector.ts";
import type { PointOptions } from "./options.ts";

export interface Reattack {
  /** What Algorithm 1 calls at theta0 and at every theta_k. */
  readonly ask: NonNullable<Oracle["ask"]>;
  /** All points so far, with the sources they come from. */
  points(): Dataset;
}

/** A data set of the images before an attack, where they are known; else of the images as they are. */
export const cleanOf = ({ clean, ...data }: Dataset): Dataset => ({
  ...data,
  pixels: clean ?? data.pixels,
});

/** The same data set without its images. */
export const emptied = (data: AnyDataset): Dataset => ({
  ...data,
  count: 0,
  pixels: new Float32Array(0),
  labels: new Int32Array(0),
  source: undefined,
  clean: undefined,
});

/** Attacks the sources for an oracle whose points they become. It shares the keys theta and sources. */
export function createReattack(
  oracle: EngineOracle,
  sources: Dataset,
  { attack: stated, reach, pointsPerSource, seed: first }: PointOptions,
  { workers, signal }: { readonly workers: Workers; readonly signal?: AbortSignal | undefined },
): Reattack {
  // What is right in a ball of `reach` times eps holds in one of eps elsewhere too.
  const attack = { ...stated!, eps: reach! * stated!.eps };
  const ids = Int32Array.from({ length: sources.count }, (_, i) => i);
  const clean = imagesOf(sources);
  const size = clean.length / sources.count;
  const taken = new Int32Array(sources.count);
  const images: Float32Array[] = [];
  const from: number[] = [];
  let asked = 0;

  return {
    ask: async (theta, margin) => {
      workers.share("theta", theta);
      workers.shareImages("sources", sources);
      const seed = randomStream(first, STREAMS.robust.reattack, asked++).below(2 ** 31 - 1);
      const call = { from: "sources", ids, options: { ...attack, seed } };
      const found = await attackedPoints(workers, call, signal);
      const logits = Float64Array.from(found.logits);
      const { values } = hingesOf({ y: sources.labels, logits }, margin);
      const falling = values.filter((h) => h >= margin).length;
      const chosen = ids.filter((i) => values[i] > 0 && taken[i] < pointsPerSource!);
      const x = joined([...chosen].map((i) => found.x.subarray(i * size, (i + 1) * size)));
      for (const i of chosen) taken[i]++;
      images.push(x);
      from.push(...chosen);
      oracle.addPoints(
        x,
        chosen.map((i) => sources.labels[i]),
      );
      return { sources: sources.count, falling, added: chosen.length };
    },
    points: () => ({
      name: sources.name,
      shape: sources.shape,
      count: from.length,
      pixels: joined(images),
      labels: Int32Array.from(from, (i) => sources.labels[i]),
      source: Int32Array.from(from, (i) => sources.source?.[i] ?? i + (sources.first ?? 0)),
      clean: joined(from.map((i) => clean.subarray(i * size, (i + 1) * size))),
    }),
  };
}
