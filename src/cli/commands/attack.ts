// temper attack: makes points.npz, the images a model gets wrong when attacked.
import type { Command } from "commander";
import { attack } from "../../attack/attack.ts";
import { type AttackName, attackNames } from "../../attack/options.ts";
import { writePoints } from "../../data/points.ts";
import { writeAtomic } from "../../data/write.ts";
import type { Context } from "../context.ts";
import { checkOutput, openDataset, openModelFile } from "../open.ts";
import {
  ATTACK_WORDS,
  type AttackFlags,
  attackRequest,
  type CommonFlags,
  type DataFlags,
  type ModelFlags,
  withAttack,
  withAugment,
  withCommon,
  withModel,
} from "../options.ts";
import { count, number, oneOf } from "../parse.ts";

interface Flags extends CommonFlags, DataFlags, ModelFlags, AttackFlags {
  readonly data: string;
  readonly attack: AttackName;
  readonly eps: number;
  readonly out: string;
  readonly worst?: number;
  readonly random?: number;
}

async function run(path: string, flags: Flags, context: Context): Promise<void> {
  await checkOutput(flags.out, ".npz");
  const model = await openModelFile(path, flags);
  const data = await openDataset(flags.data, flags, context);
  const result = await attack(model, {
    ...attackRequest(flags, flags.attack, flags.eps),
    data,
    worst: flags.worst,
    random: flags.random,
    threads: flags.threads,
    signal: context.signal,
    onProgress: (done, of) => context.progress.update(flags.attack, done, of),
  });
  await model.close();
  context.progress.stop();
  const { points, attacked, correct, broken, notes, options } = result;
  for (const note of notes) context.progress.line(`note: ${note}`);
  if (points.count > 0) await writeAtomic(flags.out, writePoints(points));
  const out = points.count > 0 ? flags.out : null;
  if (flags.json === true) {
    context.printJson({ out, points: points.count, attacked, correct, broken, notes, options });
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
    .argument("<model>", "ONNX file")
    .requiredOption(
      "--data <data>",
      "images to attack: mnist:train, digits:train, file.npz, a folder of images, ...",
    )
    .option("--attack <name>", ATTACK_WORDS, oneOf(attackNames), "pgd")
    .requiredOption("--eps <radius>", "radius of the ball", number({ min: 0 }))
    .requiredOption("--out <file>", "the npz to write")
    .option(
      "--worst <n>",
      "the n points with the lowest f_y - max rival, n / labels of each label",
      count(),
    )
    .option(
      "--random <n>",
      "the first n broken points in a seeded order, n / labels of each label",
      count(),
    );
  withModel(withAttack(withAugment(withCommon(command))))
    .addHelpText(
      "after",
      "\nExample:\n  temper attack model.onnx --data mnist:train --eps 0.1 --worst 10 --out points.npz",
    )
    .action((path: string, flags: Flags) => run(path, flags, context));
}
