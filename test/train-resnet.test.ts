// Training with batch normalisation: its gradient, the running averages, the file, and the network of the paper.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { gradientProgram } from "../src/autodiff/programs.ts";
import { COVECTOR } from "../src/autodiff/seeds.ts";
import { cropFlip } from "../src/data/augment.ts";
import { type Dataset, gather, imageSize } from "../src/data/dataset.ts";
import { readNpz } from "../src/data/npz.ts";
import { openModel } from "../src/engine/model.ts";
import type { Network } from "../src/engine/network.ts";
import { Session } from "../src/engine/session.ts";
import { patchWeights } from "../src/onnx/patch.ts";
import { readGraph } from "../src/onnx/read.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { randomStream } from "../src/tensor/random.ts";
import { trainingGraph, trainingRules } from "../src/train/batch-norm.ts";
import { buildNetwork } from "../src/train/networks.ts";
import { createMomentum } from "../src/train/optimizer.ts";
import { createStepper, runningAverages } from "../src/train/step.ts";
import { train } from "../src/train/train.ts";
import { checkGradient } from "./helpers/check-gradient.ts";
import type { NDArray } from "./helpers/evaluate/array.ts";
import { fromTensor } from "./helpers/evaluate/call.ts";
import { evaluateGraph } from "./helpers/evaluate/evaluate.ts";
import { measureShapes } from "./helpers/measure-shapes.ts";
import { runOnnxruntime } from "./helpers/onnxruntime.ts";
import { batchNorm, conv, dense, sketch } from "./helpers/sketch.ts";
import { noise, smallNetwork } from "./helpers/small.ts";

const models = process.env.TEMPER_MODELS;
const SHAPE = [3, 32, 32];

/** Two convolutions with batch normalisation, one of them followed by a shortcut's Add. */
const normalised = sketch({ shape: [2, 5, 4] }, (s, image) => {
  const first = batchNorm(s, conv(s, image, [3, 2, 3, 3], { pads: [1, 1, 1, 1] }), 3);
  const bent = s.op("Sigmoid", [first]);
  const second = batchNorm(s, conv(s, bent, [3, 3, 3, 3], { pads: [1, 1, 1, 1] }), 3);
  const pooled = s.op("GlobalAveragePool", [s.op("Add", [second, bent])]);
  return dense(s, s.op("Flatten", [pooled]), 3, 4);
});

describe("batch normalisation in training", () => {
  const shapes = measureShapes(normalised);
  const { graph, statistics } = trainingGraph(normalised, shapes);
  const logits = normalised.outputs[0].name;
  const random = randomStream(11);
  const normal = (dims: readonly number[]): NDArray => ({
    dims,
    data: Float64Array.from({ length: dims.reduce((a, c) => a * c, 1) }, () => random.normal()),
  });
  const image = normal([3, 2, 5, 4]);
  const weights = [...normalised.initializers]
    .filter(([name]) => !statistics.some((s) => [s.runningMean, s.runningVariance].includes(name)))
    .map(([name, tensor]) => [name, fromTensor(tensor)] as const);

  it("gives each channel its batch's mean 0 and variance 1, scaled and shifted", () => {
    for (const { mean, variance } of statistics) {
      const node = graph.nodes.find(({ op, inputs }) => op !== "Reshape" && inputs.includes(mean))!;
      expect(node.inputs[4]).toBe(variance);
      const wanted = [node.outputs[0], variance, ...node.inputs.slice(1, 3)];
      const values = evaluateGraph(graph, new Map([["image", image]]), wanted);
      const [y, v, scale, shift] = wanted.map((name) => values.get(name)!.data);
      for (let c = 0; c < 3; c++) {
        const channel = y.filter((_, i) => Math.floor(i / 20) % 3 === c);
        const average = channel.reduce((a, b) => a + b, 0) / 60;
        const spread = channel.reduce((a, b) => a + (b - average) ** 2, 0) / 60;
        expect(average).toBeCloseTo(shift[c], 12);
        expect(spread).toBeCloseTo((scale[c] ** 2 * v[c]) / (v[c] + 1e-5), 8);
      }
    }
  });

  it("has the gradient of its definition, through the statistics, in the image and every weight", () => {
    const wrt = ["image", ...weights.map(([name]) => name)];
    const program = gradientProgram(graph, { shapes, seed: "weights", wrt, rules: trainingRules });
    const values = new Map([["image", image], ...weights]);
    for (const [name, { dims, data }] of values) {
      const at = (v: Float64Array): Map<string, NDArray> =>
        new Map([...values, [name, { dims, data: v }]]);
      checkGradient({
        f: (v) => evaluateGraph(graph, at(v), [logits]).get(logits)!.data,
        gradient: (v, covector) => {
          const feeds = at(v).set(COVECTOR, { dims: [3, 4], data: covector });
          const wanted = program.gradients.get(name)!;
          return evaluateGraph(program.graph, feeds, [wanted]).get(wanted)!.data;
        },
        x: data,
        random,
      });
    }
  });

  it("leaves a network without it as it is", async () => {
    const network = await smallNetwork();
    expect(trainingGraph(network.graph, network.shapes).graph).toBe(network.graph);
    expect(runningAverages(network).size).toBe(0);
  });
});

