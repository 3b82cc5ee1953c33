// The study beyond the paper, on slices of the digits: its rows are what they say, and it goes on where it was.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { frontPlot } from "../bench/beyond/front.ts";
import { beyondMarkdown } from "../bench/beyond/markdown.ts";
import { beyondPlot } from "../bench/beyond/plot.ts";
import { frontRows, type Row, rowNamed } from "../bench/beyond/rows.ts";
import { benchBeyond, type Study, type StudyBench } from "../bench/beyond/study.ts";
import { trainingNamed } from "../bench/beyond/trainings.ts";
import { paperTables } from "../bench/paper.ts";
import { evaluate, type Model, openData, openModel, openRun } from "../src/index.ts";
import * as command from "./helpers/command.ts";
import { isLong, itLong } from "./helpers/long.ts";

const folder = mkdtempSync(join(tmpdir(), "temper-beyond-"));
const [{ protocol }] = paperTables;
const row = (name: string): Row => rowNamed(name)!;
let model: Model;
let bench: StudyBench;
let study: Study;

beforeAll(async () => {
  model = await openModel(resolve("models/digits-cnnlight.onnx"));
  bench = {
    table: { protocol: { ...protocol, steps: 5, stepSize: 0.04 } },
    model,
    train: await openData("digits:train[0:150]"),
    test: await openData("digits:test[0:40]"),
    folder: join(folder, "table1"),
    rows: ["adversarial", "clipped"].map(row),
    seeds: 1,
    auto: 0,
    recipe: { iterations: 3, every: 2, sources: 20, judged: 20 },
    attack: { steps: 3 },
    seed: 0,
    threads: 0,
  };
  study = await benchBeyond(bench);
});
afterAll(async () => {
  await model.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the study", () => {
  it("makes the row that adversarial training takes its seconds from, and trains as long", () => {
    expect(study.rows.map(({ row }) => row)).toEqual(["fresh", "adversarial", "clipped"]);
    const [fresh, adversarial] = study.rows;
    expect(adversarial.seconds).toBeGreaterThanOrEqual(fresh.seconds);
    expect(adversarial.curve.at(-1)).toMatchObject({ steps: adversarial.steps });
  });

  it("has the run's choice in its row, measured as evaluate measures it, and its curve", async () => {
    const run = await openRun(join(bench.folder, "fresh-0"));
    const [{ clean, fgsm, pgd, loss, distance, steps, seconds, curve, auto }] = study.rows;
    const corrected = await openModel(run.bytes(run.choice));
    const { clean: expected, attacks } = await evaluate(corrected, {
      data: bench.test,
      attacks: (["fgsm", "pgd"] as const).map((attack) => ({ ...bench.table.protocol, attack })),
      threads: 0,
    });
    await corrected.close();
    const right = [expected, ...attacks].map(({ accuracy }) => 100 * accuracy);
    expect([clean, fgsm, pgd]).toEqual(right);
    expect({ loss, distance, steps, auto }).toEqual({
      loss: run.after.loss,
      distance: run.choice.distance,
      steps: 3,
      auto: null,
    });
    // Of the pool theta0, at 0 seconds, and each mean; the curve's images are all there are.
    const means = run.pool.filter(({ iteration, alpha }) => iteration === 0 || alpha === 1);
    expect(curve.map((at) => at.steps)).toEqual(means.map(({ iteration }) => iteration));
    expect(curve[0]).toMatchObject({
      seconds: 0,
      clean: study.before!.clean,
      attacked: study.before!.pgd,
    });
    expect(curve[run.record.choice]).toMatchObject({ clean, attacked: pgd });
    expect(curve[1].seconds).toBeGreaterThan(0);
    expect(curve[2].seconds).toBeLessThan(seconds);
  });

  it("changes one thing a row, and nothing that is stated for all", async () => {
    const { options: one } = (await openRun(join(bench.folder, "fresh-0"))).record;
    const { options: other } = (await openRun(join(bench.folder, "clipped-0"))).record;
    expect(one).toMatchObject({ iterations: 3, sources: 20, attack: { steps: 3, eps: 0.1 } });
    expect(other).toEqual({
      ...one,
      attack: { ...(one as { attack: object }).attack, clip: [0, 1] },
    });
  });

  it("goes on with what is there: a stopped one ends as it would have, and another recipe is refused", async () => {
    const path = join(bench.folder, "beyond.json");
    const text = readFileSync(path, "utf8");
    const seen: string[] = [];
    const onRow = ({ row }: { row: string }): void => {
      seen.push(row);
    };
    expect(await benchBeyond({ ...bench, onRow })).toEqual(study);
    expect(seen).toEqual([]);
    expect(readFileSync(path, "utf8")).toBe(text);
    // Killed before the last row was kept: its RUN folder is there.
    const kept = JSON.parse(text) as Study;
    const missing = kept.rows.filter(({ row }) => row !== "clipped");
    writeFileSync(path, JSON.stringify({ ...kept, rows: missing }));
    expect(await benchBeyond({ ...bench, onRow })).toEqual(study);
    expect(seen).toEqual(["clipped"]);
    const other = { ...bench, recipe: { ...bench.recipe, groups: 7 } };
    await expect(benchBeyond(other)).rejects.toThrow("recipe.groups 100, now 7");
  });

  itLong("takes further seeds of the main rows alone", async () => {
    const rows = ["fresh", "clipped"].map(row);
    const { rows: all } = await benchBeyond({ ...bench, rows, seeds: 2 });
    expect(all.map(({ row, seed }) => `${row} ${seed}`)).toEqual([
      "fresh 0",
      "fresh 1",
      "adversarial 0",
      "clipped 0",
    ]);
  });
});

