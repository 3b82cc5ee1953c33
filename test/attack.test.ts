// The attacks against linear classifiers, where the best perturbation is known in closed form.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Attacked, attackBatch } from "../src/attack/attack-batch.ts";
import type { Classifier } from "../src/attack/classifier.ts";
import { type AttackRequest, attackOptions } from "../src/attack/options.ts";
import { randomStream } from "../src/tensor/random.ts";
import { linearClassifier } from "./helpers/linear-classifier.ts";

const f32 = Math.fround;

function attackAll(
  classifier: Classifier,
  x: Float32Array,
  y: readonly number[],
  request: AttackRequest,
  ids: readonly number[] = [...y.keys()],
): Promise<Attacked> {
  const shape = [x.length / y.length];
  const images = { x, shape, y: Int32Array.from(y), ids: Int32Array.from(ids) };
  return attackBatch(classifier, images, attackOptions(request));
}

/** Uniform in [low, high], in float32 as pixels are. */
function randomPixels(seed: number, size: number, low = 0, high = 1): Float32Array {
  const random = randomStream(seed, 77);
  return Float32Array.from({ length: size }, () => low + (high - low) * random.uniform());
}

const randomWeights = (seed: number, labels: number, size: number): number[][] =>
  Array.from({ length: labels }, (_, l) => [...randomPixels(1000 * seed + l, size, -1, 1)]);

describe("FGSM on a linear classifier", () => {
  it("with two labels moves every pixel by eps along sign(w_rival - w_y)", async () => {
    const classifier = linearClassifier([
      [1, -2, 0.5, 3],
      [2, -3, 0.5, 4],
    ]);
    const x = Float32Array.of(0.5, 0.25, 0.75, 0.95);
    const request: AttackRequest = { attack: "fgsm", eps: 0.1 };
    // w_1 - w_0 = (1, -1, 0, 1); the last pixel stops at 1.
    const label0 = await attackAll(classifier, x, [0], request);
    expect(label0.x).toEqual(Float32Array.of(0.5 + f32(0.1), 0.25 - f32(0.1), 0.75, 1));
    const label1 = await attackAll(classifier, x, [1], { ...request, clip: null });
    const last = f32(x[3] - f32(0.1));
    expect(label1.x).toEqual(Float32Array.of(0.5 - f32(0.1), 0.25 + f32(0.1), 0.75, last));
  });

  it("with three labels follows the rivals mixed by their probabilities", async () => {
    // At x = 0 all three are equally likely: the direction is sign((w_1 + w_2) / 2 - w_0).
    const weights = [
      [1, 1, 0, -1],
      [3, 0, 1, 1],
      [0, 1, -3, 1],
    ];
    const result = await attackAll(linearClassifier(weights), new Float32Array(4), [0], {
      attack: "fgsm",
      eps: 0.5,
      clip: null,
    });
    expect(result.x).toEqual(Float32Array.of(0.5, -0.5, -0.5, 0.5));
    // A bias that makes label 2 certain leaves sign(w_2 - w_0) alone.
    const certain = await attackAll(
      linearClassifier(weights, [0, 0, 60]),
      new Float32Array(4),
      [0],
      {
        attack: "fgsm",
        eps: 0.5,
        clip: null,
      },
    );
    expect(certain.x).toEqual(Float32Array.of(-0.5, 0, -0.5, 0.5));
  });

  it("ignores step size, steps, restarts and the random start", async () => {
    const classifier = linearClassifier(randomWeights(1, 3, 6));
    const x = randomPixels(2, 12);
    const plain = await attackAll(classifier, x, [0, 2], { attack: "fgsm", eps: 0.2 });
    const other = await attackAll(classifier, x, [0, 2], {
      attack: "fgsm",
      eps: 0.2,
      epsSpace: "pixel",
      stepSize: 0.001,
      steps: 7,
      restarts: 3,
      seed: 5,
    });
    expect(other).toEqual(plain);
  });
});

