// A part of a data set that stands for the whole: seeded, with as many images of each label.
import { type Dataset, gather } from "../data/dataset.ts";
import { demand } from "../errors.ts";
import { randomStream } from "../tensor/random.ts";
import { chooseBalanced } from "./choose.ts";

export interface SampleOptions {
  /** How many images; all where there are no more. */
  readonly limit: number;
  /** Default 0. */
  readonly seed?: number | undefined;
}

/** The purpose of the stream: the choice of points draws from 1. */
const STREAM = 2;

function noteOf(labels: Int32Array, of: number, seed: number): string {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
  const each = least === most ? `${least}` : `${least} to ${most}`;
  return `a sample of ${labels.length} of ${of} images, ${each} of each label (seed ${seed})`;
}

/**
 * `limit` images in a seeded order: limit / k of each of the k labels that occur, the remainder and
 * what a label lacks filled from the others. `source` holds their indices in the unsliced data, and
 * `note` says that this is a sample.
 *
 * @throws TemperError `bad-option`
 */
export function sample(data: Dataset, { limit, seed = 0 }: SampleOptions): Dataset {
  demand(Number.isInteger(limit) && limit >= 1, "limit", limit, "a whole number, 1 or more");
  demand(Number.isInteger(seed), "seed", seed, "a whole number");
  if (limit >= data.count) return data;
  const order = randomStream(seed, STREAM).permutation(data.count);
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
