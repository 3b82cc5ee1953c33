// The benches: what they choose and print is what runs and evaluations of their own give; they go on where they were.
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { paperTables } from "../../bench/paper.ts";
import { benchTable4, table4Markdown } from "../../bench/table4.ts";
import { choiceAfter } from "../../bench/tables/early.ts";
import { earlyMarkdown, tableMarkdown } from "../../bench/tables/markdown.ts";
import { benchTable, type TableBench, type TableResults } from "../../bench/tables/tables.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import {
  attack,
  correct,
  evaluate,
  type Model,
  openData,
  openModel,
  openRun,
} from "../../src/index.ts";

const folder = mkdtempSync(join(tmpdir(), "temper-"));
const [table1] = paperTables;

let model: Model;
let data: Dataset;

beforeAll(async () => {
  model = await openModel(resolve("models/digits-cnnlight.onnx"));
  data = await openData("digits:train[0:100]");
});
afterAll(() => model.close());

describe("the choice from the first iterations", () => {
  it("is that of a run with so many, for every weight, though losses were left as bounds", async () => {
    const { points } = await attack(model, { data, eps: 0.1, worst: 4, steps: 10, threads: 0 });
    const many = await openData("digits:train[0:700]");
    const call = { data: many, points, alphas: 4, threads: 0 };
    const long = await correct(model, { ...call, iterations: 4 });
    const short = await correct(model, { ...call, iterations: 2 });
    expect(long.pool.some(({ lossAtLeast }) => lossAtLeast !== undefined)).toBe(true);
    for (const weight of [0, 0.3, 0.7, 1]) {
      const early = { model, points, data: many, iterations: 2, weight, threads: 0 };
      const { loss, ...choice } = await choiceAfter(long, early);
      const { loss: expected, ...rest } = short.select(weight);
      expect(choice).toEqual(rest);
      expect(loss).toBeCloseTo(expected!, 6); // the last anchor's loss comes from another graph
    }
  });
});

describe("a table", () => {
  let bench: TableBench;
  let results: Awaited<ReturnType<typeof benchTable>>;

  beforeAll(async () => {
    bench = {
      model,
      train: data,
      test: await openData("digits:test[0:50]"),
      folder: join(folder, "table1"),
      points: [10],
      scale: "front",
      seed: 0,
      threads: 0,
    };
    results = await benchTable(table1, bench);
  });

  it("has each weight's choice from the kept run, measured as evaluate measures it", async () => {
    const run = await openRun(join(folder, "table1", "run-10"));
    expect(run.record.options).toMatchObject({ recipe: "paper", margin: 0, iterations: 20 });
    expect(results.rows.map(({ weight }) => weight)).toEqual([0, 0.2, 0.4]);
    for (const row of results.rows) {
      const { loss, violation, iteration, alpha } = run.select(row.weight);
      expect(row).toMatchObject({ points: 10, loss, violation, iteration, alpha });
      expect(row.paper).toBe(table1.rows.find((r) => r.points === 10 && r.weight === row.weight));
    }
    const chosen = await openModel(run.bytes(run.select(0.2)));
    const { clean, attacks } = await evaluate(chosen, {
      data: bench.test,
      attacks: [{ attack: "pgd", eps: 0.1, stepSize: 0.01, labels: "predicted", clip: null }],
      threads: 0,
    });
    await chosen.close();
    const [, row] = results.rows;
    expect([row.clean, row.pgd]).toEqual([100 * clean.accuracy, 100 * attacks[0].accuracy]);
    expect(results.baseline?.loss).toBe(run.before.loss);
    const markdown = tableMarkdown(table1, results);
    expect(markdown).toContain(`| 10 | 0.2 | ${row.loss.toFixed(4)} (0.0603, `);
    expect(markdown).toContain("100 train images, 50 test images");
    expect(earlyMarkdown(table1, results).split("\n")).toHaveLength(5);
  });

  it("that was stopped goes on with what is there, and not with another seed's", async () => {
    const path = join(folder, "table1", "table1.json");
    const text = readFileSync(path, "utf8");
    const kept = JSON.parse(text) as TableResults;
    const calls: string[] = [];
    const again = await benchTable(table1, { ...bench, onProgress: (stage) => calls.push(stage) });
    expect(calls).toEqual([]);
    expect(again).toEqual(results);
    expect(again.rows).toEqual(kept.rows);
    expect(readFileSync(path, "utf8")).toBe(text);
    await expect(benchTable(table1, { ...bench, seed: 1 })).rejects.toThrow("seed 0, now 1");
  });

  it("leaves the times of its run for Table 4", async () => {
    const rows = await benchTable4(folder);
    expect(rows.map(({ ours }) => ours !== null)).toEqual([true, ...Array(5).fill(false)]);
    const { qpFirst, rowsFirst, optimisation, seconds, iterations, loss } = rows[0].ours!;
    expect(iterations).toBe(20);
    expect(rowsFirst).toBeGreaterThan(0);
    expect(qpFirst + loss!).toBeLessThan(seconds);
    expect(optimisation).toBeLessThan(seconds);
    const [, , ours, none] = table4Markdown(rows).split("\n");
    const cells = ours.split("|").map((cell) => cell.trim());
    const run = await openRun(join(folder, "table1", "run-10"));
    const [first, last] = [run.timings.iterations[0], run.timings.iterations[19]];
    expect(cells.slice(1, 3)).toEqual(["CNNLight", "10"]);
    expect(cells[3]).toMatch(new RegExp(`^${first.qp.toFixed(2)} \\(`));
    expect(cells[5]).toMatch(new RegExp(`^${last.qp.toFixed(2)} \\(`));
    expect(cells[8]).toMatch(new RegExp(`^${run.timings.seconds.toFixed(0)} \\(`));
    expect(none).toBe("| CNNLight | 50 | - | - | - | - | - | - | - |");
  });
});
