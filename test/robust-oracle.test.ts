// What the robust recipe is told about a network: aggregate cuts, sampled losses, attacked points, by definition.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { attackOptions } from "../src/attack/options.ts";
import { centreStep } from "../src/correct/centre-step.ts";
import type { CutSet, LogitSum } from "../src/correct/oracle.ts";
import { type Dataset, imagesOf } from "../src/data/dataset.ts";
import { type AggregateCuts, createAggregateCuts } from "../src/engine/aggregate-cuts.ts";
import { createFiledCuts, staysInFile } from "../src/engine/filed-cuts.ts";
import { openModel } from "../src/engine/model.ts";
import { networkBytes } from "../src/engine/network.ts";
import { shareNetwork } from "../src/engine/tasks.ts";
import { openWorkers, type Workers } from "../src/engine/workers.ts";
import { splitOf } from "../src/run/robust/draws.ts";
import { createSeparation, type Separation } from "../src/run/robust/separation.ts";
import { addScaled, dot, norm, subtract } from "../src/tensor/vector.ts";
import { noise, smallNetwork } from "./helpers/small.ts";
import { attackEverything } from "./helpers/trained.ts";

const network = await smallNetwork();
const { labels } = network;
const p = network.theta0.length;
const theta = network.theta0.map((v, i) => v + 0.02 * Math.sin(i));
const model = await openModel(networkBytes(network, theta));
const first = await openModel(networkBytes(network, network.theta0));
afterAll(async () => {
  await model.close();
  await first.close();
});
const points = noise(140, 2);

const gap = (point: number, rival: number, weight = 1): LogitSum => [
  { point, label: (points.labels[point] + rival) % labels, weight },
  { point, label: points.labels[point], weight: -weight },
];
/** One point; a few, out of order, one of them twice; more than a batch; and more sums than a task takes. */
const sums: LogitSum[] = [
  gap(3, 1),
  [...gap(9, 2, 0.5), ...gap(4, 3, 0.25), ...gap(9, 1, 0.25)],
  [...points.labels.keys()].flatMap((i) => gap(i, 1, 1 / points.count)),
  ...[5, 6, 7, 8].map((i) => gap(i, i)),
];
const given = Float64Array.from({ length: p }, (_, i) => Math.cos(i));

async function built(
  threads: number,
  { scratch = true, scale }: { readonly scratch?: boolean; readonly scale?: Float32Array } = {},
): Promise<{ set: AggregateCuts; values: Float64Array }> {
  const home = tmpdir();
  // Not there when the file is opened; the processes may make it.
  if (!scratch) process.env.TMPDIR = join(mkdtempSync(join(home, "temper-")), "none");
  const workers = openWorkers(threads);
  process.env.TMPDIR = home;
  expect(workers.scratch !== undefined).toBe(scratch && threads > 0);
  shareNetwork(workers, network);
  const set = createAggregateCuts({ network, workers, points: imagesOf(points), scale });
  const values = await set.addLogitSums(theta, sums);
  await set.addRow(given);
  expect(await set.addLogitSums(theta, [])).toHaveLength(0);
  await workers.close();
  return { set, values };
}
const here = await built(0);

/** Row r as the p-vector it stands for. */
function plainRow(r: number): Float64Array {
  const unit = new Float64Array(here.set.count());
  unit[r] = 1;
  return here.set.combine(unit);
}
const rows = Array.from({ length: here.set.count() }, (_, r) => plainRow(r));
const all = Int32Array.from(rows.keys());

