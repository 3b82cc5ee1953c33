// Which images the robust recipe attacks, which ones judge, and whose turn it is in an iteration.
import { createHash } from "node:crypto";
import { type AnyDataset, gather } from "../../data/dataset.ts";
import { TemperError } from "../../errors.ts";
import { randomStream } from "../../tensor/random.ts";
import { STREAMS } from "../../tensor/streams.ts";
import type { RobustOptions } from "./options.ts";

/** What the split depends on; without `random` every image that does not judge is attacked. */
export interface SplitOptions extends Pick<RobustOptions, "judged" | "seed"> {
  readonly random?: number | undefined;
}

/** Indices of the images that are attacked for cuts, in their own set, and of the images of D that judge. */
export interface Split {
  readonly sources: Int32Array;
  readonly judging: Int32Array;
}

/** At most this share of D judges. */
const MOST_JUDGES = 1 / 5;

/** The hashes of images, in pixel units: the same image is known again in another set. */
const imageHashes = (data: AnyDataset): string[] =>
  Array.from({ length: data.count }, (_, id) =>
    createHash("sha1")
      .update(gather(data, Int32Array.of(id)))
      .digest("base64"),
  );

/**
 * Splits by the seed. No image that judges is attacked for cuts: where the sources are fixed, they are the first of a
 * seeded order of D, and the judges follow; where they are a set of their own, images of D that it holds do not judge.
 *
 * @throws TemperError `data-mismatch` where no image is left to judge, or to attack; `bad-option` for `random`
 */
export function splitOf(
  data: AnyDataset,
  images: AnyDataset,
  { random, judged, seed }: SplitOptions,
): Split {
  const order = randomStream(seed, STREAMS.robust.split).permutation(data.count);
  const judges = Math.min(judged, Math.ceil(data.count * MOST_JUDGES));
  if (images === data && data.count < 2) {
    throw new TemperError(
      "data-mismatch",
      `${data.name}: 1 image; the robust recipe attacks some and is judged on others\ngive at least 2`,
    );
  }
  const most = images === data ? data.count - 1 : images.count;
  if (random !== undefined && random > most) {
    throw new TemperError(
      "bad-option",
      `random: given ${random}, but ${images.name} holds ${images.count} images` +
        (images === data ? ", and one at least must judge" : "") +
        `\ngive at most ${most}`,
    );
  }
  if (images === data) {
    const fixed = random ?? 0;
    const judging = order.slice(fixed, fixed + judges);
    return { judging, sources: random === undefined ? order.slice(judges) : order.slice(0, fixed) };
  }
  const all = randomStream(seed, STREAMS.robust.split, 1).permutation(images.count);
  const attacked = new Set(imageHashes(images));
  const hashes = imageHashes(data);
  const judging = order.filter((id) => !attacked.has(hashes[id])).slice(0, judges);
  if (judging.length === 0) {
    throw new TemperError(
      "data-mismatch",
      `${images.name} holds every image of ${data.name}: none is left to judge the candidates\n` +
        "leave --sources-from out, or give fewer",
    );
  }
  return { judging, sources: all.slice(0, random ?? all.length) };
}

/**
 * The k-th of endless draws of `n` from `items`: they are gone through in a seeded order, and in another one each
 * time round, so that every item is drawn equally often.
 */
export function draw(
  items: Int32Array,
  n: number,
  k: number,
  order: (round: number) => Int32Array,
): Int32Array {
  const drawn = new Int32Array(Math.min(n, items.length));
  let round = -1;
  let permuted: Int32Array = new Int32Array(0);
  for (let i = 0; i < drawn.length; i++) {
    const at = (k - 1) * drawn.length + i;
    const wanted = Math.floor(at / items.length);
    if (wanted !== round) {
      round = wanted;
      permuted = order(round);
    }
    drawn[i] = items[permuted[at % items.length]];
  }
  return drawn;
}
