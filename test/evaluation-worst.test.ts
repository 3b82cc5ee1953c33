// The worst of several attacks, the images it is made of, and the words that say what was allowed.
import { afterAll, describe, expect, it } from "vitest";
import { type EvaluateCall, type Evaluation, evaluate } from "../src/attack/evaluate.ts";
import { writeAttackedImages } from "../src/attack/images.ts";
import { wilsonInterval } from "../src/attack/interval.ts";
import { type AttackRequest, attackOptions } from "../src/attack/options.ts";
import { sample } from "../src/attack/sample.ts";
import { statement } from "../src/attack/statement.ts";
import { gather } from "../src/data/dataset.ts";
import { readNpz } from "../src/data/npz.ts";
import { openData } from "../src/data/open.ts";
import { readPoints } from "../src/data/points.ts";
import { openModel } from "../src/engine/model.ts";
import { attackEverything, trainedBytes } from "./helpers/trained.ts";

const model = await openModel(await trainedBytes());
afterAll(() => model.close());
const digits = await openData("digits:test[200:320]");
const fgsm = { attack: "fgsm", eps: 0.05 } as const;
const pgd = { eps: 0.05, steps: 4, stepSize: 0.02 } as const;
const small = { ...pgd, eps: 0.02 } as const;
const free = { ...fgsm, clip: null } as const;

const evaluateHere = (
  attacks: readonly AttackRequest[],
  rest: Partial<EvaluateCall> = {},
): Promise<Evaluation> => evaluate(model, { data: digits, attacks, threads: 0, ...rest });

const marginsOf = async (request: AttackRequest): Promise<Float32Array> =>
  (await attackEverything(model, digits, attackOptions(request))).margins;

describe("the worst of all attacks", () => {
  it("counts an image only where it withstands each attack whose ball lies in this one", async () => {
    const requests = [fgsm, pgd, small, free];
    const { clean, attacks, worst } = await evaluateHere(requests);
    const margins = await Promise.all(requests.map(marginsOf));
    expect(worst.map(({ over }) => over)).toEqual([[0, 1, 2], [2], [0, 1, 2, 3]]);
    expect(worst.map(({ eps, clip }) => [eps, clip])).toEqual([
      [0.05, [0, 1]],
      [0.02, [0, 1]],
      [0.05, null],
    ]);
    const right = Math.round(clean.accuracy * clean.n);
    for (const { over, accuracy, interval, turned, decided, labels } of worst) {
      const still = [...digits.labels.keys()].filter((i) => over.every((k) => margins[k][i] > 0));
      expect(accuracy).toBe(still.length / digits.count);
      expect(interval).toEqual(wilsonInterval(still.length, digits.count));
      for (const k of over) {
        expect(accuracy).toBeLessThanOrEqual(attacks[k].accuracy);
        expect(turned).toBeGreaterThanOrEqual(attacks[k].turned);
      }
      const made = Object.values(decided).reduce((a, c) => a + c, 0);
      expect(made).toBe(Math.round(turned * right));
      for (const { label, n, accuracy: share } of labels) {
        const of = digits.labels.filter((l) => l === label).length;
        expect([n, share]).toEqual([
          of,
          still.filter((i) => digits.labels[i] === label).length / of,
        ]);
      }
      expect(labels.reduce((sum, { n }) => sum + n, 0)).toBe(digits.count);
    }
    expect(Object.keys(worst[0].decided).toSorted()).toEqual(["fgsm", "pgd"]);
  });

  it("of one attack is that attack; of none there is none", async () => {
    const { attacks, worst } = await evaluateHere([pgd]);
    const { norm, eps, epsSpace, accuracy, interval, labels, turned, decided } = attacks[0];
    expect(worst).toEqual([
      { norm, eps, epsSpace, accuracy, interval, labels, turned, decided, clip: [0, 1], over: [0] },
    ]);
    expect((await evaluateHere([])).worst).toEqual([]);
  });
});

describe("what an attack took", () => {
  it("is counted over the images", async () => {
    const { attacks } = await evaluateHere([fgsm, { ...pgd, restarts: 2 }]);
    expect(attacks.map(({ gradientSteps }) => gradientSteps)).toEqual([120, 120 * 8]);
    for (const { queries } of attacks) expect(queries).toBeGreaterThanOrEqual(120);
  });
});

