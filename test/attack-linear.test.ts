// The attacks on linear classifiers in both norms, where the worst case and the nearest error are known.
import { describe, expect, it } from "vitest";
import { type Attacked, attackBatch } from "../src/attack/attack-batch.ts";
import { type AttackName, attackNames, NONE } from "../src/attack/attacks.ts";
import type { Classifier } from "../src/attack/classifier.ts";
import { type AttackRequest, attackOptions } from "../src/attack/options.ts";
import { mostPasses } from "../src/attack/parts.ts";
import type { Norm } from "../src/attack/settings.ts";
import { randomStream } from "../src/tensor/random.ts";
import { linearClassifier } from "./helpers/linear-classifier.ts";

const SIZE = 20;
const random = randomStream(31);
const uniform = (n: number, low: number, high: number): number[] =>
  Array.from({ length: n }, () => low + (high - low) * random.uniform());

/** ||w||_q, q dual to the norm. */
const dual = (norm: Norm, w: readonly number[]): number =>
  norm === "l2" ? Math.hypot(...w) : w.reduce((sum, v) => sum + Math.abs(v), 0);

const dot = (a: readonly number[], b: ArrayLike<number>): number =>
  a.reduce((sum, v, i) => sum + v * b[i], 0);

function attackAll(
  classifier: Classifier,
  x: Float32Array,
  y: readonly number[],
  request: AttackRequest,
): Promise<Attacked> {
  const images = {
    x,
    shape: [x.length / y.length],
    y: Int32Array.from(y),
    ids: Int32Array.from(y.keys()),
  };
  return attackBatch(classifier, images, attackOptions(request));
}

describe.each(["linf", "l2"] as const)("in %s", (norm) => {
  // f = (w . x + b, -w . x - b, -50, -50): cross-entropy and both DLR climb along -w.
  const w = uniform(SIZE, -1, 1);
  const x = Float32Array.from(uniform(2 * SIZE, 0, 1));
  const bias = 6 - Math.min(dot(w, x.subarray(0, SIZE)), dot(w, x.subarray(SIZE)));
  const none = Array<number>(SIZE).fill(0);
  const classifier = linearClassifier([w, w.map((v) => -v), none, none], [bias, -bias, -50, -50]);
  const eps = 0.3;

  it.each(["fgsm", "pgd", "apgd-ce", "apgd-dlr", "apgd-t"] as const)(
    "%s reaches the least margin of the ball",
    async (attack) => {
      const request = { attack, norm, eps, clip: null, steps: 100 } as const;
      const { margins, cleanMargins } = await attackAll(classifier, x, [0, 0], request);
      for (const i of [0, 1]) {
        const clean = 2 * (dot(w, x.subarray(i * SIZE, (i + 1) * SIZE)) + bias);
        expect(cleanMargins[i]).toBeCloseTo(clean, 5);
        expect(margins[i]).toBeCloseTo(clean - 2 * eps * dual(norm, w), 4);
      }
    },
  );
});

describe.each(["linf", "l2"] as const)("the nearest error in %s", (norm) => {
  const LABELS = 6;
  const COUNT = 12;
  const weights = Array.from({ length: LABELS }, () => uniform(SIZE, -1, 1));
  const classifier = linearClassifier(weights);
  const x = Float32Array.from(uniform(COUNT * SIZE, -2, 2));
  const imageAt = (i: number): Float32Array => x.subarray(i * SIZE, (i + 1) * SIZE);
  const logitsAt = (i: number): number[] => weights.map((row) => dot(row, imageAt(i)));
  const y = Array.from({ length: COUNT }, (_, i) => {
    const f = logitsAt(i);
    return f.indexOf(Math.max(...f));
  });
  /** The distance of an image from the nearest decision boundary: min_r (f_y - f_r) / ||w_y - w_r||_q. */
  const nearest = y.map((label, i) => {
    const f = logitsAt(i);
    const to = (r: number): number =>
      (f[label] - f[r]) /
      dual(
        norm,
        weights[label].map((v, j) => v - weights[r][j]),
      );
    return Math.min(...f.map((_, r) => (r === label ? Number.POSITIVE_INFINITY : to(r))));
  });

  it.each(["fab-t", "apgd-t", "auto"] as const)(
    "is inside the ball where %s finds one, and it finds one wherever it is",
    async (attack) => {
      for (const [i, distance] of nearest.entries()) {
        for (const share of [0.99, 1.01]) {
          const request = { attack, norm, eps: share * distance, clip: null, steps: 25 } as const;
          const { margins } = await attackAll(classifier, imageAt(i), [y[i]], request);
          expect(margins[0] > 0).toBe(share < 1);
        }
      }
    },
  );
});

describe("every attack", () => {
  const weights = Array.from({ length: 5 }, () => uniform(12, -1, 1));
  const classifier = linearClassifier(weights);
  const x = Float32Array.from(uniform(8 * 12, 0, 1));
  const y = [0, 1, 2, 3, 4, 0, 1, 2];
  const every = attackNames.flatMap((attack) =>
    (["linf", "l2"] as const).map((norm): [AttackName, Norm] => [attack, norm]),
  );

  it.each(every)(
    "%s in %s stays in the ball and the range, and tells the margin",
    async (attack, norm) => {
      for (const [eps, clip] of [
        [0.1, [0, 1]],
        [0.4, null],
        [0.05, [0.2, 0.9]], // most images leave it when clean
        [0, [0, 1]],
      ] as const) {
        const request = { attack, norm, eps, clip, steps: 12, restarts: 2, seed: 3 };
        const result = await attackAll(classifier, x, y, request);
        const logits = await classifier.logits(result.x, y.length);
        for (const [i, label] of y.entries()) {
          const row = [...logits.subarray(5 * i, 5 * i + 5)];
          const rival = Math.max(...row.filter((_, l) => l !== label));
          expect(result.margins[i]).toBe(Math.fround(row[label] - rival));
          const spent = result.gradientSteps[i] + result.queries[i];
          expect(spent).toBeLessThanOrEqual(mostPasses(attackOptions(request), 5));
          if (result.found[i] === NONE) {
            expect(result.x.slice(12 * i, 12 * i + 12)).toEqual(x.slice(12 * i, 12 * i + 12));
            continue;
          }
          const [low, high] = clip ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
          const change: number[] = [];
          for (let j = 12 * i; j < 12 * i + 12; j++) {
            expect(result.x[j]).toBeGreaterThanOrEqual(Math.fround(low));
            expect(result.x[j]).toBeLessThanOrEqual(Math.fround(high));
            change.push(result.x[j] - Math.min(Math.max(x[j], low), high));
          }
          const length = norm === "l2" ? Math.hypot(...change) : Math.max(...change.map(Math.abs));
          expect(length).toBeLessThanOrEqual(eps + 1e-6);
        }
      }
    },
  );

  it.each(["apgd-dlr", "apgd-t", "auto"] as const)(
    "%s knows how few labels there are",
    async (attack) => {
      for (const labels of [2, 3, 4]) {
        const few = linearClassifier(weights.slice(0, labels));
        const call = attackAll(
          few,
          x,
          y.map((label) => label % labels),
          { attack, eps: 0.2, steps: 3 },
        );
        const least = { "apgd-dlr": 3, "apgd-t": 4, auto: 2 }[attack];
        if (labels >= least) expect((await call).margins.length).toBe(8);
        else {
          await expect(call).rejects.toMatchObject({
            code: "bad-option",
            message: expect.stringContaining(`needs ${least} labels or more`),
          });
        }
      }
    },
  );
});
