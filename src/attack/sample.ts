// A part of a data set that stands for the whole: seeded, by the labels' shares or with as many images of each.
import { type AnyDataset, type Dataset, gather } from "../data/dataset.ts";
import { demand } from "../errors.ts";
import { randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import { chooseBalanced, chooseByShare } from "./choose.ts";

/** What `sample` is called with. */
export interface SampleOptions {
  /** How many images, 1 or more; all of them where there are no more. */
  readonly limit: number;
  /** A whole number, default 0; the same seed chooses the same images. */
  readonly seed?: number | undefined;
  /**
   * Whether every label gives as many images. Default false: each gives its share of the data, so that an accuracy
   * and its interval are those of the data.
   */
  readonly balanced?: boolean | undefined;
}

function noteOf(labels: Int32Array, of: number, seed: number, balanced: boolean): string {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
  const each = least === most ? `${least}` : `${least} to ${most}`;
  const how = balanced ? `${each} of each label` : "by the labels' shares";
  return `a sample of ${labels.length} of ${of} images, ${how} (seed ${seed})`;
}

/**
 * Chooses `limit` images of a data set by a seed: of each label the share that it has in the data, rounded so that
 * the whole is met; `balanced` limit / k of each of the k labels that occur, the remainder and what a label lacks
 * from the others.
 *
 * @returns the images in a seeded order; `source` holds their indices in the unsliced data, and `note` says that
 *   this is a sample. The data set itself where it has no more than `limit` images
 * @throws TemperError `bad-option` for a limit or a seed out of range
 */
export function sample(data: Dataset, options: SampleOptions): Dataset;
export function sample(data: AnyDataset, options: SampleOptions): AnyDataset;
export function sample(
  data: AnyDataset,
  { limit, seed = 0, balanced = false }: SampleOptions,
): AnyDataset {
  demand(Number.isInteger(limit) && limit >= 1, "limit", limit, "a whole number, 1 or more");
  demand(Number.isInteger(seed), "seed", seed, "a whole number");
  if (limit >= data.count) return data;
  const order = randomStream(seed, STREAMS.attack.sample).permutation(data.count);
  const candidates = Array.from(order, (id) => ({ id, label: data.labels[id] }));
  const { chosen } = balanced
    ? chooseBalanced(candidates, limit, new Set(data.labels).size)
    : { chosen: chooseByShare(candidates, limit) };
  const ids = Int32Array.from(chosen, ({ id }) => id);
  const part = subset(data, ids);
  const note = noteOf(part.labels, data.count, seed, balanced);
  return { ...part, note: data.note === undefined ? note : `${data.note}; ${note}` };
}

/**
 * The images of the given indices as a data set of their own, in that order; `source` holds their indices in the
 * unsliced data.
 */
export function subset(data: AnyDataset, ids: Int32Array): Dataset {
  const { name, shape, source, clean, augment, classes, columns, first = 0, note } = data;
  return {
    name,
    shape,
    count: ids.length,
    pixels: gather(data, ids),
    labels: ids.map((id) => data.labels[id]),
    source: ids.map((id) => source?.[id] ?? first + id),
    clean: clean && gather({ ...data, pixels: clean }, ids),
    augment,
    ...(classes && { classes }),
    ...(columns && { columns }),
    note,
  };
}
