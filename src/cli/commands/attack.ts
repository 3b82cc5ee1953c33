// temper attack: makes points.npz, the images a model gets wrong when attacked.
import type { Command } from "commander";
import { attack } from "../../attack/attack.ts";
import { attackTable } from "../../attack/options.ts";
import type { DataOptions } from "../../data/open.ts";
import { writePoints } from "../../data/points.ts";
import { writeAtomic } from "../../data/write.ts";
import { networkOf } from "../../engine/model.ts";
import type { NetworkOptions } from "../../engine/network.ts";
import { text, wholeNumber } from "../../options/kinds.ts";
import { partOf } from "../../options/table.ts";
import { type Context, noting } from "../context.ts";
import { addFlags, givenIn } from "../flags.ts";
import { type KeepingFlags, keeping, keepingFlags, refuseBoth, sayHowToGoOn } from "../keeping.ts";
import { checkOutput, openLargeDataset, openModelFile } from "../open.ts";
import {
  attackFlags,
  augmentFlags,
  dataFlag,
  deviceFlags,
  modelFlags,
  readFlags,
  workFlags,
} from "../shared-flags.ts";
import { queueFlags, type WorkingFlags, workersFor } from "../working.ts";

interface Flags extends NetworkOptions, DataOptions, KeepingFlags, WorkingFlags {
  readonly data: string;
  readonly out: string;
  readonly eps: number;
  readonly worst?: number;
  readonly random?: number;
  readonly quantise?: number;
  readonly json?: boolean;
}

/** The file that keeps the shards of an attack whose points go to `out`. */
const stateOf = (out: string): string => `${out}.state`;

async function run(path: string, flags: Flags, context: Context): Promise<void> {
  refuseBoth(flags);
  await checkOutput(flags.out, ".npz");
  const model = await openModelFile(path, flags);
  const data = await openLargeDataset(flags.data, flags, context, model);
  const onNote = noting(context);
  const { eps, seed, worst, random, quantise, mean, std } = flags;
  const asked = { ...partOf(attackTable, flags), eps, seed, worst, random, quantise };
  const { device } = networkOf(model).options;
  const options = { ...asked, mean, std, device };
  const of = { command: "attack", models: [model], data, options };
  // Few images are attacked here at once, unless --threads says otherwise.
  const workers =
    flags.queue === undefined && flags.log === undefined
      ? undefined
      : await workersFor(flags, context);
  const result = await keeping(stateOf(flags.out), of, flags, async (shards) => {
    const found = await attack(model, {
      ...asked,
      data,
      shards,
      workers,
      threads: flags.threads,
      signal: context.signal,
      onProgress: context.progress.update,
      onNote,
    });
    if (found.points.count > 0) await writeAtomic(flags.out, writePoints(found.points));
    return found;
  }).finally(() => workers?.close());
  await model.close();
  context.progress.stop();
  const { points, attacked, correct, broken, notes } = result;
  for (const note of notes) onNote(note);
  const out = points.count > 0 ? flags.out : null;
  if (flags.json === true) {
    context.printJson({
      out,
      points: points.count,
      attacked,
      correct,
      broken,
      notes,
      options: result.options,
    });
    return;
  }
  context.print(
    `${attacked} images attacked, ${correct} of them right when clean, ${broken} of these turned`,
  );
  context.print(
    out === null ? "no points: nothing written" : `${points.count} points written to ${out}`,
  );
}

export function addAttack(program: Command, context: Context): void {
  const command = program
    .command("attack")
    .summary("find inputs the model gets wrong")
    .description(
      "Attacks the images of DATA and writes those that are right when clean and wrong when attacked: " +
        "an npz with x, y, source (index in the unsliced DATA) and clean. " +
        "Without --worst or --random it writes all of them.",
    )
    .argument("<model>", "ONNX file");
  addFlags(command, {
    data: dataFlag(
      "images to attack: mnist:train, digits:train, file.npz, a folder of images, ...",
    ),
    ...augmentFlags,
    ...readFlags,
    out: {
      kind: text("<file>"),
      group: "What comes out",
      required: true,
      help: "the npz to write",
    },
    ...keepingFlags,
    worst: {
      kind: wholeNumber(),
      group: "What comes out",
      everyday: true,
      help: "the n points with the lowest f_y - max rival, n / labels of each label",
    },
    random: {
      kind: wholeNumber(),
      group: "What comes out",
      everyday: true,
      help: "the first n broken points in a seeded order, n / labels of each label",
    },
    quantise: {
      kind: wholeNumber(),
      group: "What comes out",
      help: "round points to this many levels, 255 for images of bytes, and keep those that are wrong still",
    },
    ...attackFlags,
    ...modelFlags,
    ...deviceFlags,
    ...workFlags,
    ...queueFlags,
  })
    .addHelpText(
      "after",
      "\nExample:\n  temper attack model.onnx --data mnist:train --eps 0.1 --worst 10 --out points.npz",
    )
    .action((path: string) => {
      const flags = givenIn(command) as object as Flags;
      return sayHowToGoOn(stateOf(flags.out), () => run(path, flags, context));
    });
}
