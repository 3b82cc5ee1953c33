// Training: Adam's steps by hand, the networks of the paper, and the same file for the same seed.
import { describe, expect, it } from "vitest";
import { imagesOf, slice } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { openModel } from "../src/engine/model.ts";
import { writeGraph } from "../src/onnx/write.ts";
import type { EpochRecord } from "../src/train/checkpoint.ts";
import { buildNetwork } from "../src/train/networks.ts";
import { createAdam } from "../src/train/optimizer.ts";
import { type TrainOptions, train } from "../src/train/train.ts";

const digits = await openData("digits:train[0:1000]");
const few = slice(digits, 0, 60);

describe("Adam", () => {
  it("takes the steps of the paper, from the sums its moments stand for", () => {
    // m_t = (1 - b) sum_i b^(t-i) g_i over its weights' sum 1 - b^t: a weighted mean of the gradients.
    const gradients = [3, -1, 0.5, 4];
    const mean = (values: readonly number[], beta: number): number => {
      const weights = values.map((_, i) => beta ** (values.length - 1 - i));
      const total = weights.reduce((a, c) => a + c, 0);
      return values.reduce((sum, v, i) => sum + v * weights[i], 0) / total;
    };
    const theta = Float64Array.of(1, 10);
    const adam = createAdam(2);
    let expected = 1;
    for (const [t, g] of gradients.entries()) {
      const seen = gradients.slice(0, t + 1);
      const second = mean(
        seen.map((v) => v * v),
        0.999,
      );
      expected -= (0.01 * mean(seen, 0.9)) / (Math.sqrt(second) + 1e-8);
      adam.step(theta, Float64Array.of(g, 0), 0.01);
      expect(theta[0]).toBeCloseTo(expected, 12);
    }
    expect(theta[1]).toBe(10);
  });

  it("first moves every coordinate by the rate, whatever the gradient's size", () => {
    const theta = new Float64Array(3);
    createAdam(3).step(theta, Float64Array.of(1e-3, -7, 1e6), 0.1);
    for (const [i, sign] of [-1, 1, -1].entries()) expect(theta[i]).toBeCloseTo(0.1 * sign, 5);
  });

  it("finds the minimum of a badly scaled quadratic", () => {
    const [scale, centre] = [
      [1, 100, 1e4],
      [2, -1, 0.5],
    ];
    const theta = new Float64Array(3);
    const adam = createAdam(3);
    for (let t = 0; t < 2000; t++) {
      const gradient = theta.map((v, i) => scale[i] * (v - centre[i]));
      adam.step(theta, gradient, 0.05 * 0.995 ** t);
    }
    for (const i of centre.keys()) expect(theta[i]).toBeCloseTo(centre[i], 4);
  });
});

describe.each([
  ["cnnlight", 41_008],
  ["cnn", 162_710],
] as const)("the network %s", (architecture, parameters) => {
  it(`has ${parameters} parameters, weights and biases told apart`, async () => {
    const model = await openModel(writeGraph(buildNetwork(architecture, 1)));
    expect(model.parameterCount).toBe(parameters);
    expect(model.inputShape).toEqual([1, 28, 28]);
    expect(model.labels).toBe(10);
    const kinds = model.parameters.map(({ name, kind }) => `${name} ${kind}`);
    const layers = ["conv1", "conv2", "fc1", "output"];
    expect(kinds).toEqual(layers.flatMap((l) => [`${l}.weight weight`, `${l}.bias bias`]));
    await model.close();
  });

  it("starts uniform within 1 / sqrt(inputs of a unit), by its seed", () => {
    const { initializers } = buildNetwork(architecture, 1);
    for (const [name, { values }] of initializers) {
      const weight = initializers.get(name.replace("bias", "weight"))!;
      const bound = 1 / Math.sqrt(weight.dims.slice(1).reduce((a, c) => a * c, 1));
      const sorted = Float64Array.from(values as Float32Array, (v) => v / bound).sort();
      expect(sorted[0], name).toBeGreaterThanOrEqual(-1);
      expect(sorted.at(-1), name).toBeLessThanOrEqual(1);
      if (sorted.length < 500) continue;
      // Kolmogorov and Smirnov's distance from the uniform distribution, at one in a hundred.
      const distance = sorted.reduce(
        (worst, v, i) => Math.max(worst, Math.abs((v + 1) / 2 - (i + 0.5) / sorted.length)),
        0,
      );
      expect(distance, name).toBeLessThan(1.63 / Math.sqrt(sorted.length));
    }
    expect(buildNetwork(architecture, 1)).toEqual(buildNetwork(architecture, 1));
    expect(buildNetwork(architecture, 2)).not.toEqual(buildNetwork(architecture, 1));
  });
});

