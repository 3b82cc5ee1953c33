// What adversarial training may be made of: TRADES, the weight of the attacked images, schedule, mean and early stop.
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { attackBatch, imagesAt, moveBatch } from "../src/attack/attack-batch.ts";
import { attackOf } from "../src/attack/attacks.ts";
import { classifierOf } from "../src/attack/classifier.ts";
import { evaluate } from "../src/attack/evaluate.ts";
import { attackOptions } from "../src/attack/options.ts";
import { pgdKl } from "../src/attack/pgd-kl.ts";
import { subset } from "../src/attack/sample.ts";
import { imagesOf, slice } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { networkOf, openModel } from "../src/engine/model.ts";
import { openPrograms } from "../src/engine/programs.ts";
import { shareNetwork } from "../src/engine/tasks.ts";
import { openWorkers } from "../src/engine/workers.ts";
import { randomStream } from "../src/tensor/random.ts";
import { STREAMS } from "../src/tensor/streams.ts";
import { dot, norm } from "../src/tensor/vector.ts";
import { trainAdversarially } from "../src/train/adversarial.ts";
import type { AdversarialLook, AdversarialStep } from "../src/train/adversarial-options.ts";
import * as tasks from "../src/train/adversarial-tasks.ts";
import { rateAt } from "../src/train/schedule.ts";
import { tradesAtClean, tradesRows } from "../src/train/trades.ts";

const model = await openModel(readFileSync("models/digits-cnnlight.onnx"));
const network = networkOf(model);
const programs = openPrograms(network, network.theta0);
afterAll(() => Promise.all([model.close(), programs.release()]));
const digits = await openData("digits:train[0:200]");
const few = slice(digits, 0, 30);
const images = imagesAt(few, Int32Array.from(few.labels.keys()));
const attack = { eps: 0.1, steps: 2, stepSize: 0.05, clip: null } as const;
const options = attackOptions(attack);

/** CE(f(x), y) + beta KL(p(x) || p(x')) as the paper writes it, summed over rows of logits. */
function tradesByHand(clean: Float64Array, attacked: Float64Array, y: Int32Array, beta: number) {
  const [labels] = [clean.length / y.length];
  const logSoftmax = (logits: Float64Array, i: number): Float64Array => {
    const row = logits.subarray(i * labels, (i + 1) * labels);
    const total = Math.log(row.reduce((sum, f) => sum + Math.exp(f), 0));
    return row.map((f) => f - total);
  };
  let sum = 0;
  for (const [i, label] of y.entries()) {
    const [p, q] = [logSoftmax(clean, i), logSoftmax(attacked, i)];
    sum += p.reduce((kl, s, l) => kl + beta * Math.exp(s) * (s - q[l]), -p[label]);
  }
  return sum;
}

/** The sums of one shard at theta0. */
async function shardSums(more: Pick<tasks.AdversarialShard, "method" | "weight">) {
  const workers = openWorkers(0);
  shareNetwork(workers, network);
  workers.shareImages("data", few);
  workers.share("theta", network.theta0);
  const [sums] = await workers.map<tasks.AdversarialShard, tasks.AdversarialSums>(
    { module: tasks.module, name: "adversarialShard" },
    [{ ids: images.ids, options, ...more }],
  );
  await workers.close();
  return sums;
}

