// Handwritten-looking digits that Temper draws itself, so that it can be tried without a download.
import { type Random, randomStream } from "../tensor/random.ts";
import { DIGIT_SEEDS } from "../tensor/streams.ts";
import type { Dataset } from "./dataset.ts";
import { GLYPHS, type Stroke } from "./strokes.ts";

const SIDE = 28;
const COUNTS = { train: 12_000, test: 2_000 } as const;

/** Every so many-th image, in the mean, is written carelessly: these keep a network under 100 %. */
const HARD_SHARE = 0.08;

/** Curve points between two control points. */
const STEPS = 4;

/** How one image is written; lengths in pixels, angles in radians. */
interface Hand {
  /** How far control points stray, in box units. */
  readonly wobble: number;
  /** Box -> pixels: x' = ax x + bx y + cx, y' = ay x + by y + cy. */
  readonly affine: readonly number[];
  /** A smooth wave added to x along y and to y along x: [size, frequency, phase] each. */
  readonly bend: readonly number[];
  /** Half the pen's width. */
  readonly pen: number;
  /** Brightness of full ink, at most 255. */
  readonly ink: number;
  /** Standard deviation of the paper's noise in grey levels. */
  readonly noise: number;
}

function drawHand(random: Random): Hand {
  const hard = random.uniform() < HARD_SHARE;
  const spread = hard ? 1.6 : 1;
  const between = (low: number, high: number): number => low + (high - low) * random.uniform();
  const angle = 0.08 * spread * random.normal();
  const slant = -0.15 + 0.15 * spread * random.normal();
  const height = between(8.5, 10);
  const width = height * between(0.8, 1.2);
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return {
    wobble: 0.05 * spread,
    affine: [
      width * cos,
      height * (slant * cos - sin),
      SIDE / 2 + 0.7 * spread * random.normal(),
      width * sin,
      height * (slant * sin + cos),
      SIDE / 2 + 0.7 * spread * random.normal(),
    ],
    bend: [
      0.6 * spread * random.normal(),
      between(0.15, 0.45),
      between(0, 2 * Math.PI),
      0.6 * spread * random.normal(),
      between(0.15, 0.45),
      between(0, 2 * Math.PI),
    ],
    pen: between(0.9, 1.7),
    ink: between(190, 330), // above 255 it saturates: most ink is full white
    noise: hard && random.uniform() < 0.5 ? between(10, 40) : 0,
  };
}

/** Control points in pixels, strayed and distorted; the two points of a corner stray together. */
function placePoints(stroke: Stroke, hand: Hand, random: Random): Float64Array {
  const { affine, bend, wobble } = hand;
  const points = new Float64Array(stroke.length);
  for (let i = 0; i < stroke.length; i += 2) {
    if (i > 0 && stroke[i] === stroke[i - 2] && stroke[i + 1] === stroke[i - 1]) {
      points.copyWithin(i, i - 2, i);
      continue;
    }
    const x = stroke[i] + wobble * random.normal();
    const y = stroke[i + 1] + wobble * random.normal();
    const px = affine[0] * x + affine[1] * y + affine[2];
    const py = affine[3] * x + affine[4] * y + affine[5];
    points[i] = px + bend[0] * Math.sin(bend[1] * py + bend[2]);
    points[i + 1] = py + bend[3] * Math.sin(bend[4] * px + bend[5]);
  }
  return points;
}

/** Lowers the squared distances of the pixels within `reach` of the segment (ax, ay) - (bx, by). */
function touch(
  squared: Float64Array,
  ax: number,
  ay: number,
  bx: number,
  by: number,
  reach: number,
): void {
  const [dx, dy] = [bx - ax, by - ay];
  const scale = 1 / (dx * dx + dy * dy + 1e-12);
  const left = Math.max(0, Math.ceil(Math.min(ax, bx) - reach));
  const right = Math.min(SIDE - 1, Math.floor(Math.max(ax, bx) + reach));
  const top = Math.max(0, Math.ceil(Math.min(ay, by) - reach));
  const bottom = Math.min(SIDE - 1, Math.floor(Math.max(ay, by) + reach));
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const t = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) * scale));
      const [ex, ey] = [x - ax - t * dx, y - ay - t * dy];
      const at = y * SIDE + x;
      squared[at] = Math.min(squared[at], ex * ex + ey * ey);
    }
  }
}

/** Runs the pen along the Catmull-Rom curve through the points. */
function traceCurve(squared: Float64Array, points: Float64Array, reach: number): void {
  const last = points.length - 2;
  for (let i = 0; i < last; i += 2) {
    const [x1, y1, x2, y2] = points.subarray(i, i + 4);
    if (x1 === x2 && y1 === y2) continue; // the two points of a corner
    const before = Math.max(0, i - 2);
    const after = Math.min(last, i + 4);
    const [ux, uy] = [(x2 - points[before]) / 2, (y2 - points[before + 1]) / 2];
    const [vx, vy] = [(points[after] - x1) / 2, (points[after + 1] - y1) / 2];
    let [px, py] = [x1, y1];
    for (let step = 1; step <= STEPS; step++) {
      const t = step / STEPS;
      // Hermite's four weights for both ends and both tangents
      const h2 = t * t * (3 - 2 * t);
      const hu = t * (t - 1) * (t - 1);
      const hv = t * t * (t - 1);
      const x = x1 + h2 * (x2 - x1) + hu * ux + hv * vx;
      const y = y1 + h2 * (y2 - y1) + hu * uy + hv * vy;
      touch(squared, px, py, x, y, reach);
      [px, py] = [x, y];
    }
  }
}

/** Draws `digit` into `pixels` [28 x 28]; `squared` is scratch of the same size. */
function drawDigit(digit: number, random: Random, squared: Float64Array, pixels: Uint8Array): void {
  const hand = drawHand(random);
  const glyphs = GLYPHS[digit];
  const reach = hand.pen + 0.8;
  squared.fill(Infinity);
  for (const stroke of glyphs[random.below(glyphs.length)]) {
    traceCurve(squared, placePoints(stroke, hand, random), reach);
  }
  for (let i = 0; i < pixels.length; i++) {
    // The edge fades over 1.6 pixels around the pen's radius.
    const cover = squared[i] === Infinity ? 0 : (reach - Math.sqrt(squared[i])) / 1.6;
    const grain = hand.noise > 0 ? hand.noise * random.normal() : 0;
    pixels[i] = Math.min(
      255,
      Math.max(0, hand.ink * Math.min(1, Math.max(0, cover)) + grain + 0.5),
    );
  }
}

/**
 * The built-in digits: 12,000 (train) or 2,000 (test) grey images [1, 28, 28], as many of each
 * label, in shuffled order. Image i depends only on its split and i.
 */
export function drawDigits(split: "train" | "test"): Dataset {
  const count = COUNTS[split];
  const seed = DIGIT_SEEDS[split]; // train and test share nothing but the strokes
  const labels = randomStream(seed).permutation(count);
  for (let i = 0; i < count; i++) labels[i] %= GLYPHS.length;
  const size = SIDE * SIDE;
  const pixels = new Uint8Array(count * size);
  const squared = new Float64Array(size);
  for (let i = 0; i < count; i++) {
    const image = pixels.subarray(i * size, (i + 1) * size);
    drawDigit(labels[i], randomStream(seed, i), squared, image);
  }
  return { name: `digits:${split}`, shape: [1, SIDE, SIDE], count, pixels, labels };
}
