// A part of a data set that stands for the whole: seeded, with as many images of each label.
import { type Dataset, gather } from "../data/dataset.ts";
import { demand } from "../errors.ts";
import { randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import { chooseBalanced } from "./choose.ts";

/** What `sample` is called with. */
export interface SampleOptions {
  /** How many images, 1 or more; all of them where there are no more. */
  readonly limit: number;
  /** A whole number, default 0; the same seed chooses the same images. */
  readonly seed?: number | undefined;
}

function noteOf(labels: Int32Array, of: number, seed: number): string {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
  const each = least === most ? `${least}` : `${least} to ${most}`;
  return `a sample of ${labels.length} of ${of} images, ${each} of each label (seed ${seed})`;
}

/**
 * Chooses `limit` images of a data set by a seed: limit / k of each of the k labels that occur; the remainder,
 * and what a label lacks, comes from the others.
 *
 * @returns the images in a seeded order; `source` holds their indices in the unsliced data, and `note` says that
 *   this is a sample. The data set itself where it has no more than `limit` images
 * @throws TemperError `bad-option` for a limit or a seed out of range
 */
export function sample(data: Dataset, { limit, seed = 0 }: SampleOptions): Dataset {
  demand(Number.isInteger(limit) && limit >= 1, "limit", limit, "a whole number, 1 or more");
  demand(Number.isInteger(seed), "seed", seed, "a whole number");
  if (limit >= data.count) return data;
  const order = randomStream(seed, STREAMS.attack.sample).permutation(data.count);
  const candidates = Array.from(order, (id) => ({ id, label: data.labels[id] }));
  const { chosen } = chooseBalanced(candidates, limit, new Set(data.labels).size);
  const ids = Int32Array.from(chosen, ({ id }) => id);
  const labels = ids.map((id) => data.labels[id]);
  const { name, shape, source, clean, augment, first = 0, note } = data;
  return {
    name,
    shape,
    count: limit,
    pixels: gather(data, ids),
    labels,
    source: ids.map((id) => source?.[id] ?? first + id),
    clean: clean && gather({ ...data, pixels: clean }, ids),
    augment,
    note: [...(note === undefined ? [] : [note]), noteOf(labels, data.count, seed)].join("; "),
  };
}
