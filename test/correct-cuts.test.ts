// Which cuts an anchor brings: all, those it violates, those against the strongest rivals, those within reach.
import { describe, expect, it } from "vitest";
import { algorithm1 } from "../src/correct/algorithm.ts";
import { type Cut, type CutOptions, createCuts } from "../src/correct/cuts.ts";
import { openReach } from "../src/correct/reach.ts";
import type { AlgorithmState } from "../src/correct/state.ts";
import { randomStream } from "../src/tensor/random.ts";
import { analyticOracle, type Formula, linear } from "./helpers/analytic-oracle.ts";

const LABELS = 5;
const random = randomStream(3);
/** Six points of a classifier that is linear in two parameters; (8) always holds. */
const oracle = analyticOracle({
  theta0: [1, -1],
  y: Array.from({ length: 6 }, () => random.below(LABELS)),
  logits: Array.from({ length: 6 }, () =>
    Array.from({ length: LABELS }, () => linear([random.normal(), random.normal()])),
  ),
  loss: linear([0, 0]),
});

async function cutsAt(options: Partial<CutOptions>): Promise<readonly Cut[]> {
  const cuts = createCuts(oracle, { margin: 0.1, radius: 0, lossSlack: 0, ...options });
  await cuts.add(oracle.theta0, await oracle.lossGradient(oracle.theta0));
  expect(cuts.list.at(-1)).toEqual({ anchor: 0, point: "loss" });
  return cuts.list.slice(0, -1);
}

it.each([
  {},
  { cuts: "violated" },
  { rivals: 2 },
  { cuts: "violated", rivals: 1 },
  { rivals: 99 },
] as const)("%o: exactly the cuts that this says, in order", async (options) => {
  const { cuts = "all", rivals = LABELS } = { ...options };
  const logits = await oracle.logits(oracle.theta0);
  const f = (point: number, label: number) => logits[point * LABELS + label];
  const expected: Cut[] = [];
  for (const [point, y] of oracle.y().entries()) {
    for (let rival = 0; rival < LABELS; rival++) {
      const above = (l: number) => l !== y && l !== rival && f(point, l) > f(point, rival);
      const stronger = Array.from({ length: LABELS }, (_, l) => l).filter(above).length;
      const violated = f(point, rival) + 0.1 > f(point, y);
      if (rival === y || stronger >= rivals || (cuts === "violated" && !violated)) continue;
      expected.push({ anchor: 0, point, rival });
    }
  }
  expect(await cutsAt(options)).toEqual(expected);
});

// Forty labels of which every rival is convex in theta and the label is linear: a cut leaves out no theta that meets
// the points, so that cutting planes end at the one nearest point, however they come there.
const MANY = 40;
const curved: Formula = (theta) => {
  const value = Array.from(theta).reduce((sum, v) => sum + v * v, 0);
  return { value: 0.1 * value, gradient: Array.from(theta, (v) => 0.2 * v) };
};
const steps = { alphas: 1, margin: 0.1, weight: 0, tolerance: 1e-4 };

function manyLabels(seed: number) {
  const stream = randomStream(seed);
  const normals = () => Array.from({ length: 24 }, () => stream.normal());
  const y = Array.from({ length: 3 }, () => stream.below(MANY));
  const logitOf = (isLabel: boolean): Formula => {
    const flat = linear(normals(), stream.normal());
    if (isLabel) return flat;
    return (theta) => {
      const [a, c] = [flat(theta), curved(theta)];
      return { value: a.value + c.value, gradient: a.gradient.map((v, i) => v + c.gradient[i]) };
    };
  };
  const logits = y.map((label) => Array.from({ length: MANY }, (_, l) => logitOf(l === label)));
  return analyticOracle({ theta0: normals(), y, logits, loss: linear(normals().map(() => 0)) });
}

describe("rivals auto", () => {
  it("cuts what an anchor violates, the 3 strongest, and nothing that is out of reach", async () => {
    const stream = randomStream(5);
    const labels = 30;
    const reach = openReach(labels, 0.1);
    let before: number[] | undefined;
    for (let anchor = 0; anchor < 4; anchor++) {
      const y = Int32Array.of(...(anchor < 2 ? [4] : [4, 9]));
      const logits = Float64Array.from({ length: y.length * labels }, () => 3 * stream.normal());
      const counts = reach.countsAt(logits, y);
      const gaps = [...logits.subarray(0, labels)].map((f) => f - logits[4] + 0.1);
      gaps.splice(4, 1);
      const rise = before === undefined ? 0 : Math.max(...gaps.map((gap, l) => gap - before![l]));
      const limit = Math.max(0, rise);
      expect(counts[0]).toBe(Math.max(3, gaps.filter((gap) => gap > -limit).length));
      expect(counts[0]).toBeGreaterThanOrEqual(gaps.filter((gap) => gap > 0).length);
      before = gaps;
    }
  });

  it("leads where cuts against all rivals lead, with a part of the rows", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const oracle = manyLabels(seed);
      const [all, auto] = await Promise.all(
        ([Infinity, "auto"] as const).map((rivals) =>
          algorithm1(oracle, { ...steps, iterations: 12, rivals }),
        ),
      );
      const [whole, part] = [all, auto].map(({ iterations }) => iterations.at(-1)!);
      expect(part.distance!).toBeCloseTo(whole.distance!, 4);
      expect(part.anchor!.violation!).toBeLessThan(1e-4);
      expect(part.rows).toBeLessThan(0.7 * whole.rows);
    }
  });

  it("cuts against the same rivals where a run is taken up again", async () => {
    const oracle = manyLabels(3);
    const states: AlgorithmState[] = [];
    const asked = { ...steps, iterations: 5, rivals: "auto" } as const;
    const onState = async (state: AlgorithmState): Promise<void> => {
      states.push(structuredClone(state));
    };
    const whole = await algorithm1(oracle, { ...asked, onState });
    expect(states.length).toBeGreaterThan(2);
    for (const state of states) {
      const again = await algorithm1(oracle, { ...asked, state });
      expect(JSON.stringify(again)).toBe(JSON.stringify(whole));
    }
  });
});

describe("a limit to the bytes of cuts", () => {
  const row = 8 * 24;
  it("gives up cuts that are idle, and leads to the same end; taken up again it goes the same way", async () => {
    for (const seed of [1, 2]) {
      const oracle = manyLabels(seed);
      const asked = { ...steps, iterations: 14, rivals: 12 };
      const free = await algorithm1(oracle, asked);
      const states: AlgorithmState[] = [];
      const room = 3 * 13 * 3 * row;
      const limited = await algorithm1(oracle, {
        ...{ ...asked, room },
        onState: async (state) => {
          states.push(structuredClone(state));
        },
      });
      const [last, all] = [limited, free].map(({ iterations }) => iterations.at(-1)!);
      expect(all).not.toHaveProperty("dropped");
      const dropped = limited.iterations.map((one) => one.dropped ?? 0);
      expect(dropped.reduce((a, c) => a + c)).toBeGreaterThan(30);
      expect(last.distance!).toBeCloseTo(all.distance!, 4);
      expect(last.anchor!.violation!).toBeLessThan(1e-4);
      for (const state of states.slice(1)) {
        const again = await algorithm1(oracle, { ...asked, room: 1, state });
        expect(JSON.stringify(again)).toBe(JSON.stringify(limited));
      }
    }
  });
});
