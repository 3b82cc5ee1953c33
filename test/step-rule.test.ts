// APGD's step-size rule alone, on sequences of losses made by hand.
import { describe, expect, it } from "vitest";
import { checkpoints, firstStep, nextStep, type StepState } from "../src/attack/step-rule.ts";

describe("the checkpoints", () => {
  it("of 100 steps are those of the formula", () => {
    // p = 0, 0.22, then + 0.19, 0.16, 0.13, 0.10, 0.07, 0.06, 0.06.
    expect(checkpoints(100)).toEqual([22, 41, 57, 70, 80, 87, 93, 99]);
  });

  it("of other numbers are the same shares, rounded up, none of them twice", () => {
    expect(checkpoints(50)).toEqual([11, 21, 29, 35, 40, 44, 47, 50]);
    expect(checkpoints(1000).slice(0, 3)).toEqual([220, 410, 570]);
    expect(checkpoints(5)).toEqual([2, 3, 4, 5]);
    expect(checkpoints(1)).toEqual([1]);
  });
});

/** The states after the losses f(x^(1)), f(x^(2)), ..., of a climb of 100 steps that begins with f(x^(0)). */
function climb(start: number, losses: readonly number[], length = 8): StepState[] {
  const states = [firstStep({ steps: 100, length }, start)];
  for (const loss of losses) states.push(nextStep(states.at(-1)!, loss));
  return states;
}

const upTo = (n: number, loss: (k: number) => number): number[] =>
  Array.from({ length: n }, (_, i) => loss(i + 1));

describe("the step", () => {
  it("keeps its length while the loss rises", () => {
    const states = climb(
      0,
      upTo(100, (k) => k),
    );
    expect(states.every(({ length, back }) => length === 8 && !back)).toBe(true);
  });

  it("is halved at every checkpoint where the loss stands still, and only there", () => {
    const states = climb(
      1,
      upTo(100, () => 1),
    );
    const halved = states.filter(({ back }) => back).map(({ k }) => k);
    expect(halved).toEqual([22, 41, 57, 70, 80, 87, 93, 99]);
    expect(states[21].length).toBe(8);
    expect(states[22].length).toBe(4);
    expect(states[100].length).toBe(8 / 2 ** 8);
  });

  it("is halved by condition 1 where fewer than three quarters of the steps raised the loss", () => {
    // Of the 16 steps from 41 to 57 the first n raise it, and it ends higher than ever.
    const ending = (rising: number): StepState => {
      const rises = [...upTo(41, (k) => k), ...upTo(16, (k) => 41 + Math.min(k, rising))];
      return climb(0, rises).at(-1)!;
    };
    expect(ending(12)).toMatchObject({ k: 57, length: 8, back: false });
    expect(ending(11)).toMatchObject({ k: 57, length: 4, back: true });
  });

  it("is halved by condition 2 where the highest loss did not rise, unless it was halved just before", () => {
    // After the first step down every step rises, but never to where the climb began: condition 1 is content.
    const low = (k: number): number => (k === 1 ? 0 : k / 1000);
    const states = climb(10, [
      ...upTo(22, low),
      ...upTo(19, low), // since 22: halved there, so it may stay
      ...upTo(16, (k) => 1 + k / 1000), // since 41: not halved there
    ]);
    expect(states.filter(({ back }) => back).map(({ k }) => k)).toEqual([22, 57]);
    expect(states.at(-1)!.length).toBe(2);
  });

  it("goes on from the highest point: a rise is one above the highest loss", () => {
    const states = climb(10, [...upTo(22, () => 0), 5, 11]);
    expect(states[22]).toMatchObject({ back: true, loss: 10, highest: 10, rises: 0 });
    expect(states[23]).toMatchObject({ rises: 0, loss: 5 });
    expect(states[24]).toMatchObject({ rises: 1, highest: 11, back: false });
  });
});
