// The loss on samples of D: strata, intervals that hold, and a front that is the one without samples.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CONFIDENCE, errorsAllowed, sampleSize, screen } from "../src/correct/loss-sample.ts";
import { byLoss, byNumber, stratifiedMean, stratifiedSample } from "../src/engine/strata.ts";
import { correct, type Dataset, type Model, openData, openModel, slice } from "../src/index.ts";
import { randomStream } from "../src/tensor/random.ts";

/** Values of n images of which few change, and much: what the loss of a small step looks like. */
function values(n: number, seed: number): { start: Float64Array; changes: Float64Array } {
  const random = randomStream(seed, n);
  const start = Float64Array.from({ length: n }, () => (-Math.log(random.uniform())) ** 3 / 6)
    .sort()
    .reverse();
  // A loss falls by no more than it was, and rises by anything.
  const changes = start.map(
    (loss) => random.uniform() * (random.below(3) === 0 ? -loss : 0.2 * loss),
  );
  return { start, changes };
}

describe("a stratified sample", () => {
  it("has two different images of every stratum, each as likely as the others", () => {
    const order = Int32Array.from({ length: 103 }, (_, i) => i);
    const times = new Int32Array(103);
    for (let path = 0; path < 3000; path++) {
      const begins = byNumber(103, 10);
      const { ids, shares } = stratifiedSample(order, begins, { seed: 1, path: [path] });
      expect(shares.reduce((a, c) => a + c)).toBeCloseTo(1, 12);
      for (const [h] of shares.entries()) {
        const [a, b] = [ids[2 * h], ids[2 * h + 1]];
        expect(a).not.toBe(b);
        for (const id of [a, b]) expect(Math.floor((id + 0.999) / 10.3)).toBe(h);
      }
      for (const id of ids) times[id]++;
    }
    // 20 of 103 images, 3,000 times: 583 on average, with a standard deviation of 22.
    for (const count of times) expect(Math.abs(count - 583)).toBeLessThan(120);
  });

  it("tells the mean without bias, and how far it may be off", () => {
    const { start, changes } = values(5000, 2);
    const truth = changes.reduce((a, c) => a + c) / changes.length;
    const order = Int32Array.from(changes.keys());
    const found = Array.from({ length: 400 }, (_, path) => {
      const begins = byLoss(start, 200);
      const sample = stratifiedSample(order, begins, { seed: 3, path: [path] });
      const { mean, error } = stratifiedMean(
        Float64Array.from(sample.ids, (id) => changes[id]),
        sample,
        { total: changes.length },
      );
      return { off: mean - truth, error };
    });
    const bias = found.reduce((sum, { off }) => sum + off, 0) / found.length;
    const spread = Math.sqrt(found.reduce((sum, { off }) => sum + off ** 2, 0) / found.length);
    const said = Math.sqrt(found.reduce((sum, { error }) => sum + error ** 2, 0) / found.length);
    expect(Math.abs(bias)).toBeLessThan((4 * spread) / 20);
    expect(said / spread).toBeGreaterThan(0.85);
    expect(said / spread).toBeLessThan(1.15);
    // Of 400, none is off by so much as the run's confidence allows for all of its candidates.
    const z = errorsAllowed(400);
    expect(found.filter(({ off, error }) => Math.abs(off) > z * error)).toEqual([]);
  });
});

it("what is known of other values of the same images leaves less to the sample", () => {
  const { start, changes } = values(5000, 4);
  const mean = (of: Float64Array): number => of.reduce((a, c) => a + c) / of.length;
  const random = randomStream(5, 0);
  // What follows two known ones, but for a tenth of its spread; a third is the sum of both.
  const other = start.map((loss) => loss * random.uniform());
  const wanted = changes.map((c, i) => c - 0.4 * other[i] + 0.1 * start[i] * random.uniform());
  const known = [changes, other, other.map((v, i) => v + changes[i])];
  const order = Int32Array.from(changes.keys());
  const found = Array.from({ length: 400 }, (_, path) => {
    const begins = byLoss(start, 200);
    const sample = stratifiedSample(order, begins, { seed: 6, path: [path] });
    const of = (all: Float64Array) => Float64Array.from(sample.ids, (id) => all[id]);
    const set = { total: changes.length };
    const beside = known.map((all) => ({ values: of(all), mean: mean(all) }));
    const { error } = stratifiedMean(of(wanted), sample, set);
    const told = stratifiedMean(of(wanted), sample, { ...set, known: beside });
    // With nothing left to explain the mean is known.
    const same = stratifiedMean(of(other), sample, { ...set, known: beside });
    expect(Math.abs(same.mean - mean(other))).toBeLessThan(1e-9);
    return { off: told.mean - mean(wanted), error: told.error, alone: error };
  });
  const root = (squares: number[]): number =>
    Math.sqrt(squares.reduce((a, c) => a + c) / squares.length);
  const spread = root(found.map(({ off }) => off ** 2));
  const said = root(found.map(({ error }) => error ** 2));
  const bias = found.reduce((sum, { off }) => sum + off, 0) / found.length;
  expect(Math.abs(bias)).toBeLessThan((4 * spread) / 20);
  expect(said / spread).toBeGreaterThan(0.85);
  expect(said / spread).toBeLessThan(1.15);
  expect(spread).toBeLessThan(root(found.map(({ alone }) => alone ** 2)) / 3);
});

