// The attacks on a trained network: auto is the worst of its four, and who shares a batch or a process never shows.
import { afterAll, describe, expect, it } from "vitest";
import { attack } from "../src/attack/attack.ts";
import { type Attacked, attackBatch } from "../src/attack/attack-batch.ts";
import { attackNames, NONE } from "../src/attack/attacks.ts";
import { type AttackRequest, attackOptions } from "../src/attack/options.ts";
import { norms } from "../src/attack/settings.ts";
import { gather } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { openModel } from "../src/engine/model.ts";
import { classifierOfModel, trainedBytes } from "./helpers/trained.ts";

const model = await openModel(await trainedBytes());
afterAll(() => model.close());
const classifier = classifierOfModel(model);
const digits = await openData("digits:test[0:30]");
const every = Int32Array.from(digits.labels.keys());

const attackOn = (ids: Int32Array, request: AttackRequest): Promise<Attacked> =>
  attackBatch(
    classifier,
    { x: gather(digits, ids), shape: digits.shape, y: ids.map((id) => digits.labels[id]), ids },
    attackOptions(request),
  );

const four = ["apgd-ce", "apgd-t", "fab-t", "square"] as const;
const radius = { linf: 0.05, l2: 0.6 };
const isRight = (margins: Float32Array): boolean[] => [...margins].map((m) => m > 0);

describe.each(norms)("auto in %s", async (norm) => {
  const request = { norm, eps: radius[norm], steps: 6 };
  const auto = await attackOn(every, { ...request, attack: "auto" });
  const single = new Map<string, Attacked>();
  for (const name of four) {
    const steps = name === "square" ? 50 * request.steps : request.steps;
    single.set(name, await attackOn(every, { ...request, attack: name, steps }));
  }

  it("turns what any of its four turns, and nothing else", () => {
    const worst = [...every].map((i) =>
      [...single.values()].every(({ margins }) => margins[i] > 0),
    );
    expect(isRight(auto.margins)).toEqual(worst);
    const standing = worst.filter(Boolean).length;
    expect(standing).toBeGreaterThan(2);
    expect(standing).toBeLessThan(28);
  });

  it("gives a standing image the smallest margin of the four, and says whose it is", () => {
    for (const i of every) {
      const found = auto.found[i];
      if (found === NONE) continue;
      const by = single.get(found)!;
      expect(auto.margins[i]).toBe(by.margins[i]);
      const size = auto.x.length / every.length;
      const xOf = ({ x }: Attacked): Float32Array => x.subarray(i * size, (i + 1) * size);
      expect(xOf(auto)).toEqual(xOf(by));
      if (!(auto.margins[i] > 0)) continue;
      const least = Math.min(...[...single.values()].map(({ margins }) => margins[i]));
      expect(auto.margins[i]).toBe(least);
    }
  });

  it("leaves an image alone that is wrong when clean, and stops with one that is broken", () => {
    const everything = Math.max(...auto.gradientSteps);
    for (const i of every) {
      if (auto.cleanMargins[i] > 0) {
        if (auto.margins[i] > 0) expect(auto.gradientSteps[i]).toBe(everything);
        continue;
      }
      expect(auto.margins[i]).toBe(auto.cleanMargins[i]);
      expect([auto.gradientSteps[i], auto.queries[i], auto.found[i]]).toEqual([0, 1, NONE]);
    }
    // The first pass of APGD-CE breaks some: one gradient, the clean look and the look at the result.
    expect(Math.min(...auto.gradientSteps.filter((n) => n > 0))).toBeLessThan(8);
  });
});

describe("an attack on an image", () => {
  it.each(attackNames)(
    "by %s is the same alone, in sevens, and with all the others",
    async (name) => {
      for (const norm of norms) {
        const request = { attack: name, norm, eps: radius[norm], steps: 2, restarts: 2, seed: 5 };
        const whole = await attackOn(every.subarray(0, 14), request);
        const size = whole.x.length / 14;
        for (const batch of [1, 7]) {
          for (let from = 0; from < 14; from += batch) {
            const part = await attackOn(every.subarray(from, from + batch), request);
            const there = (values: Float32Array | Int32Array, width = 1) =>
              values.subarray(from * width, (from + batch) * width);
            expect(part.x).toEqual(there(whole.x, size));
            expect(part.margins).toEqual(there(whole.margins));
            expect(part.found).toEqual(whole.found.slice(from, from + batch));
            expect(part.gradientSteps).toEqual(there(whole.gradientSteps));
            expect(part.queries).toEqual(there(whole.queries));
          }
        }
      }
    },
  );

  it("is another with another seed, and gets no weaker with more restarts", async () => {
    for (const name of ["apgd-dlr", "square"] as const) {
      const request = { attack: name, eps: 0.03, steps: 5 };
      const [once, other, thrice] = [
        await attackOn(every, request),
        await attackOn(every, { ...request, seed: 1 }),
        await attackOn(every, { ...request, restarts: 3 }),
      ];
      expect(other.x).not.toEqual(once.x);
      for (const i of every) {
        if (once.margins[i] > 0) expect(thrice.margins[i]).toBeLessThanOrEqual(once.margins[i]);
        else expect(thrice.margins[i]).toBe(once.margins[i]);
      }
    }
  });

  it("is the same from this process and from two others that share the work", async () => {
    const data = await openData("digits:test[0:60]");
    const call = { data, attack: "auto", eps: 0.05, steps: 2, worst: 10 } as const;
    const here = await attack(model, { ...call, threads: 0 });
    expect(here.points.count).toBe(10);
    expect(await attack(model, { ...call, threads: 2 })).toEqual(here);
  });
});
