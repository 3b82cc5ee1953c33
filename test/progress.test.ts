// Progress: every long call tells its stages in order, and each of them runs from its start to its end.
import { afterAll, expect, it } from "vitest";
import { attack } from "../src/attack/attack.ts";
import { evaluate } from "../src/attack/evaluate.ts";
import { openModel } from "../src/engine/model.ts";
import type { Progress } from "../src/progress.ts";
import { trainAdversarially } from "../src/train/adversarial.ts";
import { train } from "../src/train/train.ts";
import { noise, smallNetwork } from "./helpers/small.ts";

const { file } = await smallNetwork();
const model = await openModel(file);
afterAll(() => model.close());
const data = noise(30, 3);

const calls: readonly [string, readonly string[], (onProgress: Progress) => Promise<unknown>][] = [
  [
    "an attack on all images",
    ["fgsm"],
    (onProgress) => attack(model, { data, attack: "fgsm", eps: 0.1, threads: 0, onProgress }),
  ],
  [
    "an evaluation",
    ["clean", "fgsm 0.1", "pgd 0.2"],
    (onProgress) => {
      const attacks = [
        { attack: "fgsm", eps: 0.1 },
        { attack: "pgd", eps: 0.2, steps: 2 },
      ] as const;
      return evaluate(model, { data, attacks, threads: 0, onProgress });
    },
  ],
  [
    "a training",
    ["epoch 1 of 2", "epoch 2 of 2"],
    (onProgress) => train("cnnlight", { data, epochs: 2, batch: 25, onProgress }),
  ],
  [
    "an adversarial training of so many steps",
    ["training"],
    (onProgress) => {
      const call = { data, attack: { eps: 0.1, steps: 1 }, batch: 10, threads: 0, onProgress };
      return trainAdversarially(model, { ...call, steps: 2 });
    },
  ],
  [
    "an adversarial training of so many seconds",
    ["training"],
    (onProgress) => {
      const call = { data, attack: { eps: 0.1, steps: 1 }, batch: 10, threads: 0, onProgress };
      return trainAdversarially(model, { ...call, seconds: 0.05 });
    },
  ],
];

it.each(calls)("of %s", async (_, stages, run) => {
  const told = new Map<string, [done: number, of: number][]>();
  await run((stage, done, of) => {
    told.set(stage, [...(told.get(stage) ?? []), [done, of]]);
  });
  expect([...told.keys()]).toEqual(stages);
  for (const steps of told.values()) {
    const done = steps.map(([d]) => d);
    const [, of] = steps[0];
    expect(steps.every((step) => step[1] === of)).toBe(true);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done[0]).toBeGreaterThanOrEqual(0);
    expect(done.at(-1)).toBe(of);
  }
});
