// The robust recipe with bounds in place of an attack: what is cut is a bound, and what is called proven is proven.
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { attackOptions, statedAttack } from "../src/attack/options.ts";
import { certifiedNetwork, packBoxes } from "../src/bounds/certified.ts";
import { groupsOf, hingesOf, meanGap } from "../src/correct/groups.ts";
import type { CutSet } from "../src/correct/oracle.ts";
import { type Dataset, gather, slice } from "../src/data/dataset.ts";
import { logitsOf } from "../src/engine/batches.ts";
import { networkOf } from "../src/engine/model.ts";
import type { Network } from "../src/engine/network.ts";
import { openWorkers } from "../src/engine/workers.ts";
import { correct, evaluate, openData, openModel, type RobustCall, type Run } from "../src/index.ts";
import { checkCertifiable } from "../src/run/robust/certified.ts";
import { splitOf } from "../src/run/robust/draws.ts";
import { createSeparation, type SeparationOptions } from "../src/run/robust/separation.ts";
import { randomStream } from "../src/tensor/random.ts";
import { itLong } from "./helpers/long.ts";
import { noise } from "./helpers/small.ts";

const model = await openModel(readFileSync("models/digits-cnnlight.onnx"));
const network = networkOf(model);
const data = await openData("digits:train[0:300]");
const held = await openData("digits:test[0:100]");
afterAll(() => model.close());

const random = randomStream(Number(process.env.TEMPER_SEED ?? 0), 9);
const scratch = (): string => join(mkdtempSync(join(tmpdir(), "temper-")), "run");
const eps = 0.02;

/** Bounds of f_l - f_y over the balls of radius r around images, from their definition: x - r .. x + r, in [0, 1]. */
async function boundsOf(
  of: Network,
  set: Dataset,
  ids: Int32Array,
  { r, widen }: { readonly r: number; readonly widen: boolean },
): Promise<Float32Array> {
  const x = gather(set, ids);
  const labels = ids.map((id) => set.labels[id]);
  const ends = { lower: x.map((v) => Math.max(0, v - r)), upper: x.map((v) => Math.min(1, v + r)) };
  const rows = packBoxes({ ...ends, labels }, of.labels);
  return logitsOf(await certifiedNetwork(of, { widen }), rows, ids.length);
}

