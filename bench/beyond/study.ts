// The study of the robust recipe: what its options change, and adversarial training from the same network beside it.

import { join } from "node:path";
import { networkOf } from "../../src/engine/model.ts";
import { type Dataset, type Model, openModel, type RobustOptions } from "../../src/index.ts";
import { machine } from "../../src/run/machine.ts";
import type { PaperTable } from "../paper.ts";
import { openResults } from "../results.ts";
import { type BenchWork, type Setting, settingOf } from "../work.ts";
import { lossOn, type Made, makeRow, optionsOf, type Start } from "./make.ts";
import { type CurvePoint, curveOf, type Measures, measure } from "./measure.ts";
import { fresh, frontRows, type Row, studyRows } from "./rows.ts";
import type { Training } from "./trainings.ts";

export interface StudyBench extends Omit<BenchWork, "onIteration"> {
  /** The table whose protocol measures; the rows are attacked in its ball. */
  readonly table: Pick<PaperTable, "protocol">;
  readonly model: Model;
  readonly train: Dataset;
  readonly test: Dataset;
  /** The folder keeps runs and finished rows, so that a second call goes on. */
  readonly folder: string;
  readonly rows: readonly Row[];
  /** A training whose front is made too, beside the recipe's. */
  readonly front?: Training | undefined;
  /** What a training is given; default: the seconds of the row `fresh` of its seed. */
  readonly seconds?: number | undefined;
  /** How many seeds the main rows have, from `seed` on. */
  readonly seeds: number;
  /** On how many test images AutoAttack attacks the main rows; 0 leaves it out. */
  readonly auto: number;
  readonly recipe?: Start["recipe"];
  readonly attack?: Pick<Start["attack"], "steps" | "stepSize"> | undefined;
  readonly onRow?: ((row: RowResult) => void) | undefined;
}

/** What came of a row. */
export interface RowResult extends Measures, Omit<Made, "bytes" | "waypoints"> {
  readonly row: string;
  readonly seed: number;
  readonly machine: string;
  /** The accuracy over time, where the row is drawn. */
  readonly curve: readonly CurvePoint[];
}

/** What the results are results of. */
export interface StudySetting extends Setting {
  readonly auto: number;
  /** What a training is given, where it is stated. */
  readonly seconds?: number;
  /** All options of the row `fresh`, defaults included. */
  readonly recipe: RobustOptions;
}

export interface StudyResults {
  /** The network that all rows start from; null until it has been measured. */
  readonly before: (Measures & { readonly loss: number }) | null;
  readonly rows: readonly RowResult[];
}

export type Study = StudyResults & { readonly setting: StudySetting };

const inOrder = (rows: readonly RowResult[]): RowResult[] => {
  const place = ({ row }: RowResult): number => {
    const at = studyRows.findIndex(({ name }) => name === row);
    return at < 0 ? studyRows.length : at;
  };
  const byName = (a: RowResult, b: RowResult): number =>
    a.row < b.row ? -1 : a.row > b.row ? 1 : 0;
  return rows.toSorted((a, b) => place(a) - place(b) || byName(a, b) || a.seed - b.seed);
};

/** Makes and measures the rows asked for; the answer has all that were ever finished in the folder. */
export async function benchBeyond(bench: StudyBench): Promise<Study> {
  const { table, model, train, test, folder, seed, threads, signal, recipe } = bench;
  const { eps, epsSpace } = table.protocol;
  const telling = (label: string): Pick<BenchWork, "onProgress"> => ({
    onProgress: (stage, done, of) => bench.onProgress?.(`${label}: ${stage}`, done, of),
  });
  const attack = { ...bench.attack, eps, epsSpace };
  const start: Start = { model, train, folder, recipe, attack, threads, signal };
  const call = { protocol: table.protocol, test, auto: bench.auto, seed, threads, signal };

  const setting: StudySetting = {
    ...settingOf(model, { train, test }, seed),
    auto: bench.auto,
    ...(bench.seconds !== undefined && { seconds: bench.seconds }),
    recipe: optionsOf(start, {}, seed),
  };
  const empty: StudyResults = { before: null, rows: [] };
  const file = await openResults(join(folder, "beyond.json"), setting, empty);
  let results = file.kept;
  const keep = async (more: Partial<StudyResults>): Promise<void> => {
    results = { ...results, ...more };
    await file.keep(results);
  };

  /** The row of a seed, made where there is none yet. */
  const finished = async (row: Row, seed: number): Promise<RowResult> => {
    const known = results.rows.find((r) => r.row === row.name && r.seed === seed);
    if (known !== undefined) return known;
    const tells = telling(`${row.name}, seed ${seed}`);
    const seconds = async (): Promise<number> =>
      bench.seconds ?? (await finished(fresh, seed)).seconds;
    const made = await makeRow(row, seed, { ...start, ...tells }, seconds);
    const { bytes, waypoints, ...rest } = made;
    const there = await openModel(bytes, networkOf(model).options);
    const how = { ...call, ...tells, auto: row.main ? bench.auto : 0 };
    const measures = await measure(there, how);
    await there.close();
    const curve = await curveOf(model, waypoints, how);
    const result = { row: row.name, seed, ...measures, ...rest, machine: machine(), curve };
    bench.onRow?.(result);
    await keep({ rows: [...results.rows, result] });
    return result;
  };

  if (results.before === null) {
    const measures = await measure(model, { ...call, ...telling("the network itself") });
    await keep({ before: { ...measures, loss: await lossOn(model, start) } });
  }
  const front = bench.front === undefined ? [] : frontRows(bench.front, setting.recipe.keep);
  for (const row of [...bench.rows, ...front]) {
    for (let k = 0; k < (row.main ? bench.seeds : 1); k++) await finished(row, seed + k);
  }
  return { setting, ...results, rows: inOrder(results.rows) };
}
