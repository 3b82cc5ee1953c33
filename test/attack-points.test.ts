// The points of an attack: which broken images are chosen, where they come from, and that they are broken.
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type AttackCall, attack, type Points } from "../src/attack/attack.ts";
import { chooseBalanced } from "../src/attack/choose.ts";
import { attackOptions } from "../src/attack/options.ts";
import { type Dataset, imagesOf, slice } from "../src/data/dataset.ts";
import { openData } from "../src/data/open.ts";
import { openModel } from "../src/engine/model.ts";
import { randomStream } from "../src/tensor/random.ts";
import { attackEverything, pick, trainedBytes } from "./helpers/trained.ts";

const model = await openModel(await trainedBytes());
afterAll(() => model.close());
const digits = await openData("digits:test[0:200]");
const request = { eps: 0.07, steps: 5, stepSize: 0.02 } as const;

const attackHere = (data: Dataset, rest: Partial<AttackCall> = {}): Promise<Points> =>
  attack(model, { ...request, data, threads: 0, ...rest });

interface Candidate {
  readonly id: number;
  readonly label: number;
  readonly margin: number;
}

/** Every image that is right when clean and wrong when attacked, by attacking all of them. */
async function everyBroken(data: Dataset, seed = 0): Promise<Candidate[]> {
  const { cleanMargins, margins } = await attackEverything(
    model,
    data,
    attackOptions({ ...request, seed }),
  );
  return [...data.labels]
    .map((label, id) => ({ id, label, margin: margins[id] }))
    .filter(({ id, margin }) => cleanMargins[id] > 0 && margin <= 0);
}

/** The definition: floor(N / 10) of each label, then whoever comes next; in the order given. */
function choose(candidates: readonly Candidate[], total: number): Candidate[] {
  const first = Array.from({ length: 10 }, (_, label) =>
    candidates.filter((c) => c.label === label).slice(0, Math.floor(total / 10)),
  ).flat();
  const rest = candidates.filter((c) => !first.includes(c));
  const chosen = [...first, ...rest.slice(0, total - first.length)];
  return candidates.filter((c) => chosen.includes(c)).toSorted((a, b) => a.label - b.label);
}

const byMargin = (candidates: readonly Candidate[]): Candidate[] =>
  candidates.toSorted((a, b) => a.margin - b.margin);

/** Label 4 is rare and label 9 is missing. */
const uneven = pick(digits, (label, i) => label !== 9 && (label !== 4 || i < 20));

describe("every point", () => {
  it("is wrong when asked again, right when clean, inside the ball and the range", async () => {
    const { points, attacked, correct, broken, notes } = await attackHere(digits);
    const asked = await model.logits(imagesOf(points), points.count);
    const clean = await model.logits(points.clean!, points.count);
    const winner = (logits: Float32Array, i: number): number => {
      const row = logits.subarray(10 * i, 10 * i + 10);
      return row.indexOf(Math.max(...row));
    };
    for (const [i, label] of points.labels.entries()) {
      expect(winner(asked, i)).not.toBe(label);
      expect(winner(clean, i)).toBe(label);
    }
    const pixels = imagesOf(points);
    const far = pixels.findIndex((v, i) => Math.abs(v - points.clean![i]) > 0.07 + 1e-6);
    expect(far).toBe(-1);
    expect(pixels.findIndex((v) => !(v >= 0 && v <= 1))).toBe(-1);
    expect({ attacked, broken, notes }).toEqual({ attacked: 200, broken: points.count, notes: [] });
    expect(correct).toBeGreaterThan(180);
    expect(broken).toBeGreaterThan(60);
  });

  it("says where it comes from, counted from the start of the unsliced data", async () => {
    const data = slice(slice(digits, 40, 160), 30);
    const { points } = await attackHere(data);
    expect(Math.min(...points.source!)).toBeGreaterThanOrEqual(70);
    for (const [i, source] of points.source!.entries()) {
      expect(points.labels[i]).toBe(digits.labels[source]);
      expect(points.clean!.subarray(784 * i, 784 * (i + 1))).toEqual(
        imagesOf(digits, source, source + 1),
      );
    }
    // Points attacked again still know their first source.
    const again = await attackHere(points, { eps: 0.3 });
    for (const source of again.points.source!) expect(points.source).toContain(source);
  });

  it("is the same from this process and from two others that share the work", async () => {
    const data = await openData("digits:test[0:600]");
    const here = await attackHere(data, { worst: 25 });
    expect(await attackHere(data, { worst: 25, threads: 2 })).toEqual(here);
  });
});

