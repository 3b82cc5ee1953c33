// Recomputes a table of the paper on its published network: five runs, three choices from each pool.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { evaluate } from "../../attack/evaluate.ts";
import type { AttackRequest } from "../../attack/options.ts";
import type { Dataset } from "../../data/dataset.ts";
import { writeAtomic } from "../../data/write.ts";
import { type Model, openModel } from "../../engine/model.ts";
import { correct } from "../../run/correct.ts";
import type { Run } from "../../run/record.ts";
import { MNIST_PROTOCOL, type PaperRow, type PaperTable, WEIGHTS } from "./paper.ts";
import { firstOfEachLabel, worstPoints } from "./points.ts";
import { type BenchWork, keepSetting, settingOf } from "./work.ts";

const ATTACKS: readonly AttackRequest[] = [
  { ...MNIST_PROTOCOL, attack: "fgsm" },
  { ...MNIST_PROTOCOL, attack: "pgd" },
];

/** One row as recomputed, beside the paper's; accuracies in per cent. */
export interface BenchRow extends PaperRow {
  readonly violation: number;
  /** Points right in the chosen model. */
  readonly corrected: number;
  /** Iteration and step of the choice. */
  readonly iteration: number;
  readonly alpha: number;
  /** Of the whole run, shared by the rows of one number of points. */
  readonly seconds: number;
  readonly paper: PaperRow;
}

export interface TableBench extends BenchWork {
  readonly model: Model;
  readonly train: Dataset;
  readonly test: Dataset;
  /** Keeps points, runs and finished rows; a second call continues. */
  readonly folder: string;
  /** Which numbers of points; default all five. */
  readonly points: readonly number[];
  readonly onRow?: ((row: BenchRow) => void) | undefined;
}

async function rowOf(run: Run, paper: PaperRow, options: TableBench): Promise<BenchRow> {
  const { test, threads, signal, seed, onProgress } = options;
  const choice = run.select(paper.weight);
  const chosen = await openModel(run.bytes(choice));
  const { clean, attacks } = await evaluate(chosen, {
    data: test,
    attacks: ATTACKS.map((request) => ({ ...request, seed })),
    threads,
    signal,
    onProgress,
  });
  await chosen.close();
  const [fgsm, pgd] = attacks.map(({ accuracy }) => 100 * accuracy);
  return {
    points: paper.points,
    weight: paper.weight,
    loss: choice.loss!,
    clean: 100 * clean.accuracy,
    fgsm,
    pgd,
    violation: choice.violation!,
    corrected: choice.corrected,
    iteration: choice.iteration,
    alpha: choice.alpha,
    seconds: run.timings.seconds,
    paper,
  };
}

async function readRows(path: string): Promise<BenchRow[]> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as BenchRow[];
  } catch {
    return [];
  }
}

/** Recomputes the rows of a table, in order; rows that an earlier call finished are taken from the folder. */
export async function benchTable(table: PaperTable, options: TableBench): Promise<BenchRow[]> {
  const { model, train, folder, seed, threads, signal } = options;
  await keepSetting(folder, settingOf(model, { train, test: options.test }, seed));
  const path = join(folder, "rows.json");
  const rows = await readRows(path);
  const attack = MNIST_PROTOCOL;
  const worst = await worstPoints(model, { ...options, data: train, attack, worst: 50 });
  for (const count of options.points) {
    const missing = table.rows.filter(
      ({ points, weight }) =>
        points === count && !rows.some((row) => row.points === points && row.weight === weight),
    );
    if (missing.length === 0) continue;
    const run = await correct(model, {
      recipe: "paper",
      data: train,
      points: firstOfEachLabel(worst, count, model.labels),
      folder: join(folder, `run-${count}`),
      resume: true,
      seed,
      threads,
      signal,
      onProgress: options.onProgress,
      onIteration: (record) => options.onIteration?.(count, record),
    });
    for (const paper of missing) {
      const row = await rowOf(run, paper, options);
      rows.push(row);
      options.onRow?.(row);
      await writeAtomic(path, `${JSON.stringify(rows, null, 2)}\n`);
    }
  }
  const order = (row: BenchRow): number => row.points + WEIGHTS.indexOf(row.weight as 0) / 10;
  return rows
    .filter(({ points }) => options.points.includes(points))
    .toSorted((a, b) => order(a) - order(b));
}
