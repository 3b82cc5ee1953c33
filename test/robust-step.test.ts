// One step of the moving centre by its definition: the nearest point that meets this iteration's cuts, or towards it.
import { describe, expect, it } from "vitest";
import { type CentreStep, centreStep, type StepOptions } from "../src/correct/centre-step.ts";
import { followed, scaleOf } from "../src/correct/metric.ts";
import type { SampledLoss } from "../src/correct/separation.ts";
import { randomStream } from "../src/tensor/random.ts";
import { dot, norm, subtract } from "../src/tensor/vector.ts";
import { kktViolations, pointOf } from "./helpers/check-kkt.ts";
import {
  askedOf,
  crossEntropy,
  type LinearPoints,
  logitsOf,
  taughtPoints,
} from "./helpers/softmax-separation.ts";

const options: StepOptions = {
  groups: 4,
  share: 0.5,
  lossShare: 0.5,
  margin: 0,
  lossSlack: 0,
  stepCap: 100,
  longest: 1000,
};
const flat: SampledLoss = { loss: 7, gradient: new Float64Array(2), atStart: 7 };

/** One feature, x = 1, two labels: f = theta, so that a point of label 0 has the hinge theta_2 - theta_1. */
const theta = Float32Array.of(3, 5);
const point: LinearPoints = { x: [[1]], y: [0] };
const stepAt = (
  points: LinearPoints,
  {
    own = 0,
    sampled = {},
    ...other
  }: Partial<StepOptions> & { own?: number; sampled?: object } = {},
): Promise<CentreStep | undefined> =>
  centreStep(
    theta,
    askedOf(theta, points, { labels: 2, own }),
    { ...flat, ...sampled },
    { ...options, ...other },
  );
/** d to twelve digits. */
const dOf = async (...call: Parameters<typeof stepAt>): Promise<number[]> =>
  Array.from((await stepAt(...call))!.d, (v) => Math.round(v * 1e12) / 1e12 + 0);

describe("with a metric", () => {
  it("is the nearest in d'M d, of which the cap is the length; the loss counts in the same metric", async () => {
    // M = diag(4, 1): M^(-1/2) = (1/2, 1), and the point's row (-1, 1) arrives scaled.
    const scale = Float32Array.of(0.5, 1);
    const scaled = (sampled: SampledLoss, other: Partial<StepOptions> = {}) => {
      const asked = askedOf(theta, point, { labels: 2 });
      const cuts = {
        ...asked.cuts,
        addLogitSums: async () => {
          await asked.cuts.addRow(Float64Array.of(-0.5, 1));
          return Float64Array.of(2);
        },
      };
      return centreStep(theta, { ...asked, cuts }, sampled, { ...options, scale, ...other });
    };
    // min 4 a^2 + b^2 with b - a = -1: a = 1/5, b = -4/5.
    const { d, solution } = (await scaled(flat))!;
    expect(d[0]).toBeCloseTo(0.2, 12);
    expect(d[1]).toBeCloseTo(-0.8, 12);
    expect(solution.distance).toBeCloseTo(Math.sqrt(0.8), 12);
    const short = (await scaled(flat, { stepCap: Math.sqrt(0.8) / 2 }))!;
    expect(short.d[0]).toBeCloseTo(0.1, 12);
    // With a <= 0, by the row (1, 0) of the loss, b alone can move.
    const held = (await scaled({ ...flat, gradient: Float64Array.of(1, 0) }))!;
    expect(held.d[0]).toBeCloseTo(0, 12);
    expect(held.d[1]).toBeCloseTo(-1, 12);
  });

  it("follows the gradients' sizes, by its formula, and has the mean 1", () => {
    const first = followed(undefined, Float64Array.of(16, 0, 1))!;
    expect([...first]).toEqual([4, 0, 1]);
    const r = followed(first, Float64Array.of(1, 4, 1))!;
    expect(r[0]).toBeCloseTo(3.4, 12);
    expect(r[1]).toBeCloseTo(0.4, 12);
    const M = Array.from(scaleOf(r)!, (s) => 1 / (s * s));
    expect((M[0] + M[1] + M[2]) / 3).toBeCloseTo(1, 6);
    const least = 4.8 / 3 / 1000;
    expect(M[0] / M[1]).toBeCloseTo(Math.sqrt((3.4 + least) / (0.4 + least)), 5);
    expect(followed(r, undefined)).toBe(r);
    for (const none of [undefined, new Float64Array(3), Float64Array.of(1, Number.NaN, 1)])
      expect(scaleOf(none)).toBeUndefined();
  });
});