describe("the loss of TRADES", () => {
  it("has the gradient of its central differences in the logits of both images", () => {
    const random = randomStream(5);
    const [n, labels, beta, h] = [3, 4, 2.5, 1e-4];
    const draw = (): Float32Array =>
      Float32Array.from({ length: n * labels }, () => random.normal());
    const [clean, attacked] = [draw(), draw()];
    const y = Int32Array.of(0, 3, 1);
    const value = (a: Float64Array, b: Float64Array): number => tradesByHand(a, b, y, beta);
    const [wide, wideAttacked] = [Float64Array.from(clean), Float64Array.from(attacked)];
    const found = tradesAtClean({ clean, attacked, labels, y }, beta);
    expect(found.loss).toBeCloseTo(value(wide, wideAttacked), 6);
    // The cross-entropy with the rows c has the gradient softmax(f') sum(c) - c; only its rows are ours.
    const rows = tradesRows(clean, labels, beta);
    for (let j = 0; j < n * labels; j++) {
      const at = (of: Float64Array, by: number): Float64Array => of.with(j, of[j] + by);
      const inClean = value(at(wide, h), wideAttacked) - value(at(wide, -h), wideAttacked);
      expect(found.gradient[j]).toBeCloseTo(inClean / (2 * h), 5);
      const row = wideAttacked.subarray(j - (j % labels), j - (j % labels) + labels);
      const p = Math.exp(row[j % labels]) / row.reduce((sum, f) => sum + Math.exp(f), 0);
      const inAttacked = value(wide, at(wideAttacked, h)) - value(wide, at(wideAttacked, -h));
      expect(beta * p - rows[j]).toBeCloseTo(inAttacked / (2 * h), 5);
    }
  });

  it("has a step's gradient in theta: its differences along it, the attacked images held", async () => {
    const beta = 3;
    const { loss, gradient } = await shardSums({ method: "trades", weight: beta });
    const classifier = classifierOf(network, programs);
    const logits = await programs.logits(images.x, few.count);
    const moved = await moveBatch(classifier, images, options, { attack: pgdKl, logits });
    const value = async (along: number): Promise<number> => {
      const direction = along / norm(gradient);
      const there = openPrograms(
        network,
        network.theta0.map((t, i) => t + direction * gradient[i]),
      );
      const [clean, attacked] = [
        Float64Array.from(await there.logits(images.x, few.count)),
        Float64Array.from(await there.logits(moved, few.count)),
      ];
      await there.release();
      return tradesByHand(clean, attacked, few.labels, beta);
    };
    expect(loss).toBeCloseTo(await value(0), 2);
    const h = 1e-3;
    const slope = ((await value(h)) - (await value(-h))) / (2 * h);
    expect(slope / norm(gradient)).toBeCloseTo(1, 2);
    // What it is attacked by raises the divergence above that of the random start.
    const start = await moveBatch(
      classifier,
      images,
      { ...options, stepSize: 0 },
      { attack: pgdKl, logits },
    );
    const wide = Float64Array.from(logits);
    const at = async (x: Float32Array): Promise<number> =>
      tradesByHand(wide, Float64Array.from(await programs.logits(x, few.count)), few.labels, 1);
    expect(await at(moved)).toBeGreaterThan(1.5 * (await at(start)));
  });
});

describe("the attacked images of a training", () => {
  it.each([
    attackOptions({ ...attack, seed: 4 }),
    attackOptions({ eps: 0.1, attack: "fgsm", clip: null }),
  ])("are those of the attack itself, to the bit: $attack", async (stated) => {
    const classifier = classifierOf(network, programs);
    const entry = attackOf(stated.attack) as typeof pgdKl;
    const { x } = await attackBatch(classifier, images, stated);
    expect(await moveBatch(classifier, images, stated, { attack: entry })).toEqual(x);
  });

  it("weigh what is stated: the gradient is affine in the weight, and either end is one side alone", async () => {
    const at = (weight: number) => shardSums({ method: "pgd", weight });
    const [none, some, all] = [await at(0), await at(0.3), await at(1)];
    const plain = await model.lossGradient(imagesOf(few), few.labels);
    expect(none.loss / few.count).toBeCloseTo(plain.loss, 5);
    expect(some.loss).toBeCloseTo(0.7 * none.loss + 0.3 * all.loss, 3);
    const mixed = some.gradient.map((g, i) => g - 0.7 * none.gradient[i] - 0.3 * all.gradient[i]);
    expect(norm(mixed)).toBeLessThan(1e-5 * norm(some.gradient));
    const alike = dot(none.gradient, plain.gradient) / (norm(none.gradient) * norm(plain.gradient));
    expect(alike).toBeCloseTo(1, 6);
  });
});

