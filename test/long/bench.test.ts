// Every bench as it is called in the clone, on small slices of the digits: what it prints, keeps and puts into a page.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { SpeedResults } from "../../bench/speed/speed.ts";
import { openRun } from "../../src/index.ts";
import { bench, newFolder } from "../helpers/command.ts";

const folder = newFolder();
const MODEL = "models/digits-cnnlight.onnx";
const train = ["--data", "digits:train[0:200]"];
const test = ["--test", "digits:test[0:40]"];

/** The document that a bench prints with --json. */
async function documentOf(words: readonly string[]) {
  const { code, stdout, stderr } = await bench([...words, "--json"]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}

it.each(["table1", "table2", "table3", "table4", "figure1", "speed", "evaluation", "beyond"])(
  "%s says how it is called",
  async (name) => {
    const { code, stdout } = await bench([name, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: npm run bench -- ${name} `));
  },
);

describe("the paper's tables", () => {
  const page = join(folder, "page.md");
  writeFileSync(page, "<!-- table1 -->\n<!-- /table1 -->\n<!-- table4 -->\n<!-- /table4 -->\n");

  it("table1 recomputes the rows that were asked for, and goes on where it was", async () => {
    const words = ["table1", "--model", MODEL, "--rows", "10", ...train, ...test, "--out", folder];
    const first = await documentOf([...words, "--into", page]);
    expect(first.rows.map((row: { weight: number }) => row.weight)).toEqual([0, 0.2, 0.4]);
    expect(await documentOf(words)).toEqual(first);
    const markdown = readFileSync(join(folder, "table1", "table1.md"), "utf8");
    const text = readFileSync(page, "utf8");
    expect(text).toContain(`<!-- table1 -->\n\n${markdown.trimEnd()}\n\n<!-- /table1 -->`);
  });

  it("table4 has the times of that run, and refuses a folder without one", async () => {
    const { rows } = await documentOf(["table4", "--out", folder, "--into", page]);
    const { timings } = await openRun(join(folder, "table1", "run-10"));
    expect(rows[0].ours).toMatchObject({
      seconds: timings.seconds,
      optimisation: timings.stages.qp,
    });
    expect(readFileSync(page, "utf8")).toContain("| CNNLight | 10 |");
    const { code, stderr } = await bench(["table4", "--out", newFolder()]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("holds no finished run")]);
  });

  it("figure1 has 10 candidates an iteration, every loss evaluated to the end", async () => {
    const svg = join(folder, "figure1.svg");
    const words = ["figure1", "--model", MODEL, ...train, "--out", svg];
    expect(await documentOf(words)).toMatchObject({ svg, candidates: 51 });
    expect(existsSync(join(folder, "figure1.png"))).toBe(true);
    const { pool } = await openRun(join(folder, "figure1", "run"));
    expect(pool.filter(({ loss }) => loss === null)).toEqual([]);
  });
});

it("evaluation names a corrected model by its run", async () => {
  const corrected = join(folder, "table1", "run-10", "corrected.onnx");
  const models = ["--model", MODEL, "--model", corrected];
  const words = [
    "evaluation",
    ...models,
    "--test",
    "digits:test",
    "--limit",
    "10",
    "--out",
    folder,
  ];
  const { rows } = await documentOf(words);
  expect(rows.map(({ name }: { name: string }) => name)).toEqual(["digits-cnnlight", "run-10"]);
  const { code, stderr } = await bench([...words, "--model", MODEL]);
  expect([code, stderr]).toEqual([2, expect.stringContaining('named "digits-cnnlight"')]);
});

it("beyond puts its plot beside the page", async () => {
  const page = join(newFolder(), "beyond.md");
  writeFileSync(page, "<!-- beyond-table1 -->\n<!-- /beyond-table1 -->\n");
  const small = ["--iterations", "2", "--sources", "20", "--steps", "2", "--auto", "0"];
  const rows = ["--rows", "fresh", "--seeds", "1"];
  const words = ["beyond", "--model", MODEL, ...train, ...test, ...small, ...rows];
  const study = await documentOf([...words, "--out", folder, "--into", page]);
  expect(study.rows).toMatchObject([{ row: "fresh", seed: 0, steps: 2 }]);
  expect(readFileSync(page, "utf8")).toContain("(beyond-table1.svg)");
  expect(readFileSync(join(page, "..", "beyond-table1.svg"), "utf8")).toContain("recipe robust");
});

it("speed measures passes, the run's own subproblems with every solver, and growth", async () => {
  const folder = newFolder();
  const page = join(folder, "page.md");
  writeFileSync(page, "before\n<!-- speed -->\nstale\n<!-- /speed -->\nafter\n");
  const words = ["speed", "--quick", "--limit", "20", "--threads", "1", "--json"];
  const { code, stdout, stderr } = await bench([...words, "--out", folder, "--into", page]);
  expect(code, stderr).toBe(0);
  const { gemm, passes, qps, growth } = JSON.parse(stdout) as SpeedResults;
  for (const rate of gemm) expect(rate).toBeGreaterThan(1e8);
  expect(passes.map(({ pass }) => pass)).toEqual(["forward", "input gradient", "loss gradient"]);
  expect(growth.map(({ points, iterations }) => [points, iterations])).toEqual([
    [10, 2],
    [20, 2],
    [10, 1],
  ]);

  const { record } = await openRun(join(folder, "speed", "runs", "digits-10-2"));
  expect(qps.map(({ solver }) => solver).slice(0, 4)).toEqual([
    "Temper, warm",
    "Temper, cold",
    "quadprog",
    "highs",
  ]);
  for (const { iteration, rows, solver, quality } of qps) {
    const found = record.iterations[iteration - 1] as { rows: number; distance: number };
    expect(rows).toBe(found.rows);
    expect(quality!.objective, solver).toBeCloseTo(found.distance ** 2 / 2, 5);
    expect(quality!.kkt, solver).toBeLessThan(solver === "highs" ? 1e-5 : 1e-9);
  }

  const text = readFileSync(page, "utf8");
  expect(text).toMatch(/^before\n<!-- speed -->\n\n.*### Passes.*\n<!-- \/speed -->\nafter\n$/s);
  const prose = text.split("\n").filter((line) => !line.startsWith("|"));
  expect(Math.max(...prose.map(({ length }) => length))).toBeLessThanOrEqual(120);
  expect(text).not.toContain("stale");
  expect(readFileSync(join(folder, "speed", "speed.md"), "utf8")).toContain("### Growth");
  expect(readFileSync(join(folder, "speed", "growth.svg"), "utf8")).toContain("whole run");
});
