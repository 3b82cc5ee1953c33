// The moving centre on classifiers written down as formulas: candidates, ends, and a run taken up again.
import { describe, expect, it } from "vitest";
import { candidateTheta } from "../src/correct/candidates.ts";
import { type MovingCentreOptions, movingCentre } from "../src/correct/moving-centre.ts";
import type { CentreCorrection, CentreRecord } from "../src/correct/records.ts";
import type { SeparationOracle } from "../src/correct/separation.ts";
import type { CentreState } from "../src/correct/state.ts";
import { norm, subtract } from "../src/tensor/vector.ts";
import { dominates } from "./helpers/dominance.ts";
import {
  askedOf,
  type SoftmaxSeparation,
  softmaxSeparation,
} from "./helpers/softmax-separation.ts";

const options: MovingCentreOptions = {
  ...{ iterations: 20, every: 3, patience: 100, groups: 6, share: 0.3, lossShare: 0.3 },
  ...{ margin: 0.2, lossSlack: 0, stepCap: 0.1, weight: 0, tolerance: 1e-4 },
};
const run = (
  oracle: SeparationOracle,
  other: Partial<MovingCentreOptions> = {},
): Promise<CentreCorrection> => movingCentre(oracle, { ...options, ...other });

/** An oracle whose points are all right by far, and whose loss stays. */
function atRest(): SeparationOracle {
  const theta0 = Float32Array.of(3, 5);
  const right = async (theta: Float32Array) => askedOf(theta, { x: [[1]], y: [1] }, { labels: 2 });
  const sampledLoss = async () => ({ loss: 1, gradient: Float64Array.of(1, 1), atStart: 1 });
  return { theta0, separate: right, judge: right, sampledLoss, loss: async () => 1 };
}

