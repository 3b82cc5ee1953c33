// The page of a run that has just been finished, written into its folder.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeAtomic } from "../data/write.ts";
import { gatherRun } from "../report/gather.ts";
import { reportHtml } from "../report/html.ts";
import { REPORT } from "../run/folder/files.ts";
import type { Run } from "../run/run.ts";
import { versions } from "../run/versions.ts";
import type { Context } from "./context.ts";

/**
 * Adds report.html to a finished RUN, as the last part of the command that finished it; one that is there stays as it
 * is. A page that cannot be made costs a line on stderr and nothing else: the run is whole without it.
 *
 * @returns its path, or undefined where there is none
 */
export async function addPage(
  run: Run,
  folder: string,
  { progress }: Pick<Context, "progress">,
): Promise<string | undefined> {
  const path = join(folder, REPORT);
  if (existsSync(path)) return path;
  // A run of an earlier version has no place for it: --force would leave it behind.
  if (!run.record.files.includes(REPORT)) return undefined;
  try {
    const runs = [await gatherRun(folder, { run })];
    await writeAtomic(path, await reportHtml({ temper: versions().temper, runs }));
    return path;
  } catch (error) {
    const [why] = (error as Error).message.split("\n");
    progress.line(`note: the run is whole, but has no ${REPORT}: ${why}`);
    return undefined;
  }
}
