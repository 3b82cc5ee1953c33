// Batches: opened where a graph was made for a fixed one, else run image by image, and refused where images must mix.
import { describe, expect, it } from "vitest";
import { hasOpenRule } from "../src/autodiff/open-rules.ts";
import { rules } from "../src/autodiff/rules.ts";
import { fileLogits } from "../src/engine/ask-file.ts";
import { type Model, networkOf, openModel } from "../src/engine/model.ts";
import type { Graph } from "../src/onnx/graph.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { type ClosedNetwork, closedNetworks, noise, unopened } from "./helpers/closed-networks.ts";
import { mixing, noisy, oddModel } from "./helpers/odd-models.ts";
import { batchNorm, dense, sketch } from "./helpers/sketch.ts";

const IMAGES = 5;

async function withModel<R>(file: Uint8Array, use: (model: Model) => Promise<R>): Promise<R> {
  const model = await openModel(file);
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

const logitsOf = (rows: Float32Array, ending: string | undefined): Float32Array =>
  ending?.startsWith("Softmax") ? rows.map(Math.log) : rows;

/** Differences to the first label's: what a Softmax leaves of logits. */
function gaps(rows: Float32Array, labels: number): number[] {
  return Array.from(rows, (v, i) => v - rows[i - (i % labels)]);
}

function near(ours: ArrayLike<number>, theirs: ArrayLike<number>, what = ""): void {
  expect(ours.length).toBe(theirs.length);
  const scale = Array.from(theirs).reduce((a, v) => Math.max(a, Math.abs(v)), 1e-6);
  for (let i = 0; i < theirs.length; i++) {
    expect(Math.abs(ours[i] - theirs[i]), `${what} ${i}`).toBeLessThan(2e-5 * scale);
  }
}

/** What the model says of many images is what onnxruntime says of the file, image by image. */
async function saysWhatTheFileSays(model: Model): Promise<void> {
  const network = networkOf(model);
  const { inputShape, labels } = model;
  const x = noise(inputShape, IMAGES);
  const asked = await fileLogits(network, network, x, IMAGES);
  const ours = await model.logits(x, IMAGES);
  near(gaps(ours, labels), gaps(logitsOf(asked, network.ending.cut), labels));
}

/** Gradients of a batch are sums, or rows, of those of each image. */
async function gradientsAddUp(model: Model): Promise<void> {
  const { inputShape, labels } = model;
  const x = noise(inputShape, IMAGES, 4);
  const size = x.length / IMAGES;
  const y = Int32Array.from({ length: IMAGES }, (_, i) => i % labels);
  const all = await model.lossGradient(x, y);
  const inX = await model.inputGradient(x, y);
  const sum = new Float64Array(all.gradient.length);
  for (let i = 0; i < IMAGES; i++) {
    const [image, label] = [x.slice(i * size, (i + 1) * size), y.slice(i, i + 1)];
    const { gradient } = await model.lossGradient(image, label);
    for (const [j, g] of gradient.entries()) sum[j] += g / IMAGES;
    near(inX.subarray(i * size, (i + 1) * size), await model.inputGradient(image, label), "in x");
  }
  expect(sum.some((g) => g !== 0)).toBe(true);
  near(all.gradient, sum, "in theta");
}

/** The slope of the loss along the gradient in theta. */
async function gradientIsASlope(model: Model): Promise<void> {
  const x = noise(model.inputShape, IMAGES, 4);
  const y = Int32Array.from({ length: IMAGES }, (_, i) => i % model.labels);
  const { gradient } = await model.lossGradient(x, y);
  const length = Math.hypot(...gradient);
  const at = async (h: number): Promise<number> => {
    const moved = model.theta().map((v, i) => v + (h * gradient[i]) / length);
    const other = await model.withParameters(moved);
    const loss = await other.loss(x, y);
    await other.close();
    return loss;
  };
  const slope = ((await at(1e-2)) - (await at(-1e-2))) / 2e-2;
  expect(Math.abs(slope - length)).toBeLessThan(0.01 * length);
}

describe.each(closedNetworks)(
  "made for a fixed batch: $name",
  ({ graph, gradients }: ClosedNetwork) => {
    it("is opened, and says of each image what the file says of it", async () => {
      await withModel(writeGraph(graph), async (model) => {
        expect(networkOf(model).images).toBeUndefined();
        expect(networkOf(model).notes).toEqual([]);
        await saysWhatTheFileSays(model);
        if (gradients) {
          await gradientsAddUp(model);
          await gradientIsASlope(model);
        }
      });
    });
  },
);

describe.each(unopened)("cannot be opened: $name", ({ graph }: ClosedNetwork) => {
  it("is run one by one, which is said, with the same results", async () => {
    await withModel(writeGraph(graph), async (model) => {
      expect(networkOf(model).images).toBe(graph.inputs[0].dims[0]);
      expect(networkOf(model).notes).toEqual([expect.stringMatching(/made for .* run one by one/)]);
      await saysWhatTheFileSays(model);
      await gradientsAddUp(model);
      await gradientIsASlope(model);
    });
  });
});

describe("images that mix", () => {
  it("are run one by one where the file takes one", async () => {
    await withModel(oddModel(mixing), async (model) => {
      expect(networkOf(model).images).toBe(1);
      expect(networkOf(model).notes).toEqual([
        expect.stringContaining("change each other's results"),
      ]);
      await saysWhatTheFileSays(model);
    });
  });

  it("are refused where it takes several", async () => {
    const three: Graph = sketch({ shape: [6], opset: 13, batch: 3 }, (s, x) =>
      dense(s, s.op("Sub", [x, s.op("ReduceMean", [x], { axes: [0] })]), 6, 3),
    );
    await expect(openModel(writeGraph(three))).rejects.toThrow(
      /takes 3 images at once, and they change each other's results\nexport it in eval mode/,
    );
  });

  it("are not suspected where a network draws noise", async () => {
    await withModel(oddModel(noisy), async (model) => {
      const network = networkOf(model);
      expect(network.images).toBeUndefined();
      expect(network.notes).toEqual([]);
    });
  });

  it("are not seen in a batch normalisation by running statistics", async () => {
    const graph = sketch({ shape: [2, 3, 3] }, (s, x) =>
      dense(s, s.op("Flatten", [batchNorm(s, x, 2)]), 18, 3),
    );
    await withModel(writeGraph(graph), async (model) =>
      expect(networkOf(model).images).toBeUndefined(),
    );
  });
});

it("every operator with a gradient can be opened, or works on images along the first axis by its definition", () => {
  const alongFirst = [
    ...["Attention", "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "DepthToSpace"],
    ...["GlobalAveragePool", "GlobalMaxPool", "GroupNormalization", "InstanceNormalization", "LRN"],
    ...["MaxPool", "MeanVarianceNormalization", "Pad", "SpaceToDepth", "Trilu"],
    // These may have a scale or an index for each image.
    ...["DequantizeLinear", "GatherElements", "QuantizeLinear", "ScatterElements"],
  ];
  const without = [...rules.keys()].filter((op) => !hasOpenRule(op));
  expect(without.toSorted()).toEqual(alongFirst.toSorted());
});
