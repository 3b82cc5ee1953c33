// How the command line drives a bench: seed, processes, Ctrl-C, and what is shown while it runs.
import type { BenchWork } from "../../../report/bench/work.ts";
import type { Context } from "../../context.ts";
import { iterationHeading, iterationRow } from "../../iterations.ts";
import type { CommonFlags } from "../../options.ts";

export function workOf({ seed, threads }: CommonFlags, { progress, signal }: Context): BenchWork {
  return {
    seed,
    threads,
    signal,
    onProgress: (stage, done, of) => progress.update(stage, done, of),
    onIteration: (points, record) => {
      if (record.iteration === 1) progress.line(`${points} points\n${iterationHeading(record)}`);
      progress.line(iterationRow(record));
    },
  };
}