const call = { data: few, attack, steps: 10, batch: 10, threads: 0, learningRate: 0.01 } as const;

/** A training and the steps that it told of. */
async function trained(more: object) {
  const seen: AdversarialStep[] = [];
  const onStep = (step: AdversarialStep): void => void seen.push(step);
  return { seen, ...(await trainAdversarially(model, { ...call, onStep, ...more })) };
}

describe("over a training", () => {
  it("the rate is the schedule's, falling where nothing is stated", async () => {
    const { seen, bytes } = await trained({});
    for (const { step, rate } of seen) expect(rate).toBeCloseTo(0.01 * (1 - (step - 1) / 10), 12);
    const stated = { method: "pgd", weight: 0.5, schedule: "falling", average: 0, heldOut: 0 };
    expect(Buffer.from((await trained(stated)).bytes).equals(Buffer.from(bytes))).toBe(true);
    const rates = (await trained({ schedule: "triangular" })).seen.map(({ rate }) => rate / 0.01);
    const triangle = [0, 1 / 4, 2 / 4, 3 / 4, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6];
    for (const [i, rate] of rates.entries()) expect(rate).toBeCloseTo(triangle[i], 12);
    expect(rateAt("triangular", 1)).toBe(0);
  });

  it("theta is the mean of those of its last part, and the steps are what they were", async () => {
    const { seen, theta } = await trained({ average: 0.3 });
    const plain = await trained({});
    expect(seen.at(-1)!.theta).toEqual(plain.theta);
    const last = seen.slice(7).map((step) => step.theta);
    const off = theta.map((t, i) => t - (last[0][i] + last[1][i] + last[2][i]) / 3);
    expect(Math.max(...off.map(Math.abs))).toBeLessThan(1e-6);
  });

  it("images that are held out judge, and the best that they saw is returned", async () => {
    const told: AdversarialLook[] = [];
    const { seen, theta, looks } = await trained({
      data: digits,
      heldOut: 60,
      looks: 5,
      learningRate: 0.1,
      onLook: (look: AdversarialLook) => told.push(look),
    });
    expect(looks.map(({ step }) => step)).toEqual([2, 4, 6, 8, 10]);
    expect(told).toEqual(looks);
    const most = Math.max(...looks.map(({ attacked }) => attacked));
    const best = looks.findLast(({ attacked }) => attacked === most)!;
    expect(theta).toEqual(seen[best.step - 1].theta);
    // They are drawn by the seed, and judge by PGD in the same ball.
    const order = randomStream(0, STREAMS.adversarial.judge).permutation(digits.count);
    const there = await model.withParameters(theta);
    const { clean, attacks } = await evaluate(there, {
      data: subset(digits, order.slice(0, 60)),
      attacks: [{ eps: 0.1, clip: null, steps: 10, stepSize: 0.025 }],
      threads: 0,
    });
    await there.close();
    expect(clean.accuracy).toBeCloseTo(best.clean, 6);
    // The images have other indices there, and so other random starts.
    expect(Math.abs(attacks[0].accuracy - best.attacked)).toBeLessThan(0.1);
  });

  it.each([
    [{ weight: 1.5 }, "weight 1.5"],
    [{ method: "mart" }, "pgd or trades"],
    [{ method: "trades", weight: 0 }, "beta of trades"],
    [{ method: "trades", attack: { ...attack, attack: "fgsm" } }, "divergence of the answers"],
    [{ schedule: "cosine" }, "falling or triangular"],
    [{ average: -1 }, "average -1"],
    [{ heldOut: 30 }, "below the 30 images"],
  ])("%j is refused", async (given, words) => {
    await expect(trained(given)).rejects.toThrow(words);
  });
});
