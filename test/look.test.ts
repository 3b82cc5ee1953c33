// The look before anything long: chance as a test, what attack and correct say first, and where correct stops.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attack } from "../src/attack/attack.ts";
import { type Answers, binomialTail, isChance } from "../src/attack/chance.ts";
import { type Dataset, imagesOf, slice } from "../src/data/dataset.ts";
import { readNpz } from "../src/data/npz.ts";
import { openData } from "../src/data/open.ts";
import { writePoints } from "../src/data/points.ts";
import { type Model, openModel } from "../src/engine/model.ts";
import { openWorkers, type Workers } from "../src/engine/workers.ts";
import { correct } from "../src/run/correct.ts";
import { openRun } from "../src/run/folder/open.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { node, tensor } from "./helpers/graph-builder.ts";
import { itLong } from "./helpers/long.ts";
import { answered, oddModel, softmax } from "./helpers/odd-models.ts";
import { trainedBytes } from "./helpers/trained.ts";

describe("chance", () => {
  it("is a tail of the binomial distribution", () => {
    for (const [n, p] of [
      [12, 0.3],
      [30, 0.9],
      [7, 0.01],
    ]) {
      let row = [1]; // the distribution of X, one draw after the other
      for (let i = 0; i < n; i++) {
        row = Array.from({ length: row.length + 1 }, (_, k) => {
          return (row[k] ?? 0) * (1 - p) + (row[k - 1] ?? 0) * p;
        });
      }
      for (let k = 0; k <= n; k++) {
        const tail = row.slice(k).reduce((a, c) => a + c, 0);
        expect(binomialTail(k, n, p) / tail).toBeCloseTo(1, 9);
      }
    }
    expect(binomialTail(3, 9, 0)).toBe(0);
    expect(binomialTail(5200, 10_000, 0.5)).toBeCloseTo(3.3e-5, 6);
  });

  const even = (labels: number): Float64Array => new Float64Array(labels).fill(10);
  const answers = (right: number, of: number, labels: number): Answers => ({
    ...{ right, of, labelled: even(labels), answered: even(labels) },
  });

  it.each<[string, Answers, boolean]>([
    ["ten labels at a tenth", answers(25, 250, 10), true],
    ["ten labels, weak but no accident", answers(50, 250, 10), false],
    ["two labels at a half", answers(130, 250, 2), true],
    ["two labels at 60 %", answers(150, 250, 2), false],
    ["all of four images right", answers(4, 4, 2), false],
    ["half of four images right", answers(2, 4, 2), true],
    [
      "always the label of nine in ten",
      { right: 225, of: 250, labelled: Float64Array.of(90, 10), answered: Float64Array.of(250, 0) },
      true,
    ],
    [
      "93 % where nine in ten have one label, and the other is found",
      {
        ...{ right: 232, of: 250, labelled: Float64Array.of(90, 10) },
        answered: Float64Array.of(225, 25),
      },
      false,
    ],
    [
      "one label only, and mostly right",
      { right: 95, of: 100, labelled: Float64Array.of(100, 0), answered: Float64Array.of(95, 5) },
      false,
    ],
  ])("%s", (_, known, chance) => {
    expect(isChance(known)).toBe(chance);
  });
});

/** The names at the ends of notes. */
const named = (notes: readonly string[]): (string | undefined)[] =>
  notes.map((note) => /\[([\w-]+)\]$/.exec(note)?.[1]);

describe("attack says before it begins", () => {
  it.each([
    ["nothing of a plain model", {}, 0.1, 1, []],
    ["that it ends in Softmax", softmax, 0.1, 1, ["softmax-ending"]],
    [
      "that gradients vanish",
      { ...softmax, scale: 1e4 },
      0.1,
      1,
      ["vanishing-gradients", "softmax-ending"],
    ],
    ["that the data leave the range", {}, 0.1, 2, ["outside-clip"]],
    ["that the ball is as wide as the range", {}, 8, 1, ["wide-ball"]],
  ])("%s", async (_, odd, eps, factor, names) => {
    const model = await openModel(oddModel(odd));
    const set = await answered(model, 60);
    const pixels = imagesOf(set).map((v) => factor * v);
    const logits = await model.logits(pixels, 60);
    const labels = Int32Array.from({ length: 60 }, (_, i) => {
      const row = logits.subarray(3 * i, 3 * i + 3);
      return row.indexOf(Math.max(...row));
    });
    const told: string[] = [];
    const call = { data: { ...set, pixels, labels }, eps, steps: 2, threads: 0 };
    const { notes } = await attack(model, { ...call, onNote: (note) => told.push(note) });
    await model.close();
    expect(named(told)).toEqual(names);
    expect(notes.slice(0, told.length)).toEqual(told);
  });
});