describe("a run", () => {
  it("corrects points that no cut was made of, in steps under the cap, and holds the loss", async () => {
    for (const seed of [1, 2]) {
      const oracle = softmaxSeparation(seed);
      const { end, pool, choice, iterations } = await run(oracle);
      expect(end).toBe("iterations");
      const [start, found] = [pool[0], pool[choice]];
      expect(found.violation).toBeLessThan(0.1 * start.violation!);
      expect(found.corrected).toBeGreaterThan(start.corrected);
      expect(found.loss).toBeLessThan(start.loss!);
      const cap = options.stepCap * norm(oracle.theta0);
      const capAt = (k: number) => cap * (1 - (k - 1) / options.iterations);
      expect(iterations.map(({ iteration }) => iteration)).toEqual(
        [...Array(20).keys()].map((k) => k + 1),
      );
      for (const { iteration, step, solution, points } of iterations) {
        expect(step).toBeLessThanOrEqual(Math.min(capAt(iteration), solution) * (1 + 1e-9));
        expect(points).toBe(30);
      }
      for (const member of pool.filter(({ front }) => front))
        expect(pool.some((other) => dominates(other, member))).toBe(false);
      expect(pool[choice].front).toBe(true);
    }
  });

  it("judges the mean of every three thetas and of the last; each is rebuilt to the bit from the anchors", async () => {
    const oracle = softmaxSeparation(4);
    const layout = { alphas: 1, every: 3 };
    const thetas: Float32Array[] = [];
    const watched: SeparationOracle = {
      ...oracle,
      separate: (theta, k, through) => {
        if (k > 1) thetas.push(theta);
        return oracle.separate(theta, k, through);
      },
    };
    const { anchors, pool, iterations } = await run(watched, { iterations: 8 });
    expect(thetas.map((theta) => norm(subtract(theta, oracle.theta0)))).toEqual(
      iterations.slice(0, -1).map(({ distance }) => distance),
    );
    const meanOf = (some: readonly Float32Array[]): Float32Array =>
      some[0].map((_, i) => some.reduce((sum, theta) => sum + theta[i], 0) / some.length);
    expect(anchors.slice(0, 2)).toEqual([meanOf(thetas.slice(0, 3)), meanOf(thetas.slice(3, 6))]);
    // Nobody is asked at the last theta: it is twice the mean of the last two, less the first of them.
    const last = anchors[2].map((v, i) => 2 * v - thetas[6][i]);
    expect(norm(subtract(last, oracle.theta0))).toBeCloseTo(iterations[7].distance, 5);
    expect(pool.map(({ iteration, step }) => [iteration, step])).toEqual([
      [0, 0],
      [3, 1],
      [6, 1],
      [8, 1],
    ]);
    const rebuilt = pool.map((c) => candidateTheta(c, oracle.theta0, anchors, layout));
    expect(rebuilt).toEqual(oracle.judged);
    for (const [c, { iteration, distance, violation, corrected, loss }] of pool.entries()) {
      expect(distance).toBe(norm(subtract(rebuilt[c], oracle.theta0)));
      expect(loss).toBe(await oracle.loss(rebuilt[c]));
      if (iteration === 0) continue;
      const record = iterations[iteration - 1];
      expect(record.candidate).toEqual({ violation, corrected, loss });
    }
    expect(iterations.filter(({ candidate }) => candidate !== null)).toHaveLength(3);
  });

  it("makes a share of each step again with the next one: m <- d + mu m", async () => {
    // A point that is far from right asks for the same d of the cap's length again and again.
    const oracle: SeparationOracle = {
      ...atRest(),
      separate: async (theta) => askedOf(theta, { x: [[1]], y: [0] }, { labels: 2 }),
    };
    const stepCap = 0.001;
    const { iterations } = await run(oracle, { iterations: 4, stepCap, margin: 9, momentum: 0.5 });
    const cap = stepCap * norm(oracle.theta0);
    let made = 0;
    for (const { iteration, step } of iterations) {
      made = cap * (1 - (iteration - 1) / 4) + 0.5 * made;
      expect(step).toBeCloseTo(made, 9);
    }
  });

  it("judges the points on the way back from the mean with the lowest violation, by the pool's own rule", async () => {
    const oracle = softmaxSeparation(4);
    const told: string[] = [];
    const onLine = (done: number, of: number) => told.push(`${done} of ${of}`);
    const { anchors, pool } = await run(oracle, { iterations: 8, alphas: 4, onLine });
    const whole = pool.filter(({ alpha }) => alpha === 1);
    expect(whole.map(({ iteration, step }) => [iteration, step])).toEqual([
      [3, 4],
      [6, 4],
      [8, 4],
    ]);
    const lowest = Math.min(...whole.map(({ violation }) => violation!));
    const { iteration } = whole.find(({ violation }) => violation === lowest)!;
    expect(pool.slice(4).map((c) => [c.iteration, c.step, c.alpha])).toEqual([
      [iteration, 3, 0.75],
      [iteration, 2, 0.5],
      [iteration, 1, 0.25],
    ]);
    const layout = { alphas: 4, every: 3 };
    expect(pool.map((c) => candidateTheta(c, oracle.theta0, anchors, layout))).toEqual(
      oracle.judged,
    );
    expect(told).toEqual(["1 of 3", "2 of 3", "3 of 3"]);
  });

  it("asks for the points and the loss of each iteration once, at the theta before the step", async () => {
    const oracle = softmaxSeparation(5);
    const asked: [string, number, number][] = [];
    const watch =
      <Rest extends readonly unknown[], R>(
        what: string,
        ask: (theta: Float32Array, k: number, ...rest: Rest) => R,
      ) =>
      (theta: Float32Array, k: number, ...rest: Rest): R => {
        asked.push([what, k, norm(subtract(theta, oracle.theta0))]);
        return ask(theta, k, ...rest);
      };
    const watched = {
      ...oracle,
      separate: watch("points", oracle.separate),
      sampledLoss: watch("loss", oracle.sampledLoss),
    };
    const { iterations } = await run(watched, { iterations: 4 });
    const before = [0, ...iterations.map(({ distance }) => distance)];
    expect(asked).toEqual(
      [1, 2, 3, 4].flatMap((k) => [
        ["points", k, before[k - 1]],
        ["loss", k, before[k - 1]],
      ]),
    );
  });
});

