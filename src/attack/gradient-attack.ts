// FGSM and PGD: ascent on the cross-entropy inside the threat model's ball.
//
// FGSM (Goodfellow, Shlens & Szegedy, ICLR 2015) is one step of length eps from the clean image; PGD
// (Madry et al., ICLR 2018) many short ones, each projected back, from a random start.

import { marginOf } from "../engine/logits.ts";
import { TemperError } from "../errors.ts";
import { randomStream } from "../tensor/random.ts";
import { argmax } from "../tensor/vector.ts";
import type { Classifier } from "./classifier.ts";
import { type AttackOptions, attackNames } from "./options.ts";
import { linfBall, type PixelRange, rangeOf, type ThreatModel } from "./threat.ts";
import { inUnits } from "./units.ts";

export interface Attacked {
  /** The attack's last iterates, same shape as the clean images. */
  readonly x: Float32Array;
  /** f_y - max rival on the clean and on the attacked image, against the true label. */
  readonly cleanMargins: Float32Array;
  readonly margins: Float32Array;
  /** Which attack made each image, an index in `attackNames`; NOT_FOUND where it is the clean one. */
  readonly found: Uint8Array;
  /** Passes through the network an image took: with a gradient, and without one. */
  readonly gradientSteps: Int32Array;
  readonly queries: Int32Array;
}

/** In `found`: no attack improved on the clean image. */
export const NOT_FOUND = 255;

interface Batch {
  readonly clean: Float32Array;
  readonly y: Int32Array;
  readonly size: number;
}

const imageOf = (x: Float32Array, size: number, i: number): Float32Array =>
  x.subarray(i * size, (i + 1) * size);

/** Calls `change` with every image of x and the same image of `beside`. */
function eachImage(
  { y, size }: Batch,
  x: Float32Array,
  beside: Float32Array,
  change: (image: Float32Array, other: Float32Array, i: number) => void,
): void {
  for (let i = 0; i < y.length; i++) change(imageOf(x, size, i), imageOf(beside, size, i), i);
}

async function ascend(
  classifier: Classifier,
  batch: Batch,
  target: Int32Array,
  threat: ThreatModel,
  x: Float32Array,
  { steps, length }: { readonly steps: number; readonly length: number },
): Promise<void> {
  for (let step = 0; step < steps; step++) {
    const gradient = await classifier.inputGradient(x, target);
    eachImage(batch, x, gradient, (image, g) => threat.step(image, g, length));
    eachImage(batch, x, batch.clean, threat.project);
  }
}

function marginsOf(classifier: Classifier, logits: Float32Array, y: Int32Array): Float32Array {
  return Float32Array.from(y, (label, i) => marginOf(logits, classifier.labels, i, label));
}

export interface Images {
  readonly x: Float32Array;
  readonly y: Int32Array;
  readonly ids: Int32Array;
}

/**
 * Attacks a batch of images, inside the ball of the options: in pixels, or in the classifier's own unit.
 *
 * @throws TemperError `data-mismatch` where a gradient is not a number
 */
export async function attackBatch(
  classifier: Classifier,
  images: Images,
  options: AttackOptions,
): Promise<Attacked> {
  const range = rangeOf(options.clip, images.x.length / images.y.length);
  if (options.epsSpace === "pixel") return attackInRange(classifier, images, range, options);
  const units = inUnits(classifier, range, classifier.unit!);
  const inside = { ...images, x: units.fromPixels(images.x) };
  const attacked = await attackInRange(units.classifier, inside, units.range, options);
  return { ...attacked, x: units.toPixels(attacked.x) };
}

/**
 * Attacks a batch. Image i draws its random starts from the stream (seed, ids[i], restart), so the
 * result does not depend on how images are batched. Of several restarts the one with the smallest
 * margin f_y - max rival is kept, an image each.
 */
async function attackInRange(
  classifier: Classifier,
  images: Images,
  range: PixelRange,
  options: AttackOptions,
): Promise<Attacked> {
  const { x: clean, y, ids } = images;
  const batch: Batch = { clean, y, size: clean.length / y.length };
  const threat = linfBall({ eps: options.eps, ...range });
  const cleanLogits = await classifier.logits(clean, y.length);
  const { labels } = classifier;
  const target =
    options.labels === "true" ? y : y.map((_, i) => argmax(cleanLogits, labels, i * labels));

  const fgsm = options.attack === "fgsm";
  const restarts = fgsm ? 1 : options.restarts;
  const path = fgsm
    ? { steps: 1, length: options.eps }
    : { steps: options.steps, length: options.stepSize };
  let best: { x: Float32Array; margins: Float32Array } | undefined;
  for (let restart = 0; restart < restarts; restart++) {
    const x = clean.slice();
    if (!fgsm && options.randomStart) {
      eachImage(batch, x, clean, (image, original, i) => {
        threat.start(image, randomStream(options.seed, ids[i], restart));
        threat.project(image, original);
      });
    }
    await ascend(classifier, batch, target, threat, x, path);
    const margins = marginsOf(classifier, await classifier.logits(x, y.length), y);
    if (best === undefined) best = { x, margins };
    else {
      for (let i = 0; i < y.length; i++) {
        if (!(margins[i] < best.margins[i])) continue;
        best.margins[i] = margins[i];
        imageOf(best.x, batch.size, i).set(imageOf(x, batch.size, i));
      }
    }
  }
  const { x, margins } = best!;
  eachImage(batch, x, clean, (image, original, i) => {
    if (image.some(Number.isNaN)) {
      throw new TemperError(
        "data-mismatch",
        `the model's gradient at image ${ids[i]} is not a number, so there is no direction to attack in\n` +
          "check the scale of the inputs and the model's weights",
      );
    }
    if (!threat.contains(image, original)) {
      throw new Error(`the attack left its ball on image ${ids[i]}`);
    }
  });
  return {
    x,
    margins,
    cleanMargins: marginsOf(classifier, cleanLogits, y),
    found: new Uint8Array(y.length).fill(attackNames.indexOf(options.attack)),
    gradientSteps: new Int32Array(y.length).fill(restarts * path.steps),
    queries: new Int32Array(y.length).fill(1 + restarts),
  };
}