describe("by hand, two parameters", () => {
  it("asks a group's mean hinge to fall by the share, and a point that must be right by all of it", async () => {
    expect(await dOf(point)).toEqual([0.5, -0.5]);
    expect(await dOf(point, { margin: 2 })).toEqual([1, -1]);
    expect(await dOf(point, { own: 1 })).toEqual([1, -1]);
    expect(await dOf(point, { own: 1, margin: 2 })).toEqual([2, -2]);
  });

  it("shortens d to the cap, keeping its direction", async () => {
    const step = (await stepAt(point, { stepCap: Math.SQRT1_2 / 4 }))!;
    expect(step.d[0]).toBeCloseTo(0.125, 12);
    expect(step.d[1]).toBeCloseTo(-0.125, 12);
    expect(step.solution.distance).toBeCloseTo(Math.SQRT1_2, 12);
    expect(step.penalty).toBeNull();
  });

  it("lets the loss rise to its limit, and asks for its share back where it is above", async () => {
    const gradient = Float64Array.of(1, 0);
    expect(await dOf(point, { sampled: { gradient } })).toEqual([0, -1]);
    expect(await dOf(point, { sampled: { gradient, atStart: 7.25 } })).toEqual([0.25, -0.75]);
    expect(await dOf(point, { sampled: { gradient }, lossSlack: 0.25 })).toEqual([0.25, -0.75]);
    const above = { sampled: { gradient, loss: 8 }, lossSlack: 0.5 };
    expect(await dOf(point, above)).toEqual([-0.25, -1.25]);
    expect(await dOf(point, { ...above, lossShare: 1 })).toEqual([-0.5, -1.5]);
  });

  it("stays where nothing is violated, and goes back by the loss alone where that is above", async () => {
    const right = { x: [[1]], y: [1] };
    expect(await stepAt(right)).toMatchObject({
      d: Float64Array.of(0, 0),
      ...{ rows: 1, wrong: 0, violated: 0, meanHinge: 0, penalty: null },
    });
    const sampled = { gradient: Float64Array.of(0, 2), loss: 8 };
    expect(await dOf(right, { sampled })).toEqual([0, -0.25]);
  });

  it("counts the wrong, the violated and the mean hinge over all points", async () => {
    const four = { x: [[1], [0], [-1], [0.25]], y: [0, 0, 0, 1] }; // hinges 2, 0, -2, -0.5
    expect(await stepAt(four)).toMatchObject({ wrong: 2, violated: 1, meanHinge: 0.5, rows: 2 });
    const wider = { wrong: 2, violated: 3, meanHinge: (3 + 1 + 0.5) / 4, rows: 4 };
    expect(await stepAt(four, { margin: 1 })).toMatchObject(wider);
  });
});

describe("rows that cannot be met together", () => {
  /** One input with two labels: with the margin 1 both are violated, and what helps one harms the other. */
  const twins = { x: [[1], [1]], y: [0, 1] };

  it("become elastic, and the step says at what price", async () => {
    const step = (await stepAt(twins, { margin: 4, own: 2 }))!;
    // h = 6 and 2 on rows of squared length 2: alone, the first would need the multiplier 3.
    expect(step.penalty).toBeCloseTo(3000, 9);
    expect(step.solution.status).toBe("solved");
    expect(norm(step.d)).toBeLessThan(10);
  });

  it("become elastic, too, where they meet only beyond ten step caps", async () => {
    const far = { x: [[1], [-1.001]], y: [0, 0] };
    expect(
      (await stepAt(far, { margin: 10, own: 2, stepCap: 1, longest: 10 }))!.penalty,
    ).toBeGreaterThan(0);
  });

  it("leave the loss hard: what it alone cannot give back has no price", async () => {
    const step = (await stepAt(point, { sampled: { loss: 8 } }))!; // above its limit, and flat
    expect(step).toMatchObject({ penalty: null, solution: { status: "infeasible" } });
    expect([...step.d].every(Number.isFinite)).toBe(true);
  });
});

describe("numbers that are not finite", () => {
  it.each<[string, () => Promise<unknown>]>([
    ["a logit of the label", () => stepAt({ x: [[1], [Number.NaN]], y: [0, 1] })],
    ["an infinite logit", () => stepAt({ x: [[Number.POSITIVE_INFINITY]], y: [0] })],
    ["the loss", () => stepAt(point, { sampled: { loss: Number.NaN } })],
    ["its gradient", () => stepAt(point, { sampled: { gradient: Float64Array.of(0, Infinity) } })],
    ["its start", () => stepAt(point, { sampled: { atStart: Infinity } })],
  ])("give no step: %s", async (_, step) => {
    expect(await step()).toBeUndefined();
  });
});