describe("correct", () => {
  let model: Model;
  let data: Dataset;
  let mislabelled: Dataset;
  let points: Dataset;
  const call = { iterations: 1, alphas: 2, threads: 0 } as const;
  beforeAll(async () => {
    model = await openModel(await trainedBytes());
    data = await openData("digits:test[0:200]");
    mislabelled = { ...data, labels: data.labels.map((label) => (label + 1) % 10) };
    points = (await attack(model, { data, eps: 0.1, worst: 3, steps: 5, threads: 0 })).points;
  });
  afterAll(() => model.close());

  it("says that cuts through a quantiser are surrogates", async () => {
    const initializers = { step: tensor([], [1 / 8]) };
    const after = [
      node("QuantizeLinear", ["sums", "step"], ["q"], {}, "eighths"),
      node("DequantizeLinear", ["q", "step"], ["y"]),
    ];
    const quantised = await openModel(oddModel({ after, initializers }));
    const set = await answered(quantised, 60);
    const told: string[] = [];
    const asked = { ...call, data: set, points: slice(set, 0, 2) };
    const { record } = await correct(quantised, { ...asked, onNote: (note) => told.push(note) });
    await quantised.close();
    expect(named(record.notes)).toContain("surrogate-cuts");
    expect(told.join()).toContain('straight through QuantizeLinear "eighths": cuts are surrogates');
  });

  it("stops where the model is no better than chance, and writes nothing", async () => {
    const folder = join(newFolder(), "run");
    const wrong = { data: mislabelled, points, folder, iterations: 1, threads: 0 } as const;
    const robust = { ...wrong, recipe: "robust", attack: { eps: 0.1 } } as const;
    for (const asked of [correct(model, wrong), correct(model, robust)]) {
      const said = expect(asked).rejects;
      await said.toMatchObject({
        code: "data-mismatch",
        message: /no better than.*\n.*\n.*anyway/,
      });
    }
    expect(existsSync(folder)).toBe(false);
    const { record } = await correct(model, { ...call, data: mislabelled, points, anyway: true });
    expect(named(record.notes)).toEqual(["near-chance"]);
  });

  itLong("does so by its command, unless --anyway", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "m.onnx"), await trainedBytes());
    writeFileSync(join(folder, "data.npz"), writePoints(mislabelled));
    writeFileSync(join(folder, "points.npz"), writePoints(points));
    const args = ["correct", "m.onnx", "--data", "data.npz", "--out", "run", "--iterations", "1"];
    for (const from of [
      ["--points", "points.npz"],
      ["--worst", "3", "--eps", "8/255"],
    ]) {
      const { code, stderr, files } = await temper([...args, ...from], { cwd: folder });
      expect(code).toBe(2);
      expect(stderr).toMatch(/error: .*data\.npz: .*\[near-chance\]/);
      expect(stderr).toContain("--anyway");
      expect(files).not.toContain("run");
    }
    const anyway = [...args, "--points", "points.npz", "--anyway"];
    const { code, stdout, stderr } = await temper(anyway, { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^data: clean accuracy \d.*% before, .*% after; \d+ of 200 images were/m,
    );
    expect(stderr.match(/near-chance/g)).toHaveLength(1);
  });

  it("looks no second time at what attack has looked at", async () => {
    const own = openWorkers(0);
    let looks = 0;
    const map: Workers["map"] = (task, ...rest) => {
      if (task.name === "probeShard") looks++;
      return own.map(task, ...rest);
    };
    await attack(model, { data, eps: 0.1, worst: 3, steps: 1, threads: 0 });
    const asked = { ...call, points, workers: { ...own, map } };
    await correct(model, { ...asked, data });
    expect(looks).toBe(0);
    await correct(model, { ...asked, data: { ...data } });
    expect(looks).toBe(1);
    await own.close();
  });

  it("tells what became of clean images, as its file answers", async () => {
    const folder = join(newFolder(), "run");
    const held = slice(data, 0, 50);
    const asked = { ...call, data, points, validation: held, margin: 20, folder };
    const run = await correct(model, asked);
    const after = await openModel(run.bytes(run.choice));
    const arrays = readNpz(readFileSync(join(folder, "predictions.npz")));
    for (const [name, set, told] of [
      ["data", data, run.record.clean],
      ["validation", held, run.record.clean.validation!],
    ] as const) {
      const answersOf = async (one: Model): Promise<number[]> => {
        const logits = await one.logits(imagesOf(set), set.count);
        return Array.from({ length: set.count }, (_, i) => {
          const row = logits.subarray(10 * i, 10 * i + 10);
          return row.indexOf(Math.max(...row));
        });
      };
      const [old, now] = [await answersOf(model), await answersOf(after)];
      const flipped = [...set.labels.keys()].filter(
        (i) => old[i] === set.labels[i] && now[i] !== set.labels[i],
      );
      const share = (given: number[]): number =>
        given.filter((label, i) => label === set.labels[i]).length / set.count;
      expect(told).toMatchObject({ before: share(old), after: share(now), count: set.count });
      expect(told.negativeFlips).toBe(flipped.length);
      for (const { label, count, negativeFlips } of told.labels) {
        expect(count).toBe(set.labels.filter((y) => y === label).length);
        expect(negativeFlips).toBe(flipped.filter((i) => set.labels[i] === label).length);
      }
      expect([...arrays.get(`${name}_before`)!.values]).toEqual(old);
      expect([...arrays.get(`${name}_after`)!.values]).toEqual(now);
      expect([...arrays.get(`${name}_flipped`)!.values]).toEqual(flipped.slice(0, 100));
    }
    await after.close();
    expect(run.record.clean.negativeFlips).toBeGreaterThan(0);
    expect((await openRun(folder)).record.clean).toEqual(run.record.clean);
  });
});
