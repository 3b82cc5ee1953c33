// Adversarial training: the gradient of its step, the same bytes however the step is split, and what it is for.
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { attackBatch } from "../src/attack/attack-batch.ts";
import { classifierOf } from "../src/attack/classifier.ts";
import { evaluate } from "../src/attack/evaluate.ts";
import { attackOptions } from "../src/attack/options.ts";
import { type Dataset, imagesOf, slice } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { type Model, networkOf, openModel } from "../src/engine/model.ts";
import type { Network } from "../src/engine/network.ts";
import { openMovingPrograms, openPrograms, type Programs } from "../src/engine/programs.ts";
import { shareNetwork } from "../src/engine/tasks.ts";
import { openWorkers } from "../src/engine/workers.ts";
import { writeGraph } from "../src/onnx/write.ts";
import { norm, subtract } from "../src/tensor/vector.ts";
import { trainAdversarially } from "../src/train/adversarial.ts";
import type { AdversarialStep } from "../src/train/adversarial-options.ts";
import * as tasks from "../src/train/adversarial-tasks.ts";
import { buildNetwork } from "../src/train/networks.ts";
import { noise } from "./helpers/small.ts";

const model = await openModel(readFileSync("models/digits-cnnlight.onnx"));
const network = networkOf(model);
const resnet = await openModel(writeGraph(buildNetwork("resnet8", 1)));
afterAll(() => Promise.all([model.close(), resnet.close()]));
const digits = await openData("digits:train[0:600]");
const few = slice(digits, 0, 50);
// Without random starts the attacked images follow from theta alone.
const fixed = { eps: 0.1, steps: 3, stepSize: 0.04, clip: null, randomStart: false } as const;

const idsOf = (data: Dataset): Int32Array => Int32Array.from(data.labels.keys());

/** The images attacked at theta0 by the given programs, and the mean of the two plain losses and gradients there. */
async function byHand(of: Model, programs: Programs, data: Dataset) {
  const x = imagesOf(data);
  const attacked = await attackBatch(
    classifierOf(networkOf(of), programs),
    { x, shape: data.shape, y: data.labels, ids: idsOf(data) },
    attackOptions(fixed),
  );
  await programs.release();
  const [a, b] = [
    await of.lossGradient(x, data.labels),
    await of.lossGradient(attacked.x, data.labels),
  ];
  return {
    loss: (a.loss + b.loss) / 2,
    gradient: a.gradient.map((g, i) => (g + b.gradient[i]) / 2),
  };
}

function movingAtStart(of: Network): Programs {
  const programs = openMovingPrograms(of);
  programs.move(of.theta0);
  return programs;
}

describe("programs that move", () => {
  it("give what baked programs give at each theta", async () => {
    const moving = openMovingPrograms(network);
    const x = imagesOf(few);
    for (const scale of [1, 0.8, 1]) {
      const theta = network.theta0.map((v) => v * scale);
      moving.move(theta);
      const baked = openPrograms(network, theta);
      const [there, here] = [await moving.logits(x, few.count), await baked.logits(x, few.count)];
      await baked.release();
      for (const [i, f] of there.entries()) expect(f).toBeCloseTo(here[i], 3);
    }
    await moving.release();
  });
});