describe("aggregate cuts", () => {
  it("hold the gradients of the sums of logits, and return their values", async () => {
    const logits = await model.logits(imagesOf(points), points.count);
    for (const [s, sum] of sums.entries()) {
      const weights = new Float32Array(points.count * labels);
      for (const { point, label, weight } of sum) weights[point * labels + label] += weight;
      const expected = await model.logitGradient(imagesOf(points), weights);
      expect(norm(subtract(rows[s], expected))).toBeLessThan(2e-6 * norm(expected));
      expect(here.values[s]).toBeCloseTo(dot(logits, weights), 5);
    }
    expect(rows[sums.length]).toEqual(given);
  });

  it("have the columns of their sums scaled, and know their mean squares as they are", async () => {
    const scale = Float32Array.from({ length: p }, (_, j) => 0.5 + (j % 4));
    const { set, values } = await built(0, { scale });
    expect(values).toEqual(here.values);
    const squares = new Float64Array(p);
    for (const r of sums.keys()) {
      const unit = new Float64Array(set.count());
      unit[r] = 1;
      const scaled = Float64Array.from(rows[r], (v, j) => Math.fround(v * scale[j]));
      expect(norm(subtract(set.combine(unit), scaled))).toBe(0);
      expect(set.gram(Int32Array.of(r), Int32Array.of(0))[0]).toBeCloseTo(
        dot(scaled, set.combine(Float64Array.from(unit, (_, s) => (s === 0 ? 1 : 0)))),
        9,
      );
      for (const [j, v] of rows[r].entries()) squares[j] += (v * v) / sums.length;
    }
    const [plain, found] = [here.set.meanSquares()!, set.meanSquares()!];
    expect(norm(subtract(plain, squares))).toBeLessThan(1e-12 * norm(squares));
    expect(norm(subtract(found, squares))).toBeLessThan(1e-6 * norm(squares));
  });

  it("multiply as their plain rows do, symmetric to the bit, the same alone as in a block", () => {
    const { set } = here;
    const gram = set.gram(all, all);
    const product = set.times(given);
    const weights = Float64Array.from(all, (r) => (r === 1 ? 0 : r - 2.5));
    const sum = new Float64Array(p);
    for (const [r, row] of rows.entries()) addScaled(sum, weights[r], row);
    expect(norm(subtract(set.combine(weights), sum))).toBeLessThan(1e-13 * norm(sum));
    for (const r of all) {
      expect(product(all)[r]).toBe(product(Int32Array.of(r))[0]);
      expect(product(all)[r]).toBeCloseTo(dot(rows[r], given), 9);
      for (const s of all) {
        const entry = gram[r * set.count() + s];
        expect(entry).toBe(gram[s * set.count() + r]);
        expect(set.gram(Int32Array.of(r), Int32Array.of(s))[0]).toBe(entry);
        expect(Math.abs(entry - dot(rows[r], rows[s]))).toBeLessThan(
          1e-12 * norm(rows[r]) * norm(rows[s]),
        );
      }
    }
  });

  it("are the same to the bit in this process and in 1 and 2 others, by file or by message", async () => {
    for (const [threads, scratch] of [
      [1, true],
      [2, true],
      [1, false],
    ] as const) {
      const { set, values } = await built(threads, { scratch });
      expect(values).toEqual(here.values);
      const weights = Float64Array.from(all, (r) => r - 2.5);
      expect(set.combine(weights)).toEqual(here.set.combine(weights));
      expect(set.gram(all, all)).toEqual(here.set.gram(all, all));
    }
  });
});

describe("aggregate cuts whose rows stay in the file", () => {
  const scale = Float32Array.from({ length: p }, (_, j) => 0.5 + (j % 4));

  it.each([undefined, scale])(
    "are the same rows, and lead the centre to the same step",
    async (scale) => {
      const workers = openWorkers(2);
      shareNetwork(workers, network);
      const source = { network, workers, points: imagesOf(points), scale };
      const [kept, filed] = [createAggregateCuts(source), createFiledCuts(source)];
      expect(filed.meanSquares()).toBeUndefined();
      expect(await kept.addLogitSums(theta, sums)).toEqual(await filed.addLogitSums(theta, sums));
      for (const row of [given, given.map((v) => 1 - v)])
        for (const set of [kept, filed]) await set.addRow(row);
      const all = Int32Array.from({ length: kept.count() }, (_, r) => r);
      expect(filed.count()).toBe(all.length);
      expect(filed.gram(all, all)).toEqual(kept.gram(all, all));
      expect(filed.meanSquares()).toEqual(kept.meanSquares());
      expect(await filed.remade!.product(given, all)).toEqual(kept.times(given)(all));

      const weights = Float64Array.from(all, (r) => (r === 1 ? 0 : r - 2.5));
      const [sum, standIn] = [kept.combine(weights), filed.combine(weights)];
      const expanded = await filed.remade!.expand(standIn);
      expect(norm(subtract(expanded, sum))).toBeLessThan(1e-13 * norm(sum));
      expect(filed.distance!(standIn) / norm(sum)).toBeCloseTo(1, 12);
      const gram = kept.gram(all, all);
      for (const [r, value] of filed.times(standIn)(all).entries()) {
        const apart = Math.abs(value - kept.times(sum)(Int32Array.of(r))[0]);
        expect(apart).toBeLessThan(1e-12 * Math.sqrt(gram[r * (all.length + 1)]) * norm(sum));
      }
      // The file has but one place for the rows of sums.
      await expect(filed.addLogitSums(theta, sums)).rejects.toThrow("at once");

      const logits = await model.logits(imagesOf(points), points.count);
      const sampled = { loss: 1, gradient: given, atStart: 1 };
      const options = {
        ...{ groups: 6, share: 0.5, lossShare: 0.5, margin: 0.1, lossSlack: 0 },
        scale,
      };
      const far = { stepCap: 100, longest: 1000 };
      const found: Float64Array[] = [];
      for (const cuts of [createAggregateCuts(source), createFiledCuts(source)]) {
        const asked = { own: 0, y: points.labels, logits: Float64Array.from(logits), cuts };
        found.push((await centreStep(theta, asked, sampled, { ...options, ...far }))!.d);
      }
      expect(norm(found[0])).toBeGreaterThan(0.01);
      expect(norm(subtract(found[0], found[1]))).toBeLessThan(1e-9 * norm(found[0]));
      await workers.close();
    },
  );

  it("are those of a billion bytes and more, where there is a file", () => {
    const large = { ...network, theta0: { length: 2.6e6 } as Float32Array };
    for (const scratch of [7, undefined]) {
      const workers = { scratch } as unknown as Workers;
      expect(staysInFile({ network: large, workers }, 100)).toBe(scratch !== undefined);
      expect(staysInFile({ network: large, workers }, 90)).toBe(false);
    }
  });
});