describe("PGD on a linear classifier with two labels", () => {
  it("reaches the least margin of the ball, f_y - f_r - eps ||w_y - w_r||_1", async () => {
    const weights = randomWeights(3, 2, 20);
    const x = randomPixels(4, 60);
    const y = [0, 1, 0];
    const { cleanMargins, margins } = await attackAll(linearClassifier(weights), x, y, {
      eps: 0.07,
      clip: null,
    });
    const l1 = weights[0].reduce((sum, w, j) => sum + Math.abs(w - weights[1][j]), 0);
    for (const i of y.keys()) expect(margins[i]).toBeCloseTo(cleanMargins[i] - 0.07 * l1, 5);
  });

  it("reaches the least margin of the ball cut to the clip range", async () => {
    const weights = randomWeights(5, 2, 20);
    const x = randomPixels(6, 20);
    const { margins, x: attacked } = await attackAll(linearClassifier(weights), x, [1], {
      eps: 0.3,
    });
    let best = 0;
    for (const [j, pixel] of x.entries()) {
      const gain = weights[1][j] - weights[0][j];
      const ends = [Math.max(0, pixel - f32(0.3)), Math.min(1, pixel + f32(0.3))];
      best += Math.min(...ends.map((end) => gain * end));
    }
    expect(margins[0]).toBeCloseTo(best, 5);
    expect(Math.min(...attacked)).toBe(0);
  });
});

describe("PGD", () => {
  const classifier = linearClassifier(randomWeights(7, 3, 5));

  it("never leaves the ball nor the clip range, whatever the options", async () => {
    const range = fc
      .tuple(
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.double({ min: 0.01, max: 2, noNaN: true }),
      )
      .map(([low, width]): [number, number] => [low, low + width]);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.float({ min: -2, max: 300, noNaN: true }), { minLength: 10, maxLength: 10 }),
        fc.oneof(
          fc.double({ min: 0, max: 1, noNaN: true }),
          fc.double({ min: 0, max: 300, noNaN: true }),
        ),
        fc.option(range),
        fc.record({
          steps: fc.integer({ min: 1, max: 6 }),
          restarts: fc.integer({ min: 1, max: 2 }),
          stepSize: fc.double({ min: 0, max: 2, noNaN: true }),
          attack: fc.constantFrom("pgd" as const, "fgsm" as const),
          seed: fc.nat(),
        }),
        async (pixels, eps, clip, rest) => {
          const clean = Float32Array.from(pixels);
          const { x } = await attackAll(classifier, clean, [0, 2], { eps, clip, ...rest });
          const [low, high] = clip ?? [-Infinity, Infinity];
          for (const [i, v] of x.entries()) {
            expect(v).toBeGreaterThanOrEqual(f32(low));
            expect(v).toBeLessThanOrEqual(f32(high));
            // A clean pixel outside the range comes no farther than the range or the ball asks.
            const outside = Math.max(low - clean[i], clean[i] - high, 0);
            const rounding = 1e-6 * Math.max(1, eps, Math.abs(clean[i]));
            expect(Math.abs(v - clean[i])).toBeLessThanOrEqual(Math.max(eps, outside) + rounding);
          }
        },
      ),
      { numRuns: 300, seed: 1 },
    );
  });

  it("attacks an image the same alone, in threes and in one batch", async () => {
    const x = randomPixels(8, 35);
    const y = [0, 1, 2, 0, 1, 2, 0];
    const ids = [4, 9, 2, 100, 7, 70_000, 1];
    const request: AttackRequest = { eps: 0.2, steps: 3, stepSize: 0.01, restarts: 2, seed: 11 };
    const whole = await attackAll(classifier, x, y, request, ids);
    for (const batch of [1, 3]) {
      for (let from = 0; from < y.length; from += batch) {
        const part = await attackAll(
          classifier,
          x.slice(from * 5, (from + batch) * 5),
          y.slice(from, from + batch),
          request,
          ids.slice(from, from + batch),
        );
        expect(part.x).toEqual(whole.x.slice(from * 5, (from + batch) * 5));
        expect(part.margins).toEqual(whole.margins.slice(from, from + batch));
      }
    }
  });

  it("gets no worse with more restarts, and keeps the image that goes with the margin", async () => {
    const x = randomPixels(9, 100);
    const y = Array.from({ length: 20 }, (_, i) => i % 3);
    const request = { eps: 0.3, steps: 1, stepSize: 0.02 };
    let before = await attackAll(classifier, x, y, request);
    let improved = 0;
    for (const restarts of [2, 3, 6]) {
      const now = await attackAll(classifier, x, y, { ...request, restarts });
      const logits = await classifier.logits(now.x, y.length);
      for (const i of y.keys()) {
        expect(now.margins[i]).toBeLessThanOrEqual(before.margins[i]);
        if (now.margins[i] < before.margins[i]) improved++;
        const row = [...logits.subarray(3 * i, 3 * i + 3)];
        const rival = Math.max(...row.filter((_, l) => l !== y[i]));
        expect(now.margins[i]).toBe(f32(row[y[i]] - rival));
      }
      before = now;
    }
    expect(improved).toBeGreaterThan(10);
  });

  it("attacks the network's own answer when asked to: away from the truth only where it was right", async () => {
    const two = linearClassifier([
      [1, 0],
      [0, 1],
    ]);
    // Image 0 is answered 0 and is 0; image 1 is answered 1 and is 0.
    const x = Float32Array.of(0.9, 0.1, 0.4, 0.6);
    const request: AttackRequest = { eps: 0.05, clip: null };
    const honest = await attackAll(two, x, [0, 0], request);
    const predicted = await attackAll(two, x, [0, 0], { ...request, labels: "predicted" });
    expect(predicted.x.slice(0, 2)).toEqual(honest.x.slice(0, 2));
    expect(honest.margins[1]).toBeCloseTo(-0.2 - 0.1, 6);
    expect(predicted.margins[1]).toBeCloseTo(-0.2 + 0.1, 6);
  });
});