describe("the worst N", () => {
  it.each([
    ["all labels there", digits, [3, 10, 25, 40]],
    ["a label missing, another rare", uneven, [10, 30, 45, 1000]],
  ] as const)("are the worst of all of them, balanced: %s", async (_, data, totals) => {
    const all = byMargin(await everyBroken(data));
    for (const worst of totals) {
      const { points, notes } = await attackHere(data, { worst });
      expect([...points.source!]).toEqual(choose(all, worst).map(({ id }) => id));
      const lacking = Array.from({ length: 10 }, (_, label) => label).some(
        (label) => all.filter((c) => c.label === label).length < Math.floor(worst / 10),
      );
      expect(notes.length > 0).toBe(worst % 10 !== 0 || lacking);
    }
  });

  it("are the attacked images themselves, worst first within a label", async () => {
    const { x, margins } = await attackEverything(model, digits, attackOptions(request));
    const { points } = await attackHere(digits, { worst: 30 });
    for (const [i, id] of points.source!.entries()) {
      const image = x.subarray(784 * id, 784 * (id + 1));
      expect(imagesOf(points, i, i + 1)).toEqual(image);
      if (i === 0) continue;
      expect(points.labels[i]).toBeGreaterThanOrEqual(points.labels[i - 1]);
      if (points.labels[i] === points.labels[i - 1]) {
        expect(margins[id]).toBeGreaterThanOrEqual(margins[points.source![i - 1]]);
      }
    }
  });
});

describe("a random N", () => {
  it.each([
    ["all labels there", digits],
    ["a label missing, another rare", uneven],
  ] as const)("are the first broken ones in a seeded order: %s", async (_, data) => {
    for (const seed of [0, 1]) {
      const broken = await everyBroken(data, seed);
      const order = randomStream(seed, 1).permutation(data.count);
      const inOrder = [...order].flatMap((id) => broken.filter((c) => c.id === id));
      for (const random of [1, 7, 10, 34, 1000]) {
        const { points, attacked } = await attackHere(data, { random, seed });
        expect([...points.source!]).toEqual(choose(inOrder, random).map(({ id }) => id));
        if (random <= 10 && data === digits) expect(attacked).toBeLessThan(100);
      }
    }
  });

  it("are others for another seed", async () => {
    const [a, b] = [
      await attackHere(digits, { random: 20 }),
      await attackHere(digits, { random: 20, seed: 1 }),
    ];
    expect(a.points.source).not.toEqual(b.points.source);
  });
});

describe("choosing N of the candidates", () => {
  it("takes never more than N, floor(N / labels) of each label where there are, in their order", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 3 }), { maxLength: 40 }),
        fc.integer({ min: 1, max: 30 }),
        (labels, total) => {
          const candidates = labels.map((label, id) => ({ label, id }));
          const { chosen, notes } = chooseBalanced(candidates, total, 4);
          expect(chosen.length).toBe(Math.min(total, candidates.length));
          expect(chosen).toEqual(candidates.filter((c) => chosen.includes(c)));
          const share = Math.floor(total / 4);
          let lacking = false;
          for (const label of [0, 1, 2, 3]) {
            const there = candidates.filter((c) => c.label === label);
            const taken = chosen.filter((c) => c.label === label);
            expect(taken).toEqual(there.slice(0, taken.length));
            expect(taken.length).toBeGreaterThanOrEqual(Math.min(share, there.length));
            lacking ||= there.length < share;
          }
          expect(notes.some((note) => note.includes("fewer than"))).toBe(lacking);
          expect(notes.some((note) => note.startsWith("only"))).toBe(chosen.length < total);
        },
      ),
      { seed: 3 },
    );
  });

  it("says what was filled, and what could not be", () => {
    const of = (...labels: number[]): { label: number }[] => labels.map((label) => ({ label }));
    expect(chooseBalanced(of(0, 0, 0, 0, 1), 4, 2).notes).toEqual([
      "label 1 has fewer than 2 broken images; filled from the others",
    ]);
    expect(chooseBalanced(of(0, 1), 4, 2).notes).toEqual([
      "labels 0, 1 have fewer than 2 broken images",
      "only 2 of 4 points could be found",
    ]);
    expect(chooseBalanced(of(0, 0, 1, 1), 3, 2).notes).toEqual([
      "3 is not a multiple of 2 labels: 1 more from any label",
    ]);
    expect(chooseBalanced(of(0, 0, 1, 1), 2, 2).notes).toEqual([]);
  });
});

describe("refusals", () => {
  it.each([
    ["worst", { worst: 0 }],
    ["random", { random: 1.5 }],
    ["worst and random", { worst: 1, random: 1 }],
    ["threads", { threads: -1 }],
    ["eps", { eps: Number.NaN }],
  ])("name %s", async (word, bad) => {
    await expect(attackHere(digits, bad)).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringMatching(new RegExp(`^${word} `)),
    });
  });

  it("stops on request", async () => {
    const controller = new AbortController();
    const stopped = attackHere(await openData("digits:test"), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
  });
});
