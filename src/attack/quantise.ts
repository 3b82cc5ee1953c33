// Makes points that survive being stored as images: pixels go to a grid of levels, and the network is asked again.
import { marginOf } from "../engine/logits.ts";
import type { Attacked, Images } from "./attack-batch.ts";
import type { Classifier } from "./classifier.ts";
import type { AttackOptions } from "./options.ts";
import { ballAround, clamp, rangeOf } from "./threat.ts";

/**
 * The nearest image whose pixels are k / levels; where that leaves the ball, the one whose pixels lie next to those
 * of x towards the clean image. Rounded to float32 it is, at 255 levels, what a stored byte is read as.
 */
export function onGrid(
  x: Float32Array,
  clean: Float32Array,
  { levels, clip, norm, eps }: Pick<AttackOptions, "clip" | "norm" | "eps"> & { levels: number },
): Float32Array | undefined {
  const ball = ballAround(clean, { norm, eps, ...rangeOf(clip, clean.length) });
  const level = (k: number): number => Math.fround(clamp(k, 0, levels) / levels);
  const nearest = x.map((v) => level(Math.round(v * levels)));
  if (ball.contains(nearest)) return nearest;
  // A pixel that is on the grid already must not be moved by the rounding of v * levels.
  const towards = x.map((v, i) => {
    if (v === nearest[i]) return v;
    return level(v < clean[i] ? Math.ceil(v * levels) : Math.floor(v * levels));
  });
  return ball.contains(towards) ? towards : undefined;
}

/** Puts the turned images on the grid, and asks about them again; one that has no place there counts as right. */
export async function quantised(
  classifier: Classifier,
  images: Images,
  attacked: Attacked,
  { levels, ...options }: AttackOptions & { readonly levels: number },
): Promise<Attacked> {
  const { labels } = classifier;
  const { cleanMargins } = attacked;
  const size = images.x.length / images.y.length;
  const [x, margins] = [attacked.x.slice(), attacked.margins.slice()];
  for (const [i, y] of images.y.entries()) {
    if (!(cleanMargins[i] > 0 && margins[i] <= 0)) continue;
    const [from, to] = [i * size, (i + 1) * size];
    const clean = images.x.subarray(from, to);
    const rounded = onGrid(x.subarray(from, to), clean, { ...options, levels });
    if (rounded === undefined) margins[i] = cleanMargins[i];
    else margins[i] = marginOf(await classifier.logits(rounded, 1), labels, 0, y);
    x.set(rounded ?? clean, from);
  }
  return { ...attacked, x, margins };
}
