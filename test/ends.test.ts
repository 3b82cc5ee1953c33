// Where the gradient in the image ends: which operator is named, and what then still works.
import { describe, expect, it } from "vitest";
import { attack } from "../src/attack/attack.ts";
import { gradientEnds, straightThrough } from "../src/autodiff/ends.ts";
import { slice } from "../src/data/dataset.ts";
import { type Model, networkOf, openModel } from "../src/engine/model.ts";
import type { Node } from "../src/onnx/graph.ts";
import { correct } from "../src/run/correct.ts";
import { node, tensor } from "./helpers/graph-builder.ts";
import {
  answered,
  bytes,
  hard,
  noisy,
  type OddModel,
  oddModel,
  rounded,
} from "./helpers/odd-models.ts";

async function withModel<R>(odd: OddModel, use: (model: Model) => Promise<R> | R): Promise<R> {
  const model = await openModel(oddModel(odd));
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

const endsOf = (odd: OddModel): Promise<string[]> =>
  withModel(odd, (model) =>
    gradientEnds(networkOf(model).graph).map(({ node: { op, name }, early }) =>
      [op, name, early ? "early" : "late"].join(" "),
    ),
  );

describe("the gradient in the image ends", () => {
  it("nowhere in a plain model, nor where noise is added or a size is looked at", async () => {
    expect(await endsOf({})).toEqual([]);
    expect(await endsOf(noisy)).toEqual([]);
    const sized = [node("Shape", ["sums"], ["shape"]), node("Reshape", ["sums", "shape"], ["y"])];
    expect(await endsOf({ after: sized })).toEqual([]);
  });

  it("where the image is rounded, or made into bytes", async () => {
    expect(await endsOf(rounded)).toEqual(["Round quarters early"]);
    expect(await endsOf(bytes)).toEqual(["Round temper/Round early"]);
  });

  it("where the answer is a bare label", async () => {
    expect(await endsOf(hard)).toEqual(["ArgMax answer late"]);
  });

  it("at each of several steps, and not where a way around them is left", async () => {
    const steps = [node("Ceil", ["sums"], ["c"], {}, "c"), node("Floor", ["sums"], ["f"], {}, "f")];
    const both = [...steps, node("Add", ["c", "f"], ["y"])];
    expect(await endsOf({ after: both })).toEqual(["Ceil c late", "Floor f late"]);
    const around = [...steps, node("Add", ["c", "sums"], ["y"])];
    expect(await endsOf({ after: around })).toEqual([]);
  });
});

describe("the gradient passes straight", () => {
  const initializers = { s: tensor([], [0.1]), z: tensor([], [0], "uint8") };
  const quantise = (x: string, y: string): Node[] => [
    node("QuantizeLinear", [x, "s", "z"], ["q"], {}, "q"),
    node("DequantizeLinear", ["q", "s", "z"], [y], {}, "d"),
  ];
  const throughOf = (odd: OddModel, weights = false): Promise<string[]> =>
    withModel(odd, (model) => {
      const { graph, parameters } = networkOf(model);
      const wrt = weights ? parameters.map(({ name }) => name) : [graph.inputs[0].name];
      return straightThrough(graph, wrt).map(({ name }) => name);
    });

  it("through quantisers and signs on a way from the image, and nothing ends there", async () => {
    const sign = node("Sign", ["d"], ["y"], {}, "t");
    const late = { initializers, after: [...quantise("sums", "d"), sign] };
    expect(await throughOf(late)).toEqual(["q", "d", "t"]);
    expect(await throughOf(late, true)).toEqual(["q", "d", "t"]);
    expect(await endsOf(late)).toEqual([]);
    const early = { initializers, before: quantise("x", "image") };
    expect(await throughOf(early)).toEqual(["q", "d"]);
    expect(await throughOf(early, true)).toEqual([]);
    expect(await throughOf({})).toEqual([]);
  });

  it("not through what it does not reach: a size, a step, a weight's own quantiser", async () => {
    const sized = [
      node("Sign", ["sums"], ["t"]),
      node("Shape", ["t"], ["shape"]),
      node("Reshape", ["sums", "shape"], ["y"]),
    ];
    expect(await throughOf({ after: sized })).toEqual([]);
    const stepped = [node("Floor", ["sums"], ["f"]), node("Sign", ["f"], ["y"], {}, "t")];
    expect(await throughOf({ after: stepped })).toEqual([]);
    const weights = [...quantise("v", "w2"), node("Mul", ["sums", "w2"], ["y"])];
    const own = { initializers: { ...initializers, v: tensor([3], [1, 2, 3]) }, after: weights };
    expect(await throughOf(own)).toEqual([]);
    expect(await throughOf(own, true)).toEqual(["q", "d"]);
  });

  it("and gives a gradient that an attack can follow", async () => {
    await withModel({ initializers, before: quantise("x", "image") }, async (model) => {
      const data = await answered(model, 5);
      const gradient = await model.inputGradient(data.pixels as Float32Array, data.labels);
      expect(gradient.some((g) => g !== 0)).toBe(true);
      const { notes } = await attack(model, { data, eps: 0.1, attack: "fgsm", threads: 0 });
      expect(notes).toEqual([expect.stringContaining('straight through QuantizeLinear "q"')]);
    });
  });
});

describe("a model whose gradient in the image ends", () => {
  it.each([
    ["rounded", rounded],
    ["bytes", bytes],
    ["hard", hard],
  ])("has one of zeros: %s", async (_, odd) => {
    await withModel(odd, async (model) => {
      const data = await answered(model, 5);
      const gradient = await model.inputGradient(data.pixels as Float32Array, data.labels);
      expect(gradient).toEqual(new Float32Array(5 * 16));
    });
  });

  it("is attacked by Square; of an attack with gradients attack() says what it had", async () => {
    await withModel(rounded, async (model) => {
      const data = await answered(model, 30);
      const call = { data, eps: 0.1, threads: 0 };
      const blind = await attack(model, { ...call, attack: "square", steps: 100 });
      expect(blind.notes).toEqual([]);
      expect(blind.broken).toBeGreaterThan(5);
      const led = await attack(model, { ...call, attack: "fgsm" });
      expect(led).toMatchObject({
        broken: 0,
        notes: [expect.stringContaining('at Round "quarters"')],
      });
    });
  });

  it("keeps its gradients in theta behind the quantiser, and is refused those before it", async () => {
    await withModel(rounded, async (model) => {
      const data = await answered(model, 5);
      const { gradient } = await model.lossGradient(data.pixels as Float32Array, data.labels);
      expect(gradient.some((g) => g !== 0)).toBe(true);
      const call = { data, points: slice(data, 0, 2), radius: 0.1, threads: 0 };
      await expect(correct(model, call)).rejects.toThrow(
        'radius needs the gradient in the image, which ends at Round "quarters"',
      );
    });
    const late = { after: [node("Round", ["sums"], ["y"], {}, "last")] };
    await withModel(late, async (model) => {
      const data = await answered(model, 5);
      const pixels = data.pixels as Float32Array;
      await expect(model.lossGradient(pixels, data.labels)).rejects.toThrow(
        'no gradient rule for Round "last"',
      );
    });
  });
});

describe("a model of bytes", () => {
  it("is a function of pixels in [0, 1], rounded to the nearest byte and kept in range", async () => {
    const [plain, taking] = await Promise.all([{}, bytes].map((odd) => openModel(oddModel(odd))));
    const levels = [0, 1, 2, 127, 128, 129, 254, 255];
    const off = (by: number): Float32Array =>
      Float32Array.from({ length: 16 }, (_, i) => (levels[i % 8] + by) / 255);
    const logits = await plain.logits(off(0), 1);
    for (const by of [0, 0.4, -0.4]) {
      const ours = await taking.logits(off(by), 1);
      for (const [l, f] of ours.entries()) expect(f).toBeCloseTo(logits[l], 5);
    }
    const beyond = off(0).map((v) => (v === 0 ? -7 : v === 1 ? 7 : v));
    expect(await taking.logits(beyond, 1)).toEqual(await taking.logits(off(0), 1));
    await Promise.all([plain.close(), taking.close()]);
  });

  it("normalises them itself", async () => {
    await expect(openModel(oddModel(bytes), { mean: [0.5], std: [0.5] })).rejects.toThrow(
      'mean and std do not fit input "x" of bytes',
    );
  });
});
