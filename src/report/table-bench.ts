// Recomputes a table of the paper on its published network: five runs, three choices from each pool.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { attack } from "../attack/attack.ts";
import { evaluate } from "../attack/evaluate.ts";
import type { AttackRequest } from "../attack/options.ts";
import type { IterationRecord } from "../correct/algorithm.ts";
import { type Dataset, gather } from "../data/dataset.ts";
import { openData } from "../data/open.ts";
import { writePoints } from "../data/points.ts";
import { writeAtomic } from "../data/write.ts";
import { type Model, openModel } from "../engine/model.ts";
import { correct } from "../run/correct.ts";
import type { Run } from "../run/record.ts";
import { type PaperRow, type PaperTable, WEIGHTS } from "./paper-tables.ts";

/** The tables' protocol: CleverHans' defaults, 40 steps of 0.01 in the l-infinity ball of radius 0.1. */
const PROTOCOL = { eps: 0.1, stepSize: 0.01, steps: 40, protocol: "cleverhans" } as const;
const ATTACKS: readonly AttackRequest[] = [
  { ...PROTOCOL, attack: "fgsm" },
  { ...PROTOCOL, attack: "pgd" },
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

export interface BenchOptions {
  readonly model: Model;
  readonly train: Dataset;
  readonly test: Dataset;
  /** Keeps points, runs and finished rows; a second call continues. */
  readonly folder: string;
  /** Which numbers of points; default all five. */
  readonly points: readonly number[];
  readonly seed: number;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((stage: string, done: number, of: number) => void) | undefined;
  readonly onIteration?: ((points: number, record: IterationRecord) => void) | undefined;
  readonly onRow?: ((row: BenchRow) => void) | undefined;
}

/** Attacks the training set once; smaller sets of points are the worst of each label among these. */
async function worstPoints(options: BenchOptions): Promise<Dataset> {
  const { model, train, folder, seed, threads, signal, onProgress } = options;
  const path = join(folder, "points.npz");
  try {
    return await openData(path);
  } catch {
    const { points } = await attack(model, {
      ...PROTOCOL,
      data: train,
      worst: 50,
      seed,
      threads,
      signal,
      onProgress: (done, of) => onProgress?.("attack", done, of),
    });
    await writeAtomic(path, writePoints(points));
    return points;
  }
}

/** The first count / labels of each label: points lie label by label, worst first. */
function firstOfEachLabel(points: Dataset, count: number, labels: number): Dataset {
  const taken = new Map<number, number>();
  const ids = Int32Array.from(points.labels.keys()).filter((i) => {
    const n = (taken.get(points.labels[i]) ?? 0) + 1;
    taken.set(points.labels[i], n);
    return n <= count / labels;
  });
  return {
    name: `${count} worst points`,
    shape: points.shape,
    count: ids.length,
    pixels: gather(points, ids),
    labels: ids.map((i) => points.labels[i]),
  };
}

async function rowOf(run: Run, paper: PaperRow, options: BenchOptions): Promise<BenchRow> {
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
export async function benchTable(table: PaperTable, options: BenchOptions): Promise<BenchRow[]> {
  const { model, train, folder, seed, threads, signal } = options;
  await mkdir(folder, { recursive: true });
  const path = join(folder, "rows.json");
  const rows = await readRows(path);
  const worst = await worstPoints(options);
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