describe("a training by its name", () => {
  it("is made of what the name says, and of nothing that it does not", () => {
    const { steps, length, options } = trainingNamed("pgd-2/rate=5e-3/triangular/mean=0.3")!;
    const stated = { method: "pgd", learningRate: 5e-3, schedule: "triangular", average: 0.3 };
    expect({ steps, length, options }).toEqual({ steps: 2, length: 0.5, options: stated });
    expect(trainingNamed("fgsm")).toMatchObject({
      steps: 1,
      length: 1.25,
      options: { method: "pgd" },
    });
    expect(trainingNamed("trades-3/weight=6")!.options).toEqual({ method: "trades", weight: 6 });
    for (const name of [
      "fgsm-2",
      "pgd",
      "pgd-2/square",
      "pgd-2/rate",
      "pgd-2/rate=fast",
      "trades-0",
    ])
      expect(trainingNamed(name), name).toBeUndefined();
  });

  it("has a front of four weights, beside the recipe with each keep; what the network's own keep is is fresh", () => {
    const names = (keep: "clean" | "balanced"): string[] =>
      frontRows(trainingNamed("trades-2/weight=6/rate=1e-3")!, keep).map(({ name }) => name);
    const trained = [1, 2, 4, 8].map((beta) => `trades-2/rate=1e-3/weight=${beta}`);
    expect(names("balanced")).toEqual(["keep-clean", "fresh", "keep-robust", ...trained]);
    expect(names("clean").slice(0, 3)).toEqual(["fresh", "keep-balanced", "keep-robust"]);
  });

  it("is trained for the seconds that are stated, and drawn with the recipe in a front", async () => {
    const rows = ["fgsm/weight=1", "trades-1"].map(row);
    const more = { rows, seconds: 0.1, folder: join(folder, "trained") };
    const { setting, rows: results } = await benchBeyond({ ...bench, ...more });
    expect(results.map(({ row }) => row)).toEqual(["fgsm/weight=1", "trades-1"]);
    for (const { seconds, steps } of results) {
      expect(steps).toBeGreaterThan(0);
      expect(seconds).toBeGreaterThanOrEqual(0.1);
    }
    const both = { ...study, setting, rows: [...study.rows, ...results] };
    const markdown = beyondMarkdown(both, { curves: "plot.svg", fronts: "front.svg" });
    expect(markdown).toContain("| recipe robust | as it is | 1 |");
    expect(markdown).toContain("| FGSM from a random start | 1 | 1 |");
    expect(markdown).toContain("| TRADES-1 | 6 | 1 |");
    expect(markdown).toContain("![accuracy under attack against clean accuracy](front.svg)");
    const svg = await frontPlot(both);
    expect(svg).toContain("TRADES-1");
    expect(svg).not.toContain("NaN");
  });
});

describe("what is written of it", () => {
  it("has a line a row, and a plot of the rows that are drawn", async () => {
    const markdown = beyondMarkdown(study, { curves: "plot.svg", fronts: "front.svg" });
    expect(markdown.split("\n").filter((line) => line.startsWith("| "))).toHaveLength(6);
    for (const { row: name } of study.rows)
      expect(markdown).toContain(`| ${row(name).words} | 0 |`);
    expect(markdown).toContain("![accuracy under attack against seconds](plot.svg)");
    const svg = await beyondPlot(study);
    expect(svg).toContain("recipe robust");
    expect(svg).not.toContain("twice as many");
    expect(svg).not.toContain("NaN");
  });
});

describe("npm run bench -- beyond", () => {
  const refused: readonly (readonly [readonly string[], string])[] = [
    [["--rows", "fresh,staple"], '"staple" is no row'],
    [["--into", "none.md"], "cannot read the page"],
    [["--table", "table9"], "table1 or table2 or table3"],
  ];
  it.each(isLong ? refused : refused.slice(0, 1))(
    "refuses %j before any work",
    async (words, message) => {
      const out = join(folder, "refused");
      const model = ["--model", "models/digits-cnnlight.onnx", "--out", out];
      const { code, stderr } = await command.bench(["beyond", ...model, ...words]);
      expect(code).toBe(2);
      expect(stderr).toContain(message);
      expect(existsSync(out)).toBe(false);
    },
  );
});
