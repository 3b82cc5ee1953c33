// Verification: proofs that no attack breaks, inputs that do break, radii, refusals, and that processes do not show.
import { beforeAll, describe, expect, it } from "vitest";
import { evaluate } from "../src/attack/evaluate.ts";
import { subset } from "../src/attack/sample.ts";
import { largestRadius } from "../src/bounds/radius.ts";
import { type Verification, verify } from "../src/bounds/verify.ts";
import { writeVerification } from "../src/bounds/write.ts";
import { type Dataset, slice, toPixelUnits } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { readPoints } from "../src/data/points.ts";
import { type Model, openModel } from "../src/engine/model.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { tensor } from "./helpers/graph-builder.ts";
import { sketch } from "./helpers/sketch.ts";

const EPS = 0.02;
const COUNT = 30;

describe("the digits", () => {
  let model: Model;
  let data: Dataset;
  let found: Verification;

  beforeAll(async () => {
    model = await openModel("models/digits-cnnlight.onnx");
    data = slice(await openData("digits:test"), 0, COUNT);
    found = await verify(model, { data, eps: EPS, threads: 0 });
  });

  const idsOf = (status: string): Int32Array =>
    Int32Array.from(found.images.keys()).filter((i) => found.images[i].status === status);

  it("are proven, broken or open, and no proof is broken by AutoAttack", async () => {
    const { proven, broken, open, by } = found;
    expect(proven.n + broken.n + open.n).toBe(COUNT);
    expect(Object.values(by).reduce((a, c) => a + c, 0)).toBe(proven.n + broken.n);
    expect(proven.n).toBeGreaterThan(5);
    const ids = idsOf("proven");
    for (const i of ids) expect(found.images[i].bound).toBeLessThan(0);
    const attacks = [{ attack: "auto", eps: EPS, steps: 5 }] as const;
    const { clean, worst } = await evaluate(model, {
      data: subset(data, ids),
      attacks,
      threads: 0,
    });
    expect(clean.accuracy).toBe(1);
    expect(worst[0].accuracy).toBe(1);
  });

  it("that are broken come with an input in the ball that is wrong", async () => {
    const { counterexamples } = found;
    const ids = idsOf("broken");
    expect([...counterexamples.source!]).toEqual([...ids]);
    const x = toPixelUnits(counterexamples.pixels);
    const logits = await model.logits(x, ids.length);
    const size = x.length / ids.length;
    const clean = toPixelUnits(subset(data, ids).pixels);
    for (const [k, y] of counterexamples.labels.entries()) {
      const row = [...logits.subarray(10 * k, 10 * k + 10)];
      expect(row.some((f, l) => l !== y && f >= row[y])).toBe(true);
      const change = x.subarray(k * size, (k + 1) * size).map((v, p) => v - clean[k * size + p]);
      expect(Math.max(...change.map(Math.abs))).toBeLessThan(EPS + 1e-6);
    }
  });

  it("are written as an npz that opens as points", () => {
    const points = readPoints(writeVerification(found, data), "v.npz");
    expect(points.count).toBe(found.broken.n);
    expect([...points.labels]).toEqual([...found.counterexamples.labels]);
  });

  it("come out the same from processes, and by intervals alone no better", async () => {
    const two = await verify(model, { data, eps: EPS, threads: 2 });
    expect(two).toEqual(found);
    const ibp = await verify(model, { data, eps: EPS, method: "ibp", attack: "none", threads: 0 });
    expect(ibp.proven.n).toBeLessThan(found.proven.n);
    expect(Object.keys(ibp.by).every((name) => ["ibp", "clean"].includes(name))).toBe(true);
  });

  it("stay open where the time is up", async () => {
    const none = await verify(model, { data, eps: EPS, timeLimit: 1e-6, threads: 0 });
    expect(none.timedOut).toBe(true);
    expect(none.open.n).toBe(COUNT - (found.by.clean ?? 0));
  });

  it("outside the range of pixels are refused: their ball is cut to nothing", async () => {
    const pixels = toPixelUnits(data.pixels).slice();
    pixels[3 * 784 + 5] = 1.25;
    const call = { data: { ...data, pixels }, eps: EPS, threads: 0 };
    await expect(verify(model, call)).rejects.toThrow(/image 3 of .* has a pixel of 1.25/);
  });
});

it("the radius of a linear classifier is the margin over the l1 norm", async () => {
  const graph = sketch({ shape: [3], opset: 18 }, (s, x) =>
    s.op("Gemm", [x, s.constant(tensor([3, 2], [1, -1, 0.5, 0, -0.25, 0.25]))]),
  );
  const model = await openModel(writeGraph(graph));
  const pixels = Float32Array.of(0.6, 0.5, 0.5, 0.45, 0.5, 0.5);
  const labels = Int32Array.of(0, 0);
  const data: Dataset = { name: "two", shape: [3], count: 2, pixels, labels };
  const { images } = await verify(model, { data, eps: 0.1, radius: true, threads: 0 });
  // f_0 - f_1 = 2 x_0 + x_1 / 2 - x_2 / 2 falls by 3 eps.
  for (const [i, margin] of [1.2, 0.9].entries()) {
    const radius = images[i].radius!;
    expect(radius).toBeLessThan(margin / 3);
    expect(radius).toBeGreaterThan(margin / 3 - 0.0011);
  }
});

it("a search returns radii that were proven, within the tolerance", async () => {
  const largest = [0, 0.013, 0.2, 0.77, 5];
  const tried = new Set<string>();
  const radii = await largestRadius(5, {
    eps: 0.1,
    most: 1,
    tolerance: 0.001,
    provenAt: async (some, at) =>
      Array.from(some, (i, k) => {
        const holds = at[k] <= largest[i];
        if (holds) tried.add(`${i} ${at[k]}`);
        return holds;
      }),
  });
  for (const [i, radius] of radii.entries()) {
    const best = Math.min(largest[i], 1);
    expect(radius).toBeLessThanOrEqual(best);
    expect(radius).toBeGreaterThanOrEqual(best - 0.001);
    if (radius > 0) expect(tried.has(`${i} ${radius}`)).toBe(true);
  }
});
