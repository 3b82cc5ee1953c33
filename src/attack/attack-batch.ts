// Attacks a batch of images: one dialogue an image, their questions answered together.
import { gather, type ImageSource } from "../data/dataset.ts";
import { joined } from "../tensor/vector.ts";
import { attackOf, NONE } from "./attacks.ts";
import type { Classifier } from "./classifier.ts";
import { converse } from "./dialogue.ts";
import type { SingleAttack } from "./entry.ts";
import { attackImage, verify } from "./image.ts";
import type { AttackOptions } from "./options.ts";
import { attemptsOf, partsOf } from "./parts.ts";
import { ballAround, type PixelRange, rangeOf } from "./threat.ts";
import { inUnits } from "./units.ts";

export interface Images {
  /** Clean images, row-major [n, ...shape], in pixel units. */
  readonly x: Float32Array;
  /** Of one image. */
  readonly shape: readonly number[];
  /** Their true labels, [n]. */
  readonly y: Int32Array;
  /** Their indices in the data: they name the random streams. */
  readonly ids: Int32Array;
}

/** The images `ids` of a data set. */
export const imagesAt = (data: ImageSource, ids: Int32Array): Images => ({
  x: gather(data, ids),
  shape: data.shape,
  y: ids.map((id) => data.labels[id]),
  ids,
});

export interface Attacked {
  /** The attacked images, in the shape and the unit of the clean ones. */
  readonly x: Float32Array;
  /** f_y - max rival on the clean and on the attacked image, against the true label. */
  readonly cleanMargins: Float32Array;
  readonly margins: Float32Array;
  /** The name of the attack that made each image; NONE where it is the clean one. */
  readonly found: readonly string[];
  /** Passes through the network an image took: with a gradient, and without one. */
  readonly gradientSteps: Int32Array;
  readonly queries: Int32Array;
}

/**
 * Attacks a batch of images, inside the ball of the options: in pixels, or in the classifier's own unit. The
 * result for an image does not depend on the others. FGSM and PGD return where they end; of several restarts
 * they return the image with the smallest f_y - max rival. The other attacks skip images that are wrong when
 * clean, stop at the first misclassified image, and return the image with the smallest margin where none is.
 *
 * @throws TemperError `data-mismatch` where a gradient is not a number
 */
export async function attackBatch(
  classifier: Classifier,
  images: Images,
  options: AttackOptions,
): Promise<Attacked> {
  return inItsUnits(classifier, images, options, attackInRange);
}

/** Calls `attack` in the unit that the ball is stated in; the images that come of it are in pixels again. */
async function inItsUnits<A extends { readonly x: Float32Array }>(
  classifier: Classifier,
  images: Images,
  options: AttackOptions,
  attack: (c: Classifier, images: Images, range: PixelRange, options: AttackOptions) => Promise<A>,
): Promise<A> {
  const range = rangeOf(options.clip, images.x.length / images.y.length);
  if (options.epsSpace === "pixel") return attack(classifier, images, range, options);
  const units = inUnits(classifier, range, classifier.unit!);
  const inside = { ...images, x: units.fromPixels(images.x) };
  const attacked = await attack(units.classifier, inside, units.range, options);
  return { ...attacked, x: units.toPixels(attacked.x) };
}

async function attackInRange(
  classifier: Classifier,
  { x: clean, shape, y, ids }: Images,
  range: PixelRange,
  options: AttackOptions,
): Promise<Attacked> {
  const { labels } = classifier;
  const parts = partsOf(options, labels);
  const size = clean.length / y.length;
  const dialogues = Array.from(y, (label, i) => {
    const image = clean.subarray(i * size, (i + 1) * size);
    return attackImage({ clean: image, shape, y: label, labels, id: ids[i] }, range, parts);
  });
  const ended = await converse(classifier, dialogues);
  return {
    x: joined(ended.map(({ result }) => result.x)),
    cleanMargins: Float32Array.from(ended, ({ result }) => result.cleanMargin),
    margins: Float32Array.from(ended, ({ result }) => result.margin),
    found: ended.map(({ result: { by } }) => by?.name ?? NONE),
    gradientSteps: Int32Array.from(ended, ({ gradientSteps }) => gradientSteps),
    queries: Int32Array.from(ended, ({ queries }) => queries),
  };
}

/**
 * The attacked images of `attackBatch`, to the bit, where only they are asked for. An attack that returns its only end
 * is then spared the two passes that tell what became of an image.
 */
export async function endsOf(
  classifier: Classifier,
  images: Images,
  options: AttackOptions,
): Promise<Float32Array> {
  const attack = attackOf(options.attack);
  const once = "run" in attack && attack.attacksAll && options.labels === "true";
  return once && (options.restarts === 1 || "oneStep" in attack)
    ? moveBatch(classifier, images, options, { attack })
    : (await attackBatch(classifier, images, options)).x;
}

/** How images are moved. */
export interface Move {
  /** An attack that returns where it ends, such as PGD. */
  readonly attack: SingleAttack;
  /** f of the clean images [n x labels], where the attack reads them. */
  readonly logits?: Float32Array | undefined;
}

/**
 * The images that one attempt of an attack ends at: those of `attackBatch` for one restart, to the bit. Nobody is told
 * what became of them, which saves a training two passes an image.
 *
 * @throws TemperError `data-mismatch` where a gradient is not a number
 */
export async function moveBatch(
  classifier: Classifier,
  images: Images,
  options: AttackOptions,
  { attack, logits = new Float32Array(0) }: Move,
): Promise<Float32Array> {
  const { labels } = classifier;
  const { x } = await inItsUnits(classifier, images, options, async (asked, moved, range) => {
    const { x: clean, shape, y, ids } = moved;
    const size = clean.length / y.length;
    const subjects = Array.from(y, (label, i) => {
      const image = clean.subarray(i * size, (i + 1) * size);
      const { norm, eps } = options;
      const ball = ballAround(image, { norm, eps, ...range });
      const row = logits.subarray(i * labels, (i + 1) * labels);
      return { clean: image, shape, y: label, labels, logits: row, ball };
    });
    const part = { ...options, attack, restarts: 1 };
    const dialogues = subjects.map((subject, i) => attemptsOf(subject, part, ids[i])[0]);
    const ended = await converse(asked, dialogues);
    for (const [i, { result }] of ended.entries()) verify(result, subjects[i], ids[i]);
    return { x: joined(ended.map(({ result }) => result)) };
  });
  return x;
}
