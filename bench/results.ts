// The results of a bench lie in one JSON file with what they are results of; it is replaced whenever one is added.
import { mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { writeAtomic } from "../src/data/write.ts";
import { TemperError } from "../src/index.ts";
import { differing } from "../src/options/beginning.ts";
import type { Setting } from "./work.ts";

/** The file of results of a bench. */
export interface ResultsFile<R> {
  /** What an earlier call has kept. */
  readonly kept: R;
  keep(results: R): Promise<void>;
}

/**
 * Begins a bench, or goes on with the one that was begun there.
 *
 * @throws TemperError `file-exists` where the earlier one had another model, other data, another seed or version
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
  const different = differing(then, setting);
  if (different.length > 0) {
    throw new TemperError(
      "file-exists",
      `"${path}" holds results of ${different.slice(0, 3).join("; ")}\n` +
        "give another --out, or remove that folder",
    );
  }
  return { kept: kept as unknown as R, keep };
}
