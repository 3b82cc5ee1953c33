// temper plan: what a correction of each part of a model would need, before any is begun.
import type { Command } from "commander";
import { checkDataset } from "../../data/dataset.ts";
import { memoryThere } from "../../data/memory.ts";
import type { DataOptions } from "../../data/open.ts";
import { networkOf } from "../../engine/model.ts";
import type { NetworkOptions } from "../../engine/network.ts";
import { measureRates } from "../../engine/rate.ts";
import { openWorkers } from "../../engine/workers.ts";
import { TemperError } from "../../errors.ts";
import { text, wholeNumber } from "../../options/kinds.ts";
import { type Estimate, estimates, restricted, type Task } from "../../run/estimate.ts";
import { duration, fits, gigabytes, proposed, taskOf } from "../../run/fits.ts";
import { pointOptions, pointTable } from "../../run/points/options.ts";
import type { Context } from "../context.ts";
import { addFlags, givenIn } from "../flags.ts";
import { openDataset, openLargeDataset, openModelFile } from "../open.ts";
import {
  dataFlag,
  deviceFlags,
  flagsOf,
  memoryFlag,
  modelFlags,
  readFlags,
  trainableFlags,
  workFlags,
} from "../shared-flags.ts";
import { table } from "../table.ts";

interface Flags extends NetworkOptions, DataOptions {
  readonly data: string;
  readonly points?: string;
  readonly worst?: number;
  readonly random?: number;
  readonly iterations?: number;
  readonly alphas?: number;
  readonly rivals?: number | "all" | "auto";
  readonly memory?: number;
  readonly lossSample?: number | "auto";
  readonly certifyRadius?: number;
  readonly threads?: number;
  readonly json?: boolean;
}

/** Points where nobody says how many. */
const USUAL = 10;

/** What help tells the defaults of. */
const USUALLY = { flops: 0, points: USUAL, labels: 10 };

const SECONDS = 2;

/** A gradient is measured of a part that leaves the machine room for others. */
const SHARE = 0.5;

async function run(path: string, flags: Flags, context: Context): Promise<void> {
  const model = await openModelFile(path, flags);
  const network = networkOf(model);
  const data = await openLargeDataset(flags.data, flags, context, model);
  const given =
    flags.points === undefined
      ? undefined
      : await openDataset(flags.points, { ...flags, augment: undefined }, context, model);
  const points = given?.count ?? flags.worst ?? flags.random ?? USUAL;
  for (const set of given === undefined ? [data] : [data, given]) {
    checkDataset(set, { shape: model.inputShape, labels: model.labels });
  }
  const { iterations, alphas, rivals, lossSample, certifyRadius, memory, threads } = flags;
  const facts = { flops: 0, points, labels: model.labels };
  const options = pointOptions({ iterations, alphas, rivals, lossSample, certifyRadius }, facts);
  const task = taskOf(network, { data, points, threads, memory }, options);
  const counted = estimates(network, task);
  if (counted.length === 0) {
    throw new TemperError(
      "model-unsupported",
      `${path}: no part of it can be corrected; temper inspect says why`,
    );
  }
  const roomy = counted.findLast(({ bytes }) => bytes <= SHARE * memoryThere()) ?? counted[0];
  const workers = openWorkers(task.processes);
  const measured = restricted(network, roomy.names);
  const rates = await measureRates(workers, measured, SECONDS).finally(workers.close);
  const parts = estimates(network, task, rates);
  await model.close();
  context.progress.stop();
  const best = proposed(parts);
  if (flags.json === true) {
    const shown = (part: Estimate) => ({
      ...{ trainable: part.trainable ?? null, tensors: part.names.size, weights: part.weights },
      ...{ bytes: Math.round(part.bytes), seconds: part.seconds, fits: fits(part) },
    });
    const machine = { memory: memoryThere(), processes: task.processes, rates };
    const chosen = best === undefined ? null : shown(best);
    context.printJson({ path, task, machine, parts: parts.map(shown), proposed: chosen });
    return;
  }
  for (const line of linesOf(task, parts, best)) context.print(line);
}

/** A pattern that is longer than this is cut in the table, where it is not the proposed one. */
const WIDE = 40;

const cut = (pattern: string): string =>
  pattern.length <= WIDE ? pattern : `${pattern.slice(0, WIDE - 4)} ...`;

function linesOf(
  { images, points, rivals, iterations, processes, bounded }: Task,
  parts: readonly Estimate[],
  best: Estimate | undefined,
): string[] {
  const cells = (part: Estimate): string[] => [
    part === best ? ">" : "",
    cut(part.trainable ?? "all"),
    part.weights.toLocaleString("en-US"),
    gigabytes(part.bytes),
    duration(part.seconds!),
    fits(part) ? "" : "does not fit",
  ];
  const what = best?.trainable === undefined ? "all weights" : `--trainable "${best.trainable}"`;
  return [
    `${images} images, ${points} ${bounded ? "balls" : "points"} of ${rivals} cuts, ` +
      `${iterations} iterations, ${processes} processes; this machine has ${gigabytes(memoryThere())}`,
    table(["", "part", "weights", "memory", "time", ""], parts.toReversed().map(cells)),
    best === undefined
      ? "nothing fits: fewer points, --iterations or --threads need less"
      : `proposed: ${what}`,
  ];
}

export function addPlan(program: Command, context: Context): void {
  const command = program
    .command("plan")
    .summary("what a correction of each part would need: memory, time")
    .description(
      "Says for all weights of MODEL, for its blocks from the end, and for its last layer what temper correct would " +
        "need with these points: memory of all processes together, and time, from operations that are counted and " +
        "two seconds in which this machine is measured. Proposed is the largest part that fits into memory and " +
        "takes no more than an hour. Nothing is written. docs/plan.md says how near the figures come.",
    )
    .argument("<model>", "ONNX file");
  const { iterations, alphas, rivals, lossSample, certifyRadius } = flagsOf(pointTable as never, [
    {
      words: "",
      table: pointTable,
      options: pointOptions({}, USUALLY),
      facts: USUALLY,
    },
  ]);
  const { seed: _, ...ofWork } = workFlags;
  addFlags(command, {
    data: dataFlag("training data, on which the loss would be held: mnist:train, file.npz, ..."),
    points: {
      kind: text("<data>"),
      group: "What goes in",
      everyday: true,
      help: "the inputs to get right: only their number counts",
    },
    worst: {
      kind: wholeNumber(),
      group: "What goes in",
      everyday: true,
      help: "the number of points instead, as temper correct takes it",
      usual: `${USUAL}`,
    },
    random: {
      kind: wholeNumber(),
      group: "What goes in",
      help: "the same",
    },
    ...readFlags,
    ...{ iterations, alphas, rivals, lossSample, certifyRadius },
    memory: memoryFlag,
    ...modelFlags,
    ...trainableFlags,
    ...deviceFlags,
    ...ofWork,
  })
    .addHelpText("after", "\nExample:\n  temper plan model.onnx --data images/ --worst 10")
    .action((path: string) => run(path, givenIn(command) as object as Flags, context));
}