describe("the separation oracle", () => {
  const own = noise(3, 8);
  const options = {
    ...{ attack: attackOptions({ eps, steps: 2, stepSize: eps / 2 }), certify: true, ramp: 0.5 },
    ...{ sources: 30, groups: 5, random: 30, lossSample: 20, judged: 10, seed: 3 },
    loss: "cross-entropy" as const,
  };
  const call = (share?: number): SeparationOptions => ({
    ...{ network, data, own, workers: openWorkers(0), metered: (set: CutSet) => set },
    split: splitOf(data, data, options),
    options: { ...options, ...(share && { certifyShare: share }) },
  });

  it("bounds balls that grow with the run, and takes the points that must be right as they are", async () => {
    const { separate } = createSeparation(call());
    const { labels } = network;
    const at = await logitsOf(network, own.pixels as Float32Array, own.count);
    for (const [through, r] of [
      [0.25, eps / 2],
      [0.8, eps],
    ]) {
      const { y, logits } = await separate(network.theta0, 1, { through });
      for (let i = 0; i < own.count; i++) {
        for (let l = 0; l < labels; l++) {
          const gap = at[i * labels + l] - at[i * labels + y[i]];
          expect(logits[i * labels + l]).toBeCloseTo(gap, 4);
        }
      }
      // All 30 sources have their turn in one iteration, in some order.
      const { sources } = call().split;
      const bounds = await boundsOf(network, data, sources, { r, widen: false });
      const rounded = (rows: ArrayLike<number>, from: number): string[] =>
        Array.from({ length: 30 }, (_, i) =>
          Array.from({ length: labels }, (_, l) => rows[from + i * labels + l].toFixed(2)).join(),
        ).toSorted();
      const found = rounded(logits, own.count * labels);
      const same = rounded(bounds, 0).filter((row) => found.includes(row));
      expect(same.length).toBeGreaterThan(25); // a digit may round either way
    }
  });

  it("attacks what it does not bound; no attack comes up to the bound", async () => {
    const [all, few] = [call(), call(0.2)].map((one) => createSeparation(one));
    const bounded = await all.separate(network.theta0, 1, { through: 1 });
    const mixed = await few.separate(network.theta0, 1, { through: 1 });
    const { values: above } = hingesOf(bounded, 0);
    const { values } = hingesOf(mixed, 0);
    expect(mixed.y).toEqual(bounded.y);
    expect([...values.subarray(0, 9)]).toEqual([...above.subarray(0, 9)]); // 3 own points, 6 balls
    for (let i = 9; i < 33; i++) expect(values[i]).toBeLessThan(above[i] + 1e-4);
    expect(values.subarray(9).filter((v, i) => v < above[9 + i] - 1e-3).length).toBeGreaterThan(20);
  });

  it("bounds more closely by linear bounds, where that is asked for", async () => {
    const given = call();
    const [near, wide] = (["crown-ibp", "ibp"] as const).map((certifyMethod) =>
      createSeparation({ ...given, options: { ...given.options, certifyMethod } }),
    );
    const mean = async ({ separate }: typeof near): Promise<number> => {
      const { values } = hingesOf(await separate(network.theta0, 1, { through: 1 }), 0);
      return values.reduce((a, c) => a + c, 0) / values.length;
    };
    expect(await mean(near)).toBeLessThan((await mean(wide)) - 1);
  });

  it("cuts gradients in theta of mean bounds", async () => {
    const { separate } = createSeparation(call(0.5));
    const { theta0 } = network;
    const { y, logits, cuts } = await separate(theta0, 1, { through: 1 });
    const hinges = hingesOf({ y, logits }, 1);
    const sums = groupsOf(y, hinges, 3).map((group) => meanGap(group, y, hinges.rivals));
    const values = await cuts.addLogitSums(theta0, sums);
    for (const [s, sum] of sums.entries()) {
      const mean = sum.reduce(
        (so, t) => so + t.weight * logits[t.point * network.labels + t.label],
        0,
      );
      expect(values[s]).toBeCloseTo(mean, 4);
    }
    const d = Float64Array.from(theta0, (v) => v * random.normal());
    const h = 1e-4;
    const at = (step: number): Promise<Float64Array> =>
      cuts.addLogitSums(
        theta0.map((v, i) => v + step * d[i]),
        sums,
      );
    const plus = await at(h);
    const minus = await at(-h);
    const slopes = cuts.times(d)(Int32Array.from(sums.keys()));
    for (const s of sums.keys()) {
      const difference = (plus[s] - minus[s]) / (2 * h);
      expect(Math.abs(slopes[s] - difference)).toBeLessThan(0.02 * Math.abs(difference) + 0.05);
    }
  });
});