describe("training", () => {
  it("learns the digits: a falling loss, nine of ten right on others", async () => {
    const seen: EpochRecord[] = [];
    const counts: number[] = [];
    const { bytes, epochs } = await train("cnnlight", {
      data: digits,
      epochs: 2,
      batch: 25,
      learningRate: 3e-3,
      onEpoch: (record) => seen.push(record),
      onProgress: (_, done) => counts.push(done),
    });
    expect(seen).toEqual(epochs);
    expect(counts).toEqual([...counts.keys()].map((i) => 25 * ((i % 40) + 1)));
    expect(epochs.map(({ learningRate }) => learningRate)).toEqual([3e-3, 3e-3 * 0.7]);
    expect(epochs[0].loss).toBeLessThan(Math.log(10));
    expect(epochs[1].loss).toBeLessThan(0.3 * epochs[0].loss);
    const model = await openModel(bytes);
    const test = await openData("digits:test[0:500]");
    expect(await model.loss(imagesOf(digits), digits.labels)).toBeLessThan(epochs[1].loss);
    const logits = await model.logits(imagesOf(test), test.count);
    const right = test.labels.filter((label, i) => {
      const row = logits.subarray(10 * i, 10 * i + 10);
      return row.indexOf(Math.max(...row)) === label;
    });
    expect(right.length / test.count).toBeGreaterThan(0.9);
    await model.close();
  });

  it("takes Adam's step along the model's own loss gradient", async () => {
    const before = await openModel(writeGraph(buildNetwork("cnnlight", 5)));
    const { loss, gradient } = await before.lossGradient(imagesOf(few), few.labels);
    const expected = Float64Array.from(before.theta());
    createAdam(expected.length).step(expected, gradient, 0.01);
    const options = { data: few, epochs: 1, batch: 60, learningRate: 0.01, seed: 5 };
    const { bytes, epochs } = await train("cnnlight", options);
    const after = await openModel(bytes);
    expect(epochs[0].loss).toBeCloseTo(loss, 6);
    // The batch is summed in another order: a gradient of nearly 0 may fall on either side.
    const off = after.theta().filter((v, i) => Math.abs(v - expected[i]) > 1e-4);
    expect(off.length / expected.length).toBeLessThan(1e-3);
    await before.close();
    await after.close();
  });

  it("gives the same bytes for the same seed only, also where the last batch is short", async () => {
    const options = { data: few, epochs: 1, batch: 25 };
    const [first, again, other] = [
      await train("cnnlight", options),
      await train("cnnlight", options),
      await train("cnnlight", { ...options, seed: 1 }),
    ];
    expect(again).toEqual(first);
    expect(other.bytes).not.toEqual(first.bytes);
  });

  it.each<[string, Partial<TrainOptions>]>([
    ["epochs", { epochs: 0 }],
    ["batch", { batch: 0 }],
    ["learning-rate", { learningRate: Number.NaN }],
    ["decay", { decay: -1 }],
    ["seed", { seed: 0.5 }],
  ])("refuses a bad %s by its name: %o", async (word, bad) => {
    await expect(train("cnnlight", { data: few, ...bad })).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringMatching(new RegExp(`^${word} .*: expected `)),
    });
  });

  it("refuses data of another shape, a rate that blows up, and stops on request", async () => {
    const tall = { ...few, shape: [1, 56, 14] };
    await expect(train("cnnlight", { data: tall })).rejects.toMatchObject({
      code: "data-mismatch",
    });
    const wild = train("cnnlight", { data: few, learningRate: 1e30, batch: 20 });
    await expect(wild).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringContaining("lower the learning rate"),
    });
    const signal = AbortSignal.abort();
    await expect(train("cnnlight", { data: few, signal })).rejects.toMatchObject({
      code: "aborted",
    });
  });
});