describe("the random start", () => {
  const blind = linearClassifier([Array(4000).fill(0), Array(4000).fill(0)]);
  const start = async (id: number, seed: number): Promise<Float32Array> => {
    const request: AttackRequest = { eps: 0.3, clip: null, stepSize: 0, steps: 1, seed };
    return (await attackAll(blind, new Float32Array(4000), [0], request, [id])).x;
  };

  it("is uniform inside the ball", async () => {
    const sorted = (await start(0, 0)).toSorted();
    let distance = 0; // Kolmogorov and Smirnov's; 1.63 / sqrt(n) is passed by one sample in a hundred
    for (const [i, v] of sorted.entries()) {
      expect(Math.abs(v)).toBeLessThanOrEqual(f32(0.3));
      distance = Math.max(distance, Math.abs((v + 0.3) / 0.6 - (i + 0.5) / sorted.length));
    }
    expect(distance).toBeLessThan(1.63 / Math.sqrt(sorted.length));
  });

  it("is another for another image, seed or restart", async () => {
    const [first, ...others] = [await start(3, 1), await start(4, 1), await start(3, 2)];
    expect(await start(3, 1)).toEqual(first);
    for (const other of others) {
      const same = other.filter((v, i) => v === first[i]).length;
      expect(same).toBeLessThan(5);
    }
  });

  it("is left out on request", async () => {
    const x = randomPixels(12, 4000);
    const request: AttackRequest = { eps: 0.3, stepSize: 0, randomStart: false };
    expect((await attackAll(blind, x, [0], request)).x).toEqual(x);
  });
});

describe("attack options", () => {
  it("are honest unless asked otherwise", () => {
    expect(attackOptions({ eps: 0.2 })).toEqual({
      attack: "pgd",
      norm: "linf",
      eps: 0.2,
      epsSpace: "pixel",
      stepSize: 0.02,
      steps: 40,
      restarts: 1,
      clip: [0, 1],
      labels: "true",
      randomStart: true,
      protocol: "honest",
      seed: 0,
    });
  });

  it("take predicted labels and no clip from the cleverhans protocol, unless stated", () => {
    const request: AttackRequest = { eps: 0.1, protocol: "cleverhans" };
    expect(attackOptions(request)).toMatchObject({ labels: "predicted", clip: null });
    expect(attackOptions({ ...request, labels: "true" })).toMatchObject({
      labels: "true",
      clip: null,
    });
    expect(attackOptions({ ...request, clip: [0, 1] })).toMatchObject({
      labels: "predicted",
      clip: [0, 1],
    });
  });

  const half = 0.5;
  it.each<[string, Record<string, unknown>]>([
    ["attack", { attack: "cw" }],
    ["norm", { norm: "l1" }],
    ["protocol", { protocol: "foolbox" }],
    ["eps", { eps: undefined }],
    ["eps", { eps: -0.1 }],
    ["eps", { eps: Number.POSITIVE_INFINITY }],
    ["step-size", { stepSize: -1 }],
    ["step-size", { stepSize: Number.NaN }],
    ["steps", { steps: 0 }],
    ["steps", { steps: half }],
    ["restarts", { restarts: 0 }],
    ["labels", { labels: "guessed" }],
    ["clip", { clip: [1, 0] }],
    ["clip", { clip: [0, Number.NaN] }],
    ["clip", { clip: [0, 1, 2] }],
    ["clip", { clip: "none" }],
    ["seed", { seed: half }],
  ])("refuse a bad %s by its name: %o", (word, bad) => {
    const request = { eps: 0.1, ...bad } as AttackRequest;
    expect(() => attackOptions(request)).toThrow(
      expect.objectContaining({
        code: "bad-option",
        message: expect.stringMatching(new RegExp(`^${word} .*: expected `)),
      }),
    );
  });
});
