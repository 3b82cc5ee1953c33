// Recomputes a table of the paper on its published network: five runs, and three choices from each.
import { join } from "node:path";
import type { Scale } from "../../src/correct/choice.ts";
import {
  type AttackRequest,
  type Candidate,
  correct,
  type Dataset,
  evaluate,
  type Model,
  openModel,
  type Run,
} from "../../src/index.ts";
import { type Figures, type PaperRow, type PaperTable, WEIGHTS } from "../paper.ts";
import { firstOfEachLabel, worstPoints } from "../points.ts";
import { openResults } from "../results.ts";
import { type BenchWork, type Setting, settingOf } from "../work.ts";
import { choiceAfter } from "./early.ts";

/** The paper finds most of the improvement in the first 15 to 20 iterations. */
export const EARLY = 15;

/** What was measured of a chosen candidate; accuracies are in per cent. */
export interface Chosen extends Figures {
  readonly violation: number;
  /** How many points the chosen model gets right. */
  readonly corrected: number;
  readonly iteration: number;
  readonly alpha: number;
}

/** One row as recomputed, with the paper's row beside it. */
export interface BenchRow extends Chosen {
  readonly points: number;
  readonly weight: number;
  /** What the whole run took, and on which machine; rows with the same number of points share one run. */
  readonly seconds: number;
  readonly machine: string;
  readonly paper: PaperRow;
}

/** What the run of so many points would have chosen at w = 0 after fewer iterations. */
export interface EarlyRow extends Chosen {
  readonly points: number;
}

export interface TableResults {
  /** The published network itself; null until it has been measured. */
  readonly baseline: Figures | null;
  readonly rows: readonly BenchRow[];
  readonly early: readonly EarlyRow[];
}

export interface TableBench extends BenchWork {
  readonly model: Model;
  readonly train: Dataset;
  readonly test: Dataset;
  /** The folder keeps points, runs and finished rows, so that a second call goes on. */
  readonly folder: string;
  /** The numbers of points whose rows are made. */
  readonly points: readonly number[];
  /** What (19) scales over; a folder has the rows of one scale. */
  readonly scale: Scale;
  /**
   * The loss is cut on a sample that grows from so many images, and candidates are screened on it; a folder has the
   * rows of one. There are no early rows then: what a sample left is known to its interval only.
   */
  readonly lossSample?: number | "auto" | undefined;
  readonly onRow?: ((row: BenchRow) => void) | undefined;
}

/** The accuracies of a model by the protocol of a table, in per cent. */
export async function accuraciesOf(
  protocol: AttackRequest,
  model: Model,
  {
    test,
    threads,
    signal,
    seed,
    onProgress,
  }: Pick<TableBench, "test" | "threads" | "signal" | "seed" | "onProgress">,
): Promise<Omit<Figures, "loss">> {
  const { clean, attacks } = await evaluate(model, {
    data: test,
    attacks: [
      { ...protocol, seed, attack: "fgsm" },
      { ...protocol, seed, attack: "pgd" },
    ],
    threads,
    signal,
    onProgress,
  });
  const [fgsm, pgd] = attacks.map(({ accuracy }) => 100 * accuracy);
  return { clean: 100 * clean.accuracy, fgsm, pgd };
}

async function chosenOf(
  table: PaperTable,
  run: Run,
  choice: Candidate,
  bench: TableBench,
): Promise<Chosen> {
  const chosen = await openModel(run.bytes(choice), table.model);
  const accuracies = await accuraciesOf(table.protocol, chosen, bench);
  await chosen.close();
  const { violation, loss, corrected, iteration, alpha } = choice;
  return { loss: loss!, ...accuracies, violation: violation!, corrected, iteration, alpha };
}

const sameCandidate = (a: Chosen, b: Candidate): boolean =>
  a.iteration === b.iteration && a.alpha === b.alpha;

/** The rows of the numbers of points that were asked for, in the paper's order. */
function inOrder(results: TableResults, points: readonly number[]): TableResults {
  const order = ({ points: n, weight }: BenchRow): number =>
    n + WEIGHTS.indexOf(weight as 0) / WEIGHTS.length;
  return {
    ...results,
    rows: results.rows
      .filter((row) => points.includes(row.points))
      .toSorted((a, b) => order(a) - order(b)),
    early: results.early
      .filter((row) => points.includes(row.points))
      .toSorted((a, b) => a.points - b.points),
  };
}

/** Recomputes the rows of a table, in order; what an earlier call finished is taken from the folder. */
export async function benchTable(
  table: PaperTable,
  bench: TableBench,
): Promise<TableResults & { readonly setting: Setting }> {
  const { model, train, test, folder, seed, threads, signal, onProgress, lossSample } = bench;
  const setting = settingOf(model, { train, test }, seed);
  const empty: TableResults = { baseline: null, rows: [], early: [] };
  const file = await openResults(join(folder, `${table.name}.json`), setting, empty);
  let results = file.kept;
  const keep = async (more: Partial<TableResults>): Promise<void> => {
    results = { ...results, ...more };
    await file.keep(results);
  };
  const worst = await worstPoints(model, {
    ...bench,
    data: train,
    attack: table.protocol,
    worst: 50,
    path: join(folder, "points.npz"),
  });

  for (const count of bench.points) {
    const missing = table.rows.filter(
      ({ points, weight }) =>
        points === count && !results.rows.some((r) => r.points === points && r.weight === weight),
    );
    const early = lossSample !== undefined || results.early.some((row) => row.points === count);
    if (missing.length === 0 && early && results.baseline !== null) continue;
    const points = firstOfEachLabel(worst, count, model.labels);
    const run = await correct(model, {
      recipe: "paper",
      scale: bench.scale,
      ...(lossSample !== undefined && { lossSample }),
      data: train,
      points,
      folder: join(folder, `run-${count}`),
      resume: true,
      seed,
      threads,
      signal,
      onProgress,
      onIteration: (record) => bench.onIteration?.(count, record),
    });
    if (results.baseline === null) {
      const accuracies = await accuraciesOf(table.protocol, model, bench);
      await keep({ baseline: { loss: run.before.loss, ...accuracies } });
    }
    for (const paper of missing) {
      const { weight } = paper;
      const chosen = await chosenOf(table, run, run.select(weight), bench);
      const { seconds, machine } = run.timings;
      const row = { points: count, weight, ...chosen, seconds, machine, paper };
      bench.onRow?.(row);
      await keep({ rows: [...results.rows, row] });
    }
    if (!early) {
      const call = { ...bench, points, data: train, iterations: EARLY, weight: 0 };
      const choice = await choiceAfter(run, call);
      const known = results.rows.find((row) => row.points === count && sameCandidate(row, choice));
      const chosen = known ?? (await chosenOf(table, run, choice, bench));
      const { violation, loss, corrected, iteration, alpha, clean, fgsm, pgd } = chosen;
      const measured = { violation, loss, corrected, iteration, alpha, clean, fgsm, pgd };
      await keep({ early: [...results.early, { points: count, ...measured }] });
    }
  }
  return { setting, ...inOrder(results, bench.points) };
}
