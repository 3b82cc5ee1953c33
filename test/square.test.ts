// Square: what it proposes lies in the ball, margins only fall, and the schedule is the paper's.
import { describe, expect, it } from "vitest";
import type { Norm } from "../src/attack/settings.ts";
import { shareAt, square } from "../src/attack/square.ts";
import { l2Squares } from "../src/attack/square-l2.ts";
import { linfSquares } from "../src/attack/square-linf.ts";
import type { Subject } from "../src/attack/subject.ts";
import { ballAround, rangeOf } from "../src/attack/threat.ts";
import { frameOf } from "../src/data/frame.ts";
import { randomStream } from "../src/tensor/random.ts";

const EPS = { linf: 0.1, l2: 1.5 };

function subjectOf(
  norm: Norm,
  shape: readonly number[],
  clip: readonly [number, number] | null = [0, 1],
): Subject {
  const size = shape.reduce((a, c) => a * c, 1);
  const random = randomStream(9, size);
  const clean = Float32Array.from({ length: size }, () => random.uniform());
  const ball = ballAround(clean, { norm, eps: EPS[norm], ...rangeOf(clip, size) });
  return { clean, shape, y: 0, labels: 2, logits: Float32Array.of(1, 0), ball };
}

/** Runs the search on f = (w . x + 30, 0) with random w; every image asked about, and its margin. */
function search(subject: Subject, queries: number, offset = 30) {
  const random = randomStream(4, 4);
  const w = Float32Array.from(subject.clean, () => random.normal());
  const asked: { x: Float32Array; margin: number }[] = [];
  const run = square(subject, { queries, random: randomStream(1) });
  let step = run.next();
  while (step.done !== true) {
    const { x, loss } = step.value;
    expect(loss).toBeUndefined();
    const margin = Math.fround(
      w.reduce((sum, v, i) => sum + v * (x[i] - subject.clean[i]), offset),
    );
    asked.push({ x: x.slice(), margin });
    step = run.next({ logits: Float32Array.of(margin, 0), gradient: new Float32Array(0) });
  }
  return { asked, best: step.value };
}

const shapes = [[28, 28], [3, 11, 7], [40], [1, 4, 30]] as const;

describe.each(["linf", "l2"] as const)("in %s", (norm) => {
  it.each(shapes.map((shape) => [shape]))(
    "searches images of shape %o inside the ball",
    (shape) => {
      for (const clip of [[0, 1], null] as const) {
        const subject = subjectOf(norm, shape, clip);
        const { asked, best } = search(subject, 120);
        expect(asked.length).toBe(120);
        for (const { x } of asked) expect(subject.ball.contains(x)).toBe(true);
        const least = Math.min(...asked.map(({ margin }) => margin));
        expect(best).toEqual(asked.find(({ margin }) => margin === least)!.x);
        expect(least).toBeLessThan(asked[0].margin);
      }
    },
  );

  it("takes logits that are not numbers for a wrong answer", () => {
    const subject = subjectOf(norm, [1, 6, 6]);
    const run = square(subject, { queries: 100, random: randomStream(1) });
    const asked: Float32Array[] = [];
    let step = run.next();
    while (step.done !== true) {
      asked.push(step.value.x.slice());
      const margin = asked.length < 4 ? 1 : Number.NaN;
      step = run.next({ logits: Float32Array.of(margin, 0), gradient: new Float32Array(0) });
    }
    expect(asked.length).toBe(4);
    expect(step.value).toEqual(asked[3]);
  });

  it("stops at the first image that is not right, ties included", () => {
    const { asked, best } = search(subjectOf(norm, [1, 20, 20]), 500, 1);
    expect(asked.length).toBeLessThan(500);
    expect(asked.at(-1)!.margin).toBeLessThanOrEqual(0);
    expect(asked.slice(0, -1).every(({ margin }) => margin > 0)).toBe(true);
    expect(best).toEqual(asked.at(-1)!.x);
  });
});