it("the sample grows from what was asked to all of D in the last iterations", () => {
  for (const [n, iterations] of [
    ["auto", 20],
    [500, 7],
    [500, 1],
    [90_000, 20],
  ] as const) {
    const sizes = Array.from({ length: iterations }, (_, k) =>
      sampleSize(n, { total: 50_000, iterations })(k),
    );
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(sizes.slice(-2).every((size) => size === 50_000)).toBe(true);
    if (iterations > 2) expect(sizes[0]).toBe(n === "auto" ? 1563 : Math.min(n, 50_000));
  }
});

it("a sample decides only what it is sure of", async () => {
  const asked: number[] = [];
  const sampled = {
    total: 100_000,
    keeps: 0,
    lossGradient: () => expect.unreachable("no gradient is needed"),
    loss: async (_: Float32Array, n: number) => {
      asked.push(n);
      return { loss: 1, error: 1 / Math.sqrt(n), images: n };
    },
  };
  const at = async (limit: number) => {
    asked.length = 0;
    const found = await screen(new Float32Array(1), limit, {
      sampled,
      first: 1000,
      candidates: 100,
    });
    if (found !== undefined) expect(found.low).toBeGreaterThan(limit);
    return [found !== undefined, ...asked];
  };
  expect(await at(0.5)).toEqual([true, 1000]);
  // The second sample is as large as is needed, in powers of two, ...
  expect(await at(0.84)).toEqual([true, 1000, 2000]);
  expect(await at(0.96)).toEqual([true, 1000, 32_000]);
  // ... and is spared where half of D would be too few.
  expect(await at(0.975)).toEqual([false, 1000]);
  expect(await at(1)).toEqual([false, 1000]);
  expect(await at(Infinity)).toEqual([false]);
  expect(CONFIDENCE).toBeGreaterThan(0.99);
});

describe("a run whose loss is sampled", () => {
  let model: Model;
  let data: Dataset;
  beforeAll(async () => {
    model = await openModel("models/digits-cnnlight.onnx", { trainable: "fc*" });
    data = slice(await openData("digits:train"), 0, 2000);
  });
  afterAll(() => model.close());

  it("has the losses of its front over all of D, and leaves out what is dominated", async () => {
    const points = {
      ...slice(data, 0, 4),
      labels: data.labels.slice(0, 4).map((y) => (y + 1) % 10),
    };
    const call = { data, points, iterations: 6, alphas: 5, threads: 0, lossSample: 100 };
    const { record } = await correct(model, { ...call, loss: "brier" });
    expect(record.screened!.confidence).toBe(CONFIDENCE);
    const left = record.pool.filter(({ lossEstimate }) => lossEstimate !== undefined);
    expect(left.length).toBe(record.screened!.candidates);
    expect(left.every(({ front, loss }) => !front && loss === null)).toBe(true);
    expect(left.length).toBeGreaterThan(3);
    // Every candidate over all of D: the same candidates, since cuts do not depend on it, and the same front.
    const full = await correct(model, { ...call, loss: "brier", fullPool: true });
    expect(full.record.pool.map(({ front }) => front)).toEqual(
      record.pool.map(({ front }) => front),
    );
    for (const [i, { loss, lossEstimate, lossAtLeast }] of record.pool.entries()) {
      const truth = full.record.pool[i].loss!;
      if (loss !== null) expect(loss).toBeCloseTo(truth, 12);
      if (lossAtLeast !== undefined) expect(lossAtLeast).toBeLessThanOrEqual(truth + 1e-12);
      if (lossEstimate === undefined) continue;
      expect(truth).toBeGreaterThanOrEqual(lossEstimate.low!);
      expect(truth).toBeLessThanOrEqual(lossEstimate.high!);
    }
    // The last anchors are cut over all of D.
    const anchors = record.iterations.map(({ anchor }) => anchor!);
    expect(anchors.slice(0, 3).every(({ lossEstimate }) => lossEstimate !== undefined)).toBe(true);
    expect(anchors.at(-2)!.loss).not.toBeNull();
  });
});
