// A run repeated from its own record: by the library, by --like, and from a --config file; the same bytes.
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  attack,
  type CorrectCall,
  correct,
  type Dataset,
  type Model,
  openData,
  openModel,
  openRun,
  slice,
} from "../src/index.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { isLong, itLong } from "./helpers/long.ts";

const MODEL = resolve("models/digits-cnnlight.onnx");
let model: Model;
let data: Dataset;
let points: Dataset;

beforeAll(async () => {
  model = await openModel(MODEL);
  data = await openData("digits:train[0:200]");
  points = (await attack(model, { data, eps: 0.1, worst: 3, steps: 10, threads: 0 })).points;
});
afterAll(() => model.close());

const short = { iterations: 2, alphas: 2, threads: 0 } as const;
const e = { eps: 0.1, steps: 3 };
const cases: [string, () => CorrectCall][] = [
  ["standard", () => ({ data, points, ...short, rivals: 3, penalty: 50, seed: 4 })],
  ["paper", () => ({ data, points, ...short, recipe: "paper", solver: "blocks" })],
  [
    "reattack",
    () => ({ data, points: slice(data, 0, 4), ...short, reattack: true, reach: 1.5, attack: e }),
  ],
  [
    "robust",
    () => ({
      ...{ data, recipe: "robust", attack: e, iterations: 2, every: 1, threads: 0 },
      ...{ sources: 30, judged: 20, lossSample: 40, groups: 5 },
    }),
  ],
];

describe("the options of a record, given again", () => {
  it.each(isLong ? cases : cases.slice(0, 1))(
    "repeat a run of the recipe %s, byte for byte",
    async (_, call) => {
      const asked = call();
      const first = await correct(model, asked);
      const options = JSON.parse(JSON.stringify(first.record.options));
      const again = await correct(model, { ...options, data, points: asked.points, threads: 1 });
      expect(JSON.stringify(again.record)).toBe(JSON.stringify(first.record));
      expect(again.bytes(again.choice)).toEqual(first.bytes(first.choice));
    },
  );
});

const base = ["correct", MODEL, "--data", "digits:train[0:200]", "--threads", "1"];
const quick = ["--iterations", "2", "--steps", "3", "--eps", "0.1"];
describe.concurrent("--like", () => {
  itLong(
    "takes the points of a run that was given a file, and lets what is given here win",
    async () => {
      const cwd = newFolder();
      const words = ["--worst", "2", "--alphas", "2", ...quick];
      await temper([...base, ...words, "--out", "A"], { cwd });
      const copy = ["--points", "A/points.npz", "--alphas", "2", "--iterations", "2"];
      await temper([...base, ...copy, "--out", "B"], { cwd });
      const ran = await temper([...base, "--like", "B", "--margin", "0.3", "--out", "C"], { cwd });
      expect(ran.stderr).not.toContain("error:");
      const [b, c] = await Promise.all(["B", "C"].map((run) => openRun(join(cwd, run))));
      expect(c.record.inputs.points).toEqual(b.record.inputs.points);
      expect(c.record.options).toEqual({ ...b.record.options, margin: 0.3 });
      const other = await temper([...base, "--like", "B", "--recipe", "robust", "--out", "D"], {
        cwd,
      });
      expect(other).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("leave --recipe out"),
      });
    },
  );
});

describe.concurrent("--config", () => {
  itLong("gives any option by its word, and the command line wins", async () => {
    const cwd = newFolder();
    writeFileSync(
      join(cwd, "c.yaml"),
      "worst: 2\neps: 0.1\nsteps: 3\niterations: 2\nlossSlack: 0.01\nrandom-start: false\nclip: [0, 2]\n",
    );
    const words = ["--config", "c.yaml", "--iterations", "1", "--out", "RUN"];
    const { stderr } = await temper([...base, ...words], { cwd });
    expect(stderr).not.toContain("error:");
    const { record } = await openRun(join(cwd, "RUN"));
    expect(record.options).toMatchObject({ iterations: 1, lossSlack: 0.01 });
    expect(record.inputs.points!.origin).toMatchObject({
      worst: 2,
      attack: { eps: 0.1, steps: 3, randomStart: false, clip: [0, 2] },
    });
  });

  it("lists may be given to an option that may be repeated, in JSON too", async () => {
    const cwd = newFolder();
    const config = { data: "digits:test[0:20]", attack: ["fgsm", "pgd"], eps: [0.05], json: true };
    writeFileSync(join(cwd, "c.json"), JSON.stringify(config));
    const { stdout, stderr } = await temper(["evaluate", MODEL, "--config", "c.json"], { cwd });
    expect(stderr).not.toContain("error:");
    const [{ attacks }] = JSON.parse(stdout).models;
    expect(attacks.map(({ name, eps }: { name: string; eps: number }) => [name, eps])).toEqual([
      ["fgsm", 0.05],
      ["pgd", 0.05],
    ]);
  });

  it.each<[string, string, string]>([
    [
      "an unknown word",
      "eps: 0.1\nmarign: 1\n",
      'line 2: correct has no option "marign"\ndid you mean margin?',
    ],
    [
      "a value out of range",
      "\nweight: 3\n",
      "line 2: --weight 3 is invalid. Expected a number from 0 to 1.",
    ],
    ["a switch that is none", "resume: often\n", "line 1: --resume: expected true or false"],
    ["no YAML", "eps: [0.1\n", "line 2: "],
    ["no options", "0.1\n", "expected options and their values"],
  ])("refuses %s with its line", async (_, text, said) => {
    const cwd = newFolder();
    writeFileSync(join(cwd, "c.yaml"), text);
    const words = [...base, "--worst", "1", "--out", "RUN", "--config", "c.yaml"];
    const { code, stderr, files } = await temper(words, { cwd });
    expect(stderr).toContain(said);
    expect({ code, files }).toEqual({ code: 2, files: ["c.yaml"] });
  });
});