describe("the separation oracle", () => {
  // No random start: what an attack makes of an image then depends on the image alone.
  const attack = attackOptions({
    eps: 0.1,
    steps: 2,
    stepSize: 0.05,
    clip: null,
    randomStart: false,
  });
  const options = {
    ...{ attack, sources: 60, groups: 5, random: undefined, lossSample: 70, judged: 20 },
    ...{ loss: "cross-entropy" as const, seed: 3 },
  } as const;
  const own: Dataset = noise(4, 8);

  async function withOracle<R>(
    images: Dataset | undefined,
    use: (oracle: Separation) => Promise<R>,
  ): Promise<R> {
    const workers = openWorkers(0);
    const split = splitOf(points, images ?? points, options);
    const metered = (set: CutSet) => set;
    const at = { network, data: points, own, images, split, options, workers, metered };
    const result = await use(createSeparation(at));
    await workers.close();
    return result;
  }
  const rowOf = (logits: Float64Array | Float32Array, i: number): string =>
    logits.slice(i * labels, (i + 1) * labels).join();
  /** By the logits of the attacked image, its index. */
  async function attackedOf(set: Dataset, by = attack): Promise<Map<string, number>> {
    const { x } = await attackEverything(model, set, by);
    const logits = await model.logits(x, set.count);
    return new Map([...set.labels.keys()].map((i) => [rowOf(logits, i), i]));
  }

  it.each([
    ["of D", undefined],
    ["of a set of their own", noise(80, 9)],
  ])("attacks its sources at theta, each in its turn: those %s", async (_, images) => {
    const set = images ?? points;
    const { sources } = splitOf(points, set, options);
    const attacked = await attackedOf(set);
    const times = new Map([...sources].map((id) => [id, 0]));
    const clean = await model.logits(imagesOf(own), own.count);
    await withOracle(images, async (oracle) => {
      for (const k of [1, 2, 3]) {
        const { y, logits, cuts, ...rest } = await oracle.separate(theta, k, { through: k / 3 });
        expect(rest.own).toBe(own.count);
        expect([...y.subarray(0, own.count)]).toEqual([...own.labels]);
        expect(logits.subarray(0, clean.length)).toEqual(Float64Array.from(clean));
        for (let i = own.count; i < y.length; i++) {
          const id = attacked.get(rowOf(logits, i))!;
          expect(y[i]).toBe(set.labels[id]);
          times.set(id, times.get(id)! + 1);
        }
        // Cuts are made of these points: a logit asked for as a sum is the logit that was told.
        const last = y.length - 1;
        const sum = [0, last].map((point): LogitSum => [{ point, label: 1, weight: 1 }]);
        const values = await cuts.addLogitSums(theta, sum);
        expect(values[0]).toBeCloseTo(logits[1], 5);
        expect(values[1]).toBeCloseTo(logits[last * labels + 1], 5);
      }
    });
    expect(times.size).toBe(sources.length);
    expect([...times.values()].reduce((a, c) => a + c)).toBe(180);
    expect(Math.max(...times.values()) - Math.min(...times.values())).toBeLessThan(2);
  });

  it("is judged on the points that must be right, then on judges attacked at theta by five steps", async () => {
    const { judging } = splitOf(points, points, options);
    const { y, logits } = await withOracle(undefined, (oracle) => oracle.judge(theta));
    const attacked = await attackedOf(points, { ...attack, steps: 5 });
    expect([...y]).toEqual([...own.labels, ...[...judging].map((id) => points.labels[id])]);
    const ids = [...judging.keys()].map((j) => attacked.get(rowOf(logits, own.count + j)));
    expect(ids).toEqual([...judging]);
  });

  it("takes the loss on samples that together are D, with its gradient, and theta0's on the same", async () => {
    const [x, { labels: y }] = [imagesOf(points), points];
    const whole = await model.lossGradient(x, y);
    await withOracle(undefined, async (oracle) => {
      const samples = [await oracle.sampledLoss(theta, 1), await oracle.sampledLoss(theta, 2)];
      const mean = (of: "loss" | "atStart"): number => (samples[0][of] + samples[1][of]) / 2;
      expect(samples[0].loss).not.toBe(samples[1].loss);
      expect(mean("loss")).toBeCloseTo(whole.loss, 6);
      expect(mean("atStart")).toBeCloseTo(await first.loss(x, y), 6);
      const gradient = whole.gradient.map(
        (v, i) => v - (samples[0].gradient[i] + samples[1].gradient[i]) / 2,
      );
      expect(norm(gradient)).toBeLessThan(1e-5 * norm(whole.gradient));
      expect(await oracle.loss(theta)).toBeCloseTo(await model.loss(x, y), 6);
    });
  });
});