describe("the images", () => {
  const data = sample(digits, { limit: 50, seed: 2, balanced: true });

  it("are the worst of each image, with who made it and how far it is", async () => {
    const { images, worst } = await evaluateHere([fgsm, pgd], { data, images: true });
    const results = await Promise.all(
      [fgsm, pgd].map((request) => attackEverything(model, data, attackOptions(request))),
    );
    const clean = gather(data, Int32Array.from(data.labels.keys()));
    const logits = await model.logits(images!.images.pixels as Float32Array, data.count);
    for (const [i, label] of data.labels.entries()) {
      const margins = results.map((result) => result.margins[i]);
      const least = margins[1] < margins[0] ? 1 : 0;
      const x = results[least].x.subarray(784 * i, 784 * (i + 1));
      expect(images!.margins[i]).toBe(margins[least]);
      expect(images!.attack[i]).toBe(["fgsm", "pgd"][least]);
      expect(images!.images.pixels.subarray(784 * i, 784 * (i + 1))).toEqual(x);
      expect(images!.change[i]).toBe(
        x.reduce((most, v, j) => Math.max(most, Math.abs(Math.fround(v - clean[784 * i + j]))), 0),
      );
      // The margin is the model's own, asked again.
      const row = [...logits.subarray(10 * i, 10 * i + 10)];
      const rival = Math.max(...row.filter((_, l) => l !== label));
      expect(images!.margins[i]).toBe(Math.fround(row[label] - rival));
    }
    expect(images!.cleanMargins).toEqual(results[0].cleanMargins);
    expect(images!.margins.filter((m) => m > 0).length / 50).toBe(worst[0].accuracy);
    expect(new Set(images!.attack)).toEqual(new Set(["fgsm", "pgd"]));
  });

  it("come back from their file, which opens as a data set, and are the same in other processes", async () => {
    const call = { data, images: true };
    const { images } = await evaluateHere([fgsm, pgd], call);
    const file = writeAttackedImages(images!);
    const again = await evaluateHere([fgsm, pgd], { ...call, threads: 2 });
    expect(writeAttackedImages(again.images!)).toEqual(file);
    const { images: x, cleanMargins, margins, change } = images!;
    expect(readPoints(file, "file")).toMatchObject({
      count: 50,
      pixels: x.pixels,
      labels: data.labels,
      source: data.source,
    });
    const arrays = readNpz(file, { only: ["clean_margin", "margin", "change"] });
    expect([...arrays.values()].map(({ values }) => values)).toEqual([
      cleanMargins,
      margins,
      change,
    ]);
  });

  it("need attacks in one ball", async () => {
    for (const attacks of [[], [fgsm, small], [fgsm, free]]) {
      await expect(evaluateHere(attacks, { images: true })).rejects.toMatchObject({
        code: "bad-option",
      });
    }
    expect((await evaluateHere([fgsm])).images).toBe(undefined);
  });
});

describe("the protocol in words", () => {
  const words = (request: AttackRequest, std?: readonly number[]): string =>
    statement(attackOptions(request), { labels: 10, std });

  it("says norm, radius, range, labels and effort", () => {
    expect(words({ ...pgd, restarts: 3, seed: 7 })).toBe(
      "l-infinity, eps 0.05 in pixel units; pixels kept in [0, 1]; against the true labels; " +
        "4 steps of 0.02, 3 random starts (seed 7)",
    );
    expect(words({ ...fgsm, protocol: "cleverhans" })).toBe(
      "l-infinity, eps 0.05 in pixel units; pixels free to leave their range; " +
        "against the labels the network predicts; one step of 0.05 from the clean image",
    );
    expect(words({ eps: 1 / 3, randomStart: false })).toMatch(
      /eps 85\/255 in .*; 40 steps of 0.03333, a start at the clean image \(seed 0\)$/,
    );
  });

  it("says what each attack spends, and what auto is made of", () => {
    const effort = (request: Omit<AttackRequest, "eps">): string =>
      words({ eps: 0.1, ...request }).split("against the true labels; ")[1];
    expect(effort({ attack: "apgd-ce", labels: "predicted" })).toBe(
      "100 steps of adapted length, a random start (seed 0)",
    );
    expect(effort({ attack: "square", restarts: 2 })).toBe("5000 queries, 2 times (seed 0)");
    expect(effort({ attack: "auto", norm: "l2", steps: 20 })).toBe(
      "on the images still right apgd-ce: 20 steps of adapted length, a random start; " +
        "apgd-t: towards each of 9 rivals 20 steps of adapted length, a random start; " +
        "fab-t: towards each of 9 rivals 20 steps, the first run from the clean image; " +
        "square: 1000 queries (seed 0)",
    );
  });

  it("and eps in the model's units, channel by channel, where it is normalised", async () => {
    expect(words(fgsm, [0.5, 0.2])).toMatch(
      /in pixel units; 0.1, 0.25 in the model's, by channel;/,
    );
    const normal = await openModel(model.bytes(), { mean: [0.1], std: [0.25] });
    const { attacks } = await evaluate(normal, { data: digits, attacks: [fgsm], threads: 0 });
    expect(attacks[0].modelEps).toEqual([0.2]);
    await normal.close();
  });
});
