// The published networks against float64 PyTorch: run where TEMPER_MODELS names the folder that holds them.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Factors } from "../src/autodiff/rule.ts";
import { readNpz } from "../src/data/npz.ts";
import { logitSum } from "../src/engine/loss.ts";
import { type Model, networkOf, openModel } from "../src/engine/model.ts";
import { openPrograms } from "../src/engine/programs.ts";
import type { FloatArray } from "../src/engine/session.ts";

const folder = process.env.TEMPER_MODELS;
const title = folder === undefined ? " (skipped: set TEMPER_MODELS to their folder)" : "";

type Numbers = ArrayLike<number>;

/** Every entry within 1e-4 of the reference, relative to its largest. */
function expectNear(actual: Numbers, expected: Numbers, what: string): void {
  expect(actual.length, what).toBe(expected.length);
  let [largest, error] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    error = Math.max(error, Math.abs(actual[i] - expected[i]));
  }
  expect(largest, what).toBeGreaterThan(0);
  expect(error / largest, what).toBeLessThan(1e-4);
}

/** A dense weight's gradient of one image: the outer product of its factors. */
function multipliedOut(
  { activation, delta, deltaFirst }: Factors,
  outputs: ReadonlyMap<string, FloatArray>,
): Float64Array {
  const [a, d] = [activation, delta].map((name) => outputs.get(name)!.data);
  const [rows, columns] = deltaFirst ? [d, a] : [a, d];
  const count = rows.length * columns.length;
  return Float64Array.from(
    { length: count },
    (_, i) => rows[Math.floor(i / columns.length)] * columns[i % columns.length],
  );
}

describe.skipIf(folder === undefined).each([
  { name: "cnnlight", reference: "cnnlight" },
  { name: "cnn", reference: "cnn" },
  { name: "resnet8", reference: "resnet8" },
  // Its parameters are others, so that only what is said of images can be compared.
  { name: "resnet8-folded", reference: "resnet8" },
])(`$name${title}`, ({ name, reference }) => {
  let model: Model;
  let arrays: Map<string, Numbers>;
  let x: Float32Array;
  let y: Int32Array;

  beforeAll(async () => {
    model = await openModel(join(folder!, `${name}.onnx`));
    const npz = readNpz(await readFile(join(folder!, `${reference}.reference.npz`)));
    arrays = new Map([...npz].map(([key, { values }]) => [key, values]));
    x = Float32Array.from(arrays.get("x")!);
    y = Int32Array.from(arrays.get("y")!);
  });
  afterAll(() => model?.close());

  /** Each tensor of theta against `PREFIX/NAME`. */
  const expectTheta = (gradient: Float64Array, prefix: string): void => {
    for (const { name: tensor, offset, size } of model.parameters) {
      const expected = arrays.get(`${prefix}/${tensor}`);
      expect(expected, `${prefix}/${tensor}`).toBeDefined();
      expectNear(gradient.subarray(offset, offset + size), expected!, `${prefix}/${tensor}`);
    }
    const listed = [...arrays.keys()].filter((key) => key.startsWith(`${prefix}/`));
    expect(listed).toHaveLength(model.parameters.length);
  };

  /** +1 at the second label of `rival`, -1 at the first, for image 0. */
  const rivalWeights = (): Float64Array => {
    const weights = new Float64Array(y.length * model.labels);
    const [second, first] = Array.from(arrays.get("rival")!);
    weights[second] = 1;
    weights[first] = -1;
    return weights;
  };

  test("logits and loss", async () => {
    expectNear(await model.logits(x, y.length), arrays.get("logits")!, "logits");
    const loss = Number(arrays.get("loss")![0]);
    expect(Math.abs((await model.loss(x, y)) - loss)).toBeLessThan(1e-4 * loss);
  });

  test("the gradient of the summed loss in the image", async () => {
    expectNear(await model.inputGradient(x, y), arrays.get("input_gradient")!, "input_gradient");
  });

  test.skipIf(name !== reference)("the gradient of the mean loss in theta", async () => {
    const { loss, gradient } = await model.lossGradient(x, y);
    const expected = Number(arrays.get("loss")![0]);
    expect(Math.abs(loss - expected)).toBeLessThan(1e-4 * expected);
    expectTheta(gradient, "loss_gradient");
  });

  test.skipIf(name !== reference)("the gradient of a difference of two logits", async () => {
    expectTheta(await model.logitGradient(x, rivalWeights()), "rival_gradient");
  });

  test("the file with its own theta written into it is the file", async () => {
    const file = new Uint8Array(await readFile(join(folder!, `${name}.onnx`)));
    expect(Buffer.compare(model.bytes(), file)).toBe(0);
    const moved = await model.withParameters(model.theta().map((v) => 2 * v));
    const again = await openModel(moved.bytes());
    expect(
      Buffer.compare(Buffer.from(again.theta().buffer), Buffer.from(moved.theta().buffer)),
    ).toBe(0);
  });

  test("cuts, one image at a time and factors multiplied out, add up to the gradient of a sum", async () => {
    const [network, { labels }] = [networkOf(model), model];
    const n = 3;
    const size = x.length / y.length;
    const weights = Float32Array.from({ length: n * labels }, (_, i) => Math.cos(i));
    const total = new Float64Array(model.parameterCount);
    const programs = openPrograms(network, network.theta0);
    for (let i = 0; i < n; i++) {
      const { program, outputs } = await programs.gradient(
        { of: logitSum, in: "theta in factors" },
        x.subarray(i * size, (i + 1) * size),
        weights.subarray(i * labels, (i + 1) * labels),
        1,
      );
      for (const { name: tensor, offset } of network.parameters) {
        const plain = program.gradients.get(tensor);
        const own =
          plain === undefined
            ? multipliedOut(program.factors.get(tensor)!, outputs)
            : outputs.get(plain)!.data;
        for (const [at, v] of own.entries()) total[offset + at] += v;
      }
    }
    await programs.release();
    expectNear(await model.logitGradient(x.subarray(0, n * size), weights), total, "cuts");
  });
});