it.each(["linf", "l2"] as const)("in %s is the same search where channels come last", (norm) => {
  const [channels, pixels] = [3, 11 * 7];
  const last = (x: Float32Array): Float32Array =>
    x.map((_, i) => x[(i % channels) * pixels + Math.floor(i / channels)]);
  const first = subjectOf(norm, [channels, 11, 7]);
  const ball = ballAround(last(first.clean), {
    norm,
    eps: EPS[norm],
    ...rangeOf([0, 1], channels * pixels),
  });
  const moved = { ...first, clean: last(first.clean), shape: [11, 7, channels], ball };
  const w = Float32Array.from(first.clean, (_, i) => Math.sin(i));
  const run = (subject: Subject, weights: Float32Array): Float32Array => {
    const attack = square(subject, { queries: 60, random: randomStream(1) });
    let step = attack.next();
    while (step.done !== true) {
      const { x } = step.value;
      // Summed without rounding, so that the order of the pixels cannot show.
      const margin = weights.reduce((sum, v, i) => sum + Math.round(1e6 * v * x[i]), 1e9);
      step = attack.next({
        logits: Float32Array.of(Math.fround(margin / 1e6), 0),
        gradient: new Float32Array(0),
      });
    }
    return step.value;
  };
  const found = run(first, w);
  expect(found).not.toEqual(first.clean);
  // Sums over pixels have another order there.
  const there = run(moved, last(w));
  for (const [i, v] of last(found).entries()) expect(there[i]).toBeCloseTo(v, 6);
});

describe("the perturbations", () => {
  it("in l-infinity differ from the best so far in one window, as small as the schedule says", () => {
    const { asked } = search(subjectOf("linf", [1, 20, 20], null), 200);
    let best = asked[0];
    for (const [i, now] of asked.entries()) {
      const changed = now.x.filter((v, j) => v !== best.x[j]).length;
      if (i > 0)
        expect(changed).toBeLessThanOrEqual(Math.round(Math.sqrt(shareAt(i, 200) * 400)) ** 2);
      if (now.margin < best.margin) best = now;
    }
  });

  it("in l-infinity are -eps or eps, stripes at first, squares of one sign a channel after", () => {
    const subject = subjectOf("linf", [2, 12, 12], null);
    const { clean } = subject;
    const squares = linfSquares({
      subject,
      frame: frameOf(subject.shape),
      random: randomStream(2),
    });
    const x = clean.slice();
    squares.start(x);
    const signs = (v: Float32Array): number[] => [...v].map((p, i) => Math.sign(p - clean[i]));
    for (const [i, s] of signs(x).entries()) {
      expect(Math.abs(Math.abs(x[i] - clean[i]) - 0.1)).toBeLessThan(1e-7);
      const [channel, column] = [Math.floor(i / 144), i % 12];
      expect(s).toBe(signs(x)[channel * 144 + column]);
    }
    const trial = x.slice();
    let widest = 0;
    for (let k = 0; k < 40; k++) {
      squares.propose(x, 0.25, trial);
      const flips = signs(trial).flatMap((s, i) => (s === signs(x)[i] ? [] : [i]));
      const rows = flips.map((i) => Math.floor(i / 12) % 12);
      const columns = flips.map((i) => i % 12);
      const span = (at: number[]): number => Math.max(...at) - Math.min(...at) + 1;
      if (flips.length === 0) continue;
      widest = Math.max(widest, span(rows), span(columns));
      expect(
        new Set(flips.map((i) => `${Math.floor(i / 144)} ${trial[i] > clean[i]}`)).size,
      ).toBeLessThan(3);
    }
    expect(widest).toBe(6); // sqrt(0.25 * 144)
  });

  it("in l2 lie on the sphere of radius eps where no clip takes part of them away", () => {
    const subject = subjectOf("l2", [3, 16, 16], null);
    const squares = l2Squares({ subject, frame: frameOf(subject.shape), random: randomStream(2) });
    let [x, trial] = [subject.clean.slice(), subject.clean.slice()];
    squares.start(x);
    expect(subject.ball.distance(x)).toBeCloseTo(EPS.l2, 5);
    for (let k = 0; k < 30; k++) {
      squares.propose(x, 0.1, trial);
      expect(subject.ball.distance(trial)).toBeCloseTo(EPS.l2, 5);
      [x, trial] = [trial, x];
    }
  });
});

it("the share of the image that changes is halved as in the paper, rescaled to the queries", () => {
  const at = (share: number, queries: number): number => shareAt(share * queries, queries);
  for (const queries of [5000, 10_000, 200]) {
    expect(shareAt(0, queries)).toBe(0.8);
    // Of 10,000 queries the halvings come after 10, 50, 200, 500, 1000, 2000, 4000, 6000 and 8000.
    expect(at(0.03, queries)).toBe(0.8 / 8);
    expect(at(0.3, queries)).toBe(0.8 / 64);
    expect(at(0.99, queries)).toBe(0.8 / 512);
  }
  expect(shareAt(10, 10_000)).toBe(0.8);
  expect(shareAt(11, 10_000)).toBe(0.4);
});