describe("a step of adversarial training", () => {
  const bakedAtStart = (of: Network): Programs => openPrograms(of, of.theta0);
  const cases = [
    ["cnnlight, whose weights are inputs", model, few, movingAtStart],
    ["resnet8, whose weights are baked", resnet, noise(5, 1, [3, 32, 32]), bakedAtStart],
  ] as const;
  it.each(cases)("has the two plain gradients: %s", async (_, of, data, programsOf) => {
    const expected = await byHand(of, programsOf(networkOf(of)), data);
    const workers = openWorkers(0);
    shareNetwork(workers, networkOf(of));
    workers.shareImages("data", data);
    workers.share("theta", networkOf(of).theta0);
    const [{ loss, gradient }] = await workers.map<tasks.AdversarialShard, tasks.AdversarialSums>(
      { module: tasks.module, name: "adversarialShard" },
      [{ ids: idsOf(data), options: attackOptions(fixed), method: "pgd", weight: 0.5 }],
    );
    await workers.close();
    const n = data.count;
    const difference = subtract(
      Float64Array.from(gradient, (g) => g / n),
      expected.gradient,
    );
    expect(loss / n).toBeCloseTo(expected.loss, 5);
    expect(norm(difference)).toBeLessThan(1e-4 * norm(expected.gradient));
  });

  it("moves theta against it: the first step of Adam is the rate, whatever the size", async () => {
    const { loss, gradient } = await byHand(model, movingAtStart(network), few);
    const seen: AdversarialStep[] = [];
    const { theta, steps } = await trainAdversarially(model, {
      data: few,
      attack: fixed,
      steps: 1,
      learningRate: 0.01,
      threads: 0,
      onStep: (step) => seen.push(step),
    });
    expect(steps).toBe(1);
    expect(seen).toMatchObject([{ step: 1, done: 1 }]);
    expect(seen[0].loss).toBeCloseTo(loss, 5);
    const largest = Math.max(...gradient.map(Math.abs));
    for (const [i, g] of gradient.entries()) {
      if (Math.abs(g) < 1e-3 * largest) continue;
      expect(theta[i] - network.theta0[i]).toBeCloseTo(-0.01 * Math.sign(g), 5);
    }
  });
});

describe("adversarial training", () => {
  it("gives the same bytes with one process and with two, and others from another seed", async () => {
    const call = { data: few, attack: { eps: 0.1, steps: 2 }, steps: 3, batch: 40 } as const;
    const bytes = async (more: object) =>
      Buffer.from((await trainAdversarially(model, { ...call, ...more })).bytes);
    const one = await bytes({ threads: 1 });
    expect(one.equals(await bytes({ threads: 2 }))).toBe(true);
    expect(one.equals(await bytes({ threads: 0, seed: 1 }))).toBe(false);
  });

  it("makes a network withstand the attack it is trained under", async () => {
    const data = slice(digits, 0, 500);
    const attack = { eps: 0.1, steps: 5, stepSize: 0.04 } as const;
    const trained = await trainAdversarially(model, {
      data,
      attack,
      steps: 25,
      learningRate: 3e-3,
      threads: 0,
    });
    const after = await openModel(trained.bytes);
    const underAttack = async (of: typeof model): Promise<number> => {
      const { attacks } = await evaluate(of, {
        data: slice(digits, 500),
        attacks: [attack],
        threads: 0,
      });
      return attacks[0].accuracy;
    };
    expect(await underAttack(after)).toBeGreaterThan((await underAttack(model)) + 0.2);
    await after.close();
  });

  it("ends when its seconds are over", async () => {
    const call = { data: few, attack: fixed, seconds: 0.05, batch: 10, threads: 0 };
    const seen: AdversarialStep[] = [];
    const { steps } = await trainAdversarially(model, {
      ...call,
      onStep: (step) => seen.push(step),
    });
    expect(seen.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
    expect(seen.at(-1)!.done).toBe(1);
    for (const { done, seconds } of seen.slice(0, -1)) {
      expect(done).toBeLessThan(1);
      expect(done).toBeCloseTo(seconds / 0.05, 1);
    }
  });

  it.each([
    [{}, "give either steps or seconds"],
    [{ steps: 2, seconds: 2 }, "give either steps or seconds"],
    [{ steps: 0 }, "steps 0"],
    [{ seconds: -1 }, "seconds -1"],
    [{ step: 3 }, "did you mean steps?"],
  ])("refuses %j", async (given, words) => {
    const call = { data: few, attack: fixed, threads: 0, ...given };
    await expect(trainAdversarially(model, call)).rejects.toThrow(words);
  });
});
