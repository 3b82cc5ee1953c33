// What every bench is given, and how its folder keeps to what it was begun with.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { IterationRecord } from "../../correct/algorithm.ts";
import { type Dataset, hashDataset } from "../../data/dataset.ts";
import { writeAtomic } from "../../data/write.ts";
import type { Model } from "../../engine/model.ts";
import { TemperError } from "../../errors.ts";
import { sha256 } from "../../run/folder.ts";
import { differences } from "../../run/unfinished.ts";
import { versions } from "../../run/versions.ts";

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
  readonly model: string;
  /** Each data set by its part in the bench. */
  readonly data: Readonly<Record<string, { readonly count: number; readonly sha256: string }>>;
}

export function settingOf(
  model: Model,
  data: Readonly<Record<string, Dataset>>,
  seed: number,
): Setting {
  return {
    versions: versions(),
    seed,
    model: sha256(model.network.file),
    data: Object.fromEntries(
      Object.entries(data).map(([part, set]) => [
        part,
        { count: set.count, sha256: hashDataset(set) },
      ]),
    ),
  };
}

/**
 * Begins a bench in its folder, or goes on with the one that was begun there.
 *
 * @throws TemperError `file-exists` where that was of another model, other data, another seed or version
 */
export async function keepSetting(folder: string, setting: Setting): Promise<void> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, "setting.json");
  const text = `${JSON.stringify(setting, null, 2)}\n`;
  const kept = await readFile(path, "utf8").catch(() => undefined);
  if (kept === undefined) return writeAtomic(path, text);
  const different = differences(JSON.parse(kept), setting);
  if (different.length === 0) return;
  throw new TemperError(
    "file-exists",
    `"${folder}" holds results of ${different.slice(0, 3).join("; ")}\n` +
      "give another --out, or remove the folder",
  );
}