/** The values of the network's first convolution, [n x 16 x 1024]. */
async function firstConvolution(network: Network, x: Float32Array): Promise<Float32Array> {
  const name = "conv1/Conv";
  const graph = { ...network.graph, outputs: [{ name, type: null, dims: [] }] };
  const session = await Session.create(graph, { device: "cpu" });
  const n = x.length / imageSize(SHAPE);
  const outputs = await session.run({ input: { dims: [n, ...SHAPE], data: x } });
  await session.release();
  return outputs.get(name)!.data;
}

describe("running averages", () => {
  it("move a tenth of the way to the batch's mean and unbiased variance", async () => {
    const network = await smallNetwork(2, "resnet8");
    const running = runningAverages(network);
    expect(running.size).toBe(30);
    const [mean, variance] = ["bn1.running_mean", "bn1.running_var"].map((n) => running.get(n)!);
    mean.fill(3);
    variance.fill(5);
    const data = noise(3, 4, SHAPE);
    const x = data.pixels as Float32Array;
    const stepper = await createStepper(network, running);
    await stepper.gradient(network.theta0, x, data.labels);
    await stepper.release();
    const seen = await firstConvolution(network, x);
    for (let c = 0; c < 16; c++) {
      const channel = Float64Array.from(seen.filter((_, i) => Math.floor(i / 1024) % 16 === c));
      const average = channel.reduce((a, b) => a + b, 0) / 3072;
      const unbiased = channel.reduce((a, b) => a + (b - average) ** 2, 0) / 3071;
      expect(mean[c]).toBeCloseTo(0.9 * 3 + 0.1 * average, 5);
      expect(variance[c]).toBeCloseTo(0.9 * 5 + 0.1 * unbiased, 5);
    }
  });
});