describe("ends", () => {
  it("front-settled: where nothing is violated theta stays, and equal candidates are no gain", async () => {
    const oracle = atRest();
    const { end, anchors, iterations, choice } = await run(oracle, { every: 2, patience: 5 });
    expect(end).toBe("front-settled");
    expect(iterations).toHaveLength(6);
    expect(iterations.every(({ step, rows }) => step === 0 && rows === 1)).toBe(true);
    expect(anchors).toEqual([oracle.theta0, oracle.theta0, oracle.theta0]);
    expect(choice).toBe(0);
  });

  it("front-settled: when the last member of the front is `patience` iterations old", async () => {
    const oracle = softmaxSeparation(6);
    // From the sixth iteration on every candidate is judged worse.
    let judged = 0;
    const worse = {
      ...oracle,
      loss: async (theta: Float32Array) => (judged++ < 3 ? oracle.loss(theta) : 1e9),
    };
    const { end, pool, iterations } = await run(worse, {
      patience: 6,
      lossSlack: 1,
      iterations: 60,
      weight: 1,
    });
    expect(end).toBe("front-settled");
    const gains = pool.filter(({ front }) => front).map(({ iteration }) => iteration);
    expect(iterations.length - Math.max(...gains)).toBeGreaterThanOrEqual(6);
    expect(iterations.length - Math.max(...gains)).toBeLessThan(6 + options.every);
  });

  it.each([0, 1, 4])(
    "time-limit after %i iterations: where theta stands is judged",
    async (done) => {
      const oracle = softmaxSeparation(7);
      let asked = 0;
      const { end, pool, anchors, iterations } = await run(oracle, {
        spent: () => (asked++ >= done ? 1 : 0),
      });
      expect(end).toBe("time-limit");
      expect(iterations).toHaveLength(done);
      expect(pool.map(({ iteration }) => iteration)).toEqual(
        [[0], [0, 1], [], [], [0, 3, 4]][done],
      );
      const layout = { alphas: 1, every: options.every };
      expect(pool.map((c) => candidateTheta(c, oracle.theta0, anchors, layout))).toEqual(
        oracle.judged,
      );
    },
  );

  it("time-limit: the step cap falls with the time that is spent, where that runs ahead", async () => {
    const oracle = softmaxSeparation(7);
    const shares = [0, 0.02, 0.5, 0.9, 1];
    let asked = 0;
    const { iterations } = await run(oracle, { margin: 50, spent: () => shares[asked++] });
    const cap = options.stepCap * norm(oracle.theta0);
    const left = [1, 0.95, 0.5, 0.1]; // the second has a twentieth of the iterations behind it
    expect(iterations).toHaveLength(4);
    for (const [i, { step, solution }] of iterations.entries())
      expect(step).toBeCloseTo(Math.min(solution, left[i] * cap), 5);
  });

  it("not-finite: the candidates so far remain", async () => {
    const oracle = softmaxSeparation(8);
    const broken: SeparationOracle = {
      ...oracle,
      sampledLoss: async (theta, k) => {
        const sampled = await oracle.sampledLoss(theta, k);
        return k < 5 ? sampled : { ...sampled, loss: Number.NaN };
      },
    };
    const { end, pool, iterations } = await run(broken);
    expect(end).toBe("not-finite");
    expect(iterations).toHaveLength(4);
    expect(pool.map(({ iteration }) => iteration)).toEqual([0, 3]);
    expect(JSON.parse(JSON.stringify(iterations))).toEqual(iterations);
  });

  it("refuses a theta0 that is itself not finite, and stops on request", async () => {
    const oracle = atRest();
    const refused = run({ ...oracle, loss: async () => Number.NaN });
    await expect(refused).rejects.toMatchObject({ code: "data-mismatch" });
    const controller = new AbortController();
    const stopped = run(softmaxSeparation(1), {
      signal: controller.signal,
      onIteration: ({ iteration }) => iteration === 4 && controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("taken up again", () => {
  it("from any of its states, the run ends the same", async () => {
    const whole: SoftmaxSeparation = softmaxSeparation(9);
    const states: CentreState[] = [];
    const reference = await run(whole, {
      iterations: 11,
      onState: async (s) => void states.push(s),
    });
    expect(states.map(({ iterations }) => iterations.length)).toEqual([3, 6, 9]);
    for (const state of states) {
      const { theta, anchors, ...rest } = state;
      const read: CentreState = { theta, anchors, ...JSON.parse(JSON.stringify(rest)) };
      const records: CentreRecord[] = [];
      const again = await run(softmaxSeparation(9), {
        ...{ iterations: 11, state: read, onIteration: (r) => void records.push(r) },
      });
      expect(again).toEqual(reference);
      expect(records).toEqual(reference.iterations.slice(state.iterations.length));
    }
  });
});
