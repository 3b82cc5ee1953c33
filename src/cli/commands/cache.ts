// temper cache: what is kept for the next run, and how to remove it.
import type { Command } from "commander";
import { cachedFiles, cacheLimit, keptFolder, pruneCache } from "../../data/cache.ts";
import { flag } from "../../options/kinds.ts";
import type { Context } from "../context.ts";
import { addFlags, type Flags } from "../flags.ts";
import { workFlags } from "../shared-flags.ts";

const flags = {
  clear: {
    kind: flag,
    group: "What goes in",
    everyday: true,
    help: "remove every file; no run that is finished needs one",
  },
  json: workFlags.json,
} as const satisfies Flags;

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toPrecision(3)} GB`;

async function run(clear: boolean, json: boolean, context: Context): Promise<void> {
  const [folder, limit] = [keptFolder(), cacheLimit()];
  const removed = clear ? await pruneCache(0) : [];
  const files = await cachedFiles();
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (json) {
    context.printJson({ folder, limit, bytes, files, removed });
    return;
  }
  if (clear) {
    const freed = removed.reduce((sum, file) => sum + file.bytes, 0);
    context.print(`removed ${removed.length} files, ${gigabytes(freed)}`);
  }
  context.print(
    `${folder}: ${files.length} files, ${gigabytes(bytes)} of at most ${gigabytes(limit)}`,
  );
}

export function addCache(program: Command, context: Context): void {
  const command = program
    .command("cache")
    .summary("what is kept for the next run")
    .description(
      "Shows the cache: what a correction of a part of the weights has computed of the rest of the network, for the " +
        "next run of the same model and data. The files used longest ago make room for new ones. TEMPER_CACHE is its " +
        "folder, TEMPER_CACHE_LIMIT its size in GB; 0 keeps nothing, and such corrections take longer.",
    );
  addFlags(command, flags)
    .addHelpText("after", "\nExample:\n  temper cache --clear")
    .action((given: { readonly clear?: boolean; readonly json?: boolean }) =>
      run(given.clear === true, given.json === true, context),
    );
}