describe("resnet8", () => {
  it("is the published network: the same tensors, the same logits from the published weights", async (test) => {
    const model = await openModel(writeGraph(buildNetwork("resnet8", 1)));
    expect(model.parameterCount).toBe(175_258);
    expect([model.inputShape, model.labels]).toEqual([SHAPE, 10]);
    if (models === undefined)
      test.skip("set TEMPER_MODELS to the folder of the published networks");
    const published = readGraph(await readFile(join(models!, "resnet8.onnx")));
    const weights = new Map(
      [...published.initializers]
        .filter(([, { type }]) => type === "float32")
        .map(([name, { values }]) => [name, values as Float32Array]),
    );
    const fed = await openModel(patchWeights(model.bytes(), weights));
    expect(fed.parameters.map(({ name, shape }) => [name, ...shape])).toEqual(
      [...weights.keys()]
        .filter((name) => !name.includes("running"))
        .map((name) => [name, ...published.initializers.get(name)!.dims]),
    );
    const npz = readNpz(await readFile(join(models!, "resnet8.reference.npz")));
    const [x, expected] = ["x", "logits"].map((name) => npz.get(name)!.values as Float32Array);
    const channel = (i: number): number => Math.floor(i / 1024) % 3;
    const [mean, std] = [
      [0.4914, 0.4822, 0.4465],
      [0.2023, 0.1994, 0.201],
    ];
    const pixels = Float32Array.from(x, (v, i) => v * std[channel(i)] + mean[channel(i)]);
    const logits = await fed.logits(pixels, 8);
    for (const [i, f] of logits.entries()) expect(Math.abs(f - expected[i])).toBeLessThan(1e-3);
  });

  it("takes a step of gradient descent on the batch as its own draw crops it, running averages too", async () => {
    const seed = 6;
    const data = noise(5, 8, SHAPE);
    const options = { data, epochs: 1, batch: 5, learningRate: 0.02, seed };
    const { bytes, epochs } = await train("resnet8", options);

    const network = await smallNetwork(seed, "resnet8");
    const order = randomStream(seed, 1, 1).permutation(5);
    const x = gather(data, order);
    for (const [i, id] of order.entries()) {
      const image = x.subarray(i * imageSize(SHAPE), (i + 1) * imageSize(SHAPE));
      cropFlip(image, SHAPE, randomStream(seed, 2, 1, id));
    }
    const running = runningAverages(network);
    const stepper = await createStepper(network, running);
    const y = order.map((id) => data.labels[id]);
    const { loss, gradient } = await stepper.gradient(network.theta0, x, y);
    await stepper.release();
    const model = await openModel(bytes);
    expect(epochs).toEqual([{ epoch: 1, learningRate: 0.02, loss: loss / 5 }]);
    const moved = Float32Array.from(network.theta0, (v, i) => v - 0.02 * gradient[i]);
    expect(model.theta().findIndex((v, i) => v !== moved[i])).toBe(-1);
    const { initializers } = readGraph(bytes);
    for (const [name, average] of running) {
      expect(initializers.get(name)!.values).toEqual(Float32Array.from(average));
    }
  });

  it("learns, and leaves a file that normalises by its running averages, one image at a time", async () => {
    const random = randomStream(5);
    const labels = Int32Array.from({ length: 20 }, (_, i) => i % 2);
    const red = (i: number): boolean => i % 3072 < 1024;
    const data: Dataset = {
      ...noise(20, 3, SHAPE),
      labels,
      pixels: Float32Array.from({ length: 20 * 3072 }, (_, i) => {
        const shift = red(i) ? 0.3 * labels[Math.floor(i / 3072)] : 0;
        return 0.5 * random.uniform() + shift;
      }),
    };
    const { bytes, epochs } = await train("resnet8", { data, epochs: 4, batch: 8 });
    expect(epochs.at(-1)!.loss).toBeLessThan(0.5 * epochs[0].loss);

    const file = readGraph(bytes);
    const node = file.nodes.find(({ op }) => op === "BatchNormalization")!;
    const [x, ...rest] = node.inputs;
    const [scale, shift, mean, variance] = rest.map((n) => file.initializers.get(n)!.values);
    const outputs = [x, node.outputs[0]];
    const probe = { ...file, outputs: outputs.map((name) => ({ name, type: null, dims: [] })) };
    const fed = Float64Array.from(data.pixels.subarray(0, 3072));
    const values = await runOnnxruntime(
      probe,
      new Map([["input", { dims: [1, ...SHAPE], data: fed }]]),
    );
    const [before, after] = outputs.map((name) => values.get(name)!.data);
    for (const [i, v] of before.entries()) {
      const c = Math.floor(i / 1024);
      const normal = (v - Number(mean[c])) / Math.sqrt(Number(variance[c]) + 1e-5);
      expect(Math.abs(after[i] - (normal * Number(scale[c]) + Number(shift[c])))).toBeLessThan(
        1e-4,
      );
    }
  });
});

describe("gradient descent with momentum", () => {
  it("moves by all gradients so far, each weaker by a tenth every step", () => {
    const gradients = [3, -1, 0.5, 4];
    const theta = Float64Array.of(1);
    const { step } = createMomentum(1);
    let expected = 1;
    for (const [t, g] of gradients.entries()) {
      const velocity = gradients.slice(0, t + 1).reduce((sum, v, i) => sum + v * 0.9 ** (t - i), 0);
      expected -= 0.1 * velocity;
      step(theta, Float64Array.of(g), 0.1);
      expect(theta[0]).toBeCloseTo(expected, 12);
    }
  });
});
