// What every bench is given, and what its results are results of.
import { createHash } from "node:crypto";
import { hashDataset } from "../src/data/dataset.ts";
import type { Dataset, IterationRecord, Model } from "../src/index.ts";
import { versions } from "../src/run/versions.ts";

/** How a bench works and whom it tells. */
export interface BenchWork {
  readonly seed: number;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((stage: string, done: number, of: number) => void) | undefined;
  readonly onIteration?: ((points: number, record: IterationRecord) => void) | undefined;
}

/** What the results of a bench are results of. */
export interface Setting {
  readonly versions: ReturnType<typeof versions>;
  readonly seed: number;
  /** SHA-256 of the model file. */
  readonly model: string;
  /** Each data set, by the part it has in the bench. */
  readonly data: Readonly<Record<string, { readonly count: number; readonly sha256: string }>>;
}

export function settingOf(
  model: Model,
  data: Readonly<Record<string, Dataset>>,
  seed: number,
): Setting {
  const entries = Object.entries(data).map(
    ([part, set]) => [part, { count: set.count, sha256: hashDataset(set) }] as const,
  );
  return {
    versions: versions(),
    seed,
    model: createHash("sha256").update(model.bytes()).digest("hex"),
    data: Object.fromEntries(entries),
  };
}

/** Versions, seed and data, in words. */
export function settingInWords({ versions: { temper, onnxruntime }, seed, data }: Setting): string {
  const sets = Object.entries(data).map(
    ([part, { count }]) => `${count.toLocaleString("en")} ${part} images`,
  );
  return `Temper ${temper}, onnxruntime ${onnxruntime}, seed ${seed}; ${sets.join(", ")}`;
}
