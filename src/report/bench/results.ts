// The results of a bench: one JSON file with what they are results of, replaced as a whole when one is added.
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeAtomic } from "../../data/write.ts";
import { TemperError } from "../../errors.ts";
import { differences } from "../../run/unfinished.ts";
import type { Setting } from "./work.ts";

/** The file of a bench that is begun or goes on. */
export interface ResultsFile<R> {
  /** What is there already. */
  readonly kept: R;
  keep(results: R): Promise<void>;
}

/**
 * Begins a bench, or goes on with the one that was begun there.
 *
 * @throws TemperError `file-exists` where that was of another model, other data, another seed or version
 */
export async function openResults<R extends object>(
  path: string,
  setting: Setting,
  empty: R,
): Promise<ResultsFile<R>> {
  await mkdir(dirname(path), { recursive: true });
  const keep = (results: R): Promise<void> =>
    writeAtomic(path, `${JSON.stringify({ setting, ...results }, null, 2)}\n`);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) {
    await keep(empty);
    return { kept: empty, keep };
  }
  const { setting: then, ...kept } = JSON.parse(text) as { readonly setting: Setting } & R;
  const different = differences(then, setting);
  if (different.length > 0) {
    throw new TemperError(
      "file-exists",
      `"${path}" holds results of ${different.slice(0, 3).join("; ")}\n` +
        "give another --out, or remove that folder",
    );
  }
  return { kept: kept as unknown as R, keep };
}
