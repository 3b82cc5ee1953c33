// Attacks in the model's units: a radius per channel in pixels, and the same attack where all units are one.
import { describe, expect, it } from "vitest";
import { attack } from "../src/attack/attack.ts";
import { attackBatch } from "../src/attack/attack-batch.ts";
import type { Classifier } from "../src/attack/classifier.ts";
import { unitOfPixels } from "../src/attack/classifier.ts";
import { evaluate } from "../src/attack/evaluate.ts";
import { type AttackRequest, attackOptions } from "../src/attack/options.ts";
import { imagesOf } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { openModel } from "../src/engine/model.ts";
import { randomStream } from "../src/tensor/random.ts";
import { linearClassifier } from "./helpers/linear-classifier.ts";
import { noise } from "./helpers/small.ts";
import { trainedBytes } from "./helpers/trained.ts";

const SIZE = 12;
const COUNT = 5;
const STD = [0.5, 0.2, 0.35];

const random = randomStream(3);
const uniform = (n: number): Float32Array => Float32Array.from({ length: n }, random.uniform);
const x = uniform(COUNT * SIZE);
const y = Int32Array.of(0, 1, 2, 0, 1);
const images = { x, shape: [SIZE], y, ids: Int32Array.of(4, 8, 0, 1, 2) };
const classifier = linearClassifier([0, 1, 2].map(() => [...uniform(SIZE)].map((v) => v - 0.5)));
const inUnitsOf = (std: readonly number[]): Classifier => ({
  ...classifier,
  unit: unitOfPixels(std, [std.length, 2, SIZE / std.length / 2]),
});

const attackIn = (std: readonly number[], request: AttackRequest) =>
  attackBatch(inUnitsOf(std), images, attackOptions({ ...request, epsSpace: "model" }));

describe("an attack in the model's units", () => {
  it("moves each channel by eps times its std (FGSM)", async () => {
    const attacked = await attackIn(STD, { attack: "fgsm", eps: 0.1, clip: null });
    for (let i = 0; i < x.length; i++) {
      const std = STD[Math.floor((i % SIZE) / 4)];
      expect(Math.abs(Math.abs(attacked.x[i] - x[i]) / std - 0.1)).toBeLessThan(1e-6);
    }
  });

  it("stays in its ball and the range of pixels, and reaches both (PGD)", async () => {
    const eps = 0.6;
    const attacked = await attackIn(STD, { eps, steps: 12, stepSize: 0.2 });
    let [onBall, onRange] = [0, 0];
    for (let i = 0; i < x.length; i++) {
      const moved = Math.abs(attacked.x[i] - x[i]) / STD[Math.floor((i % SIZE) / 4)];
      expect(moved).toBeLessThan(eps + 1e-6);
      expect(attacked.x[i]).toBeGreaterThanOrEqual(0);
      expect(attacked.x[i]).toBeLessThanOrEqual(1);
      if (moved > eps - 1e-6) onBall++;
      if (attacked.x[i] < 1e-6 || attacked.x[i] > 1 - 1e-6) onRange++;
    }
    expect(onBall).toBeGreaterThan(5);
    expect(onRange).toBeGreaterThan(5);
    // The margins are those of the pixels that come out, to the bit.
    const logits = await classifier.logits(attacked.x, COUNT);
    for (const [i, label] of y.entries()) {
      const row = [...logits.subarray(3 * i, 3 * i + 3)];
      const rival = Math.max(...row.filter((_, l) => l !== label));
      expect(attacked.margins[i]).toBe(Math.fround(row[label] - rival));
    }
  });

  it("is the attack in pixels with another radius where all units are the same power of 2", async () => {
    for (const [std, eps] of [
      [1, 0.2],
      [0.25, 0.8],
    ]) {
      const request = { steps: 7, restarts: 2, clip: null, seed: 5 } as const;
      const here = await attackIn([std, std, std], { ...request, eps });
      const there = await attackBatch(classifier, images, attackOptions({ ...request, eps: 0.2 }));
      expect(here).toEqual(there);
    }
  });

  it("is the attack on normalised images where the model is given them itself", async () => {
    const [mean, std] = [0.3, 0.4];
    const file = await trainedBytes();
    const data = await openData("digits:test[0:40]");
    const pixels = imagesOf(data);
    const normalised = { ...data, pixels: pixels.map((v) => (v - mean) / std) };
    const call = { eps: 0.15, steps: 3, stepSize: 0.1, clip: null, worst: 10, threads: 0 } as const;
    const [inPixels, itself] = [
      await openModel(file, { mean: [mean], std: [std] }),
      await openModel(file),
    ];
    const { points } = await attack(inPixels, { ...call, data, epsSpace: "model" });
    const { points: expected } = await attack(itself, { ...call, data: normalised });
    expect(points.source).toEqual(expected.source);
    const difference = (points.pixels as Float32Array).map((v, i) =>
      Math.abs((v - mean) / std - expected.pixels[i]),
    );
    // A gradient near 0 may have either sign; nothing else may differ.
    expect(difference.filter((d) => d > 1e-5).length).toBeLessThan(difference.length / 1000);
    await Promise.all([inPixels.close(), itself.close()]);
  });

  it("needs a model with units, and is named beside its radius", async () => {
    const [file, data] = [await trainedBytes(), noise(6)];
    const request = { attack: "fgsm", eps: 0.1, epsSpace: "model" } as const;
    const refused = expect.objectContaining({
      code: "bad-option",
      message: expect.stringMatching(/^eps-space model: .* without a std/) as string,
    }) as Error;
    const plain = await openModel(file);
    await expect(attack(plain, { data, ...request, threads: 0 })).rejects.toThrow(refused);
    const call = { data, attacks: [request], threads: 0 };
    await expect(evaluate(plain, call)).rejects.toThrow(refused);
    const model = await openModel(file, { std: [0.5] });
    const { attacks } = await evaluate(model, call);
    expect(attacks[0]).toMatchObject({ eps: 0.1, epsSpace: "model" });
    await model.close();
  });
});