describe("a certified correction", () => {
  const call: RobustCall = {
    ...{ recipe: "robust", certify: true, data, validation: held, threads: 0 },
    ...{
      iterations: 24,
      every: 8,
      sources: 80,
      groups: 10,
      lossSample: 200,
      judged: 40,
      lossSlack: 0.1,
    },
    attack: { eps },
  };
  const reference = scratch();
  let run: Run;

  it("proves what it says of the saved file, and no attack breaks more", async () => {
    run = await correct(model, { ...call, folder: reference });
    const { record, before, after, choice } = run;
    expect(record.options).toMatchObject({ certify: true, attack: { clip: [0, 1] } });
    const { violation, loss, corrected } = choice;
    expect(after).toEqual({ violation, loss, corrected, points: 40 });
    expect(after.corrected).toBeGreaterThan(before.corrected + 10);

    const saved = await openModel(readFileSync(join(reference, "corrected.onnx")));
    const { judging } = splitOf(data, data, { judged: 40, seed: 0 });
    const provenIn = async (set: Dataset, ids: Int32Array): Promise<number> => {
      const bounds = await boundsOf(networkOf(saved), set, ids, { r: eps, widen: true });
      return ids.filter((id, i) =>
        bounds
          .subarray(10 * i, 10 * i + 10)
          .every((bound, l) => (l === set.labels[id] ? bound === 0 : bound < 0)),
      ).length;
    };
    const all = Int32Array.from(held.labels.keys());
    const proven = await provenIn(held, all);
    expect(record.certificate).toEqual({
      ...{ method: "ibp", norm: "linf", eps, epsSpace: "pixel", clip: [0, 1] },
      judging: { images: 40, proven: await provenIn(data, judging) },
      validation: { images: 100, proven },
    });
    const attacks = [{ attack: "pgd", eps, steps: 10 }] as const;
    const { models } = { models: [await evaluate(saved, { data: held, attacks, threads: 0 })] };
    expect(proven).toBeLessThanOrEqual(Math.round(100 * models[0].attacks[0].accuracy));
    await saved.close();
  });

  itLong("is the same by 2 processes, and taken up again", async () => {
    const { validation: _, ...rest } = call;
    const short = { ...rest, iterations: 4, every: 2, sources: 40, groups: 4 };
    const [here, there] = [scratch(), scratch()];
    await correct(model, { ...short, folder: here });
    const controller = new AbortController();
    const onIteration = ({ iteration }: { readonly iteration: number }): void => {
      if (iteration === 3) controller.abort();
    };
    const { signal } = controller;
    const stopped = correct(model, { ...short, folder: there, signal, onIteration });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    await correct(model, { ...short, folder: there, resume: true, threads: 2 });
    for (const name of ["run.json", "corrected.onnx", "thetas.npz"]) {
      const same = readFileSync(join(there, name)).equals(readFileSync(join(here, name)));
      expect(same, name).toBe(true);
    }
  });

  it.each<[string, object, RegExp]>([
    [
      "another norm",
      { attack: { eps, norm: "l2" } },
      /certify .*expected norm linf and labels true/,
    ],
    [
      "guessed labels",
      { attack: { eps, labels: "predicted" } },
      /expected norm linf and labels true/,
    ],
    ["its options without it", { certify: false, ramp: 0.3 }, /ramp 0.3: it needs certify/],
    ["units the model has not", { attack: { eps, epsSpace: "model" } }, /opened without a std/],
  ])("refuses %s before anything is written", async (_, wrong, said) => {
    const folder = scratch();
    const refused = correct(model, { ...call, folder, ...wrong } as RobustCall);
    await expect(refused).rejects.toThrow(said);
    expect(() => readdirSync(folder)).toThrow("ENOENT");
  });

  it("refuses a model that is made for a fixed number of images before it bounds anything", () => {
    const attack = statedAttack({ eps }, { use: "certify" });
    const closed = { ...network, images: 2 };
    expect(() => checkCertifiable(closed, attack)).toThrow(/export it with an open batch/);
    expect(() => checkCertifiable(network, attack)).not.toThrow();
  });

  it("refuses images outside the range: everything would be proven of an empty ball", async () => {
    const bright = { ...call, attack: { eps, clip: [0, 0.9] as const } };
    await expect(correct(model, bright)).rejects.toThrow(/has a pixel of 1, outside the range/);
  });

  it("leaves no trace in a run that attacks", async () => {
    const few = {
      ...call,
      certify: false,
      iterations: 1,
      data: slice(data, 0, 60),
      attack: { eps },
    };
    const { record } = await correct(model, few);
    expect(Object.keys(record.options)).not.toContain("certify");
    expect(record).not.toHaveProperty("certificate");
  });
});