describe("by definition, on a linear softmax classifier", () => {
  const labels = 3;

  /** The rows and right-hand sides of the headers of centre-step.ts and groups.ts, from points and formulas alone. */
  function problemOf(
    at: Float32Array,
    points: LinearPoints,
    { loss, gradient, atStart }: SampledLoss,
    { own, ...step }: StepOptions & { own: number },
  ): { rows: Float64Array[]; rhs: Float64Array } {
    const violated = points.x
      .map((x, i) => {
        const f = logitsOf(x, labels).map((logit) => logit(at));
        const label = points.y[i];
        const [rival] = f.filter((_, l) => l !== label).sort((a, b) => b.value - a.value);
        const h = rival.value - f[label].value + step.margin;
        const gradient = rival.gradient.map((v, c) => v - f[label].gradient[c]);
        return { i, label, h, gradient };
      })
      .filter(({ h }) => h > 0);
    const mine = violated.filter(({ i }) => i < own);
    const others = violated
      .filter(({ i }) => i >= own)
      .sort((a, b) => a.label - b.label || b.h - a.h);
    const count = Math.min(step.groups, others.length);
    // Of n points in K parts as equal as can be, the j-th (from 1) is in part j K / n, rounded up.
    const parts = Array.from({ length: count }, (_, g) =>
      others.filter((_, j) => Math.ceil(((j + 1) * count) / others.length) === g + 1),
    );
    const groups = [...mine.map((point) => [point]), ...parts];
    const meanOver = (group: typeof violated, of: (point: (typeof violated)[0]) => number) =>
      group.reduce((sum, point) => sum + of(point), 0) / group.length;
    const rows = groups.map((group) =>
      Float64Array.from(at, (_, c) => meanOver(group, ({ gradient }) => gradient[c])),
    );
    const rhs = groups.map(
      (group, g) => -(g < mine.length ? 1 : step.share) * meanOver(group, ({ h }) => h),
    );
    const room = atStart + step.lossSlack - loss;
    const limit = room >= 0 ? room : step.lossShare * room;
    return { rows: [...rows, gradient], rhs: Float64Array.of(...rhs, limit) };
  }

  it("is the nearest point that meets every cut, shortened to the cap", async () => {
    const seen = { capped: 0, elastic: 0, above: 0, own: 0 };
    for (let seed = 0; seed < 60; seed++) {
      const random = randomStream(seed, 9);
      const at = Float32Array.from({ length: 15 }, () => random.normal());
      const start = at.map((v) => v + 0.3 * random.normal());
      const points = taughtPoints(seed, 4);
      const onSample = crossEntropy(taughtPoints(seed, 5, { count: 10 }), labels);
      const { value: loss, gradient } = onSample(at);
      const sampled = {
        loss,
        gradient: Float64Array.from(gradient),
        atStart: onSample(start).value,
      };
      const own = random.below(4);
      const call = {
        groups: 1 + random.below(8),
        share: 0.1 + 0.9 * random.uniform(),
        lossShare: 0.1 + 0.9 * random.uniform(),
        margin: random.uniform(),
        lossSlack: 0.05,
        stepCap: [0.1, 0.5, 4][seed % 3],
        longest: [1, 5, 40][seed % 3],
      };
      const step = (await centreStep(at, askedOf(at, points, { labels, own }), sampled, call))!;
      const { rows, rhs } = problemOf(at, points, sampled, { ...call, own });
      expect(step.rows).toBe(rows.length);

      const { active, distance } = step.solution;
      const lambda = new Float64Array(rows.length);
      for (const [k, row] of active.rows.entries()) lambda[row] = active.multipliers[k];
      const price = step.penalty ?? Number.POSITIVE_INFINITY;
      const upper = rhs.map((_, r) => (r === rows.length - 1 ? Number.POSITIVE_INFINITY : price));
      expect(kktViolations({ rows, rhs, upper }, lambda)).toEqual([]);
      const nearest = pointOf(rows, lambda);
      expect(distance).toBeCloseTo(norm(nearest), 9);
      expect(norm(step.d)).toBeLessThan(call.stepCap * (1 + 1e-12));
      const scale = Math.min(1, call.stepCap / distance);
      expect(
        norm(
          subtract(
            step.d,
            nearest.map((v) => scale * v),
          ),
        ),
      ).toBeLessThan(1e-9);
      if (step.penalty === null) {
        expect(distance).toBeLessThanOrEqual(call.longest);
        for (const [r, row] of rows.entries())
          expect(dot(row, step.d)).toBeLessThan(Math.max(scale * rhs[r], rhs[r]) + 1e-9);
      }
      seen.capped += Number(scale < 1);
      seen.elastic += Number(step.penalty !== null);
      seen.above += Number(rhs.at(-1)! < 0);
      seen.own += own;
    }
    for (const times of Object.values(seen)) expect(times).toBeGreaterThan(5);
  });
});
