// temper demo: the whole story on built-in data, without a download.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { attack } from "../../attack/attack.ts";
import { type Evaluation, evaluate } from "../../attack/evaluate.ts";
import { openData } from "../../data/open.ts";
import { writePoints } from "../../data/points.ts";
import { writeAtomic } from "../../data/write.ts";
import { openModel } from "../../engine/model.ts";
import { correct } from "../../run/correct.ts";
import type { Measured, Run } from "../../run/record.ts";
import type { Context } from "../context.ts";
import { growing } from "../growing.ts";
import { iterationTable } from "../iterations.ts";
import { count } from "../parse.ts";
import { percent, table } from "../table.ts";

const SHIPPED = fileURLToPath(new URL("../../../models/digits-cnnlight.onnx", import.meta.url));
const EPS = 0.1;
const POINTS = 10;

interface Flags {
  readonly out: string;
  readonly threads?: number;
}

function row(name: string, { clean, attacks }: Evaluation, measured: Measured): string[] {
  return [
    name,
    percent(clean.accuracy),
    ...attacks.map(({ accuracy }) => percent(accuracy)),
    measured.loss.toFixed(4),
    `${measured.corrected} of ${measured.points}`,
  ];
}

async function run({ out, threads }: Flags, context: Context): Promise<void> {
  const { progress, signal } = context;
  const step = (text: string): void => progress.line(text);
  const onProgress = (stage: string, done: number, of: number): void =>
    progress.update(stage, done, of);
  const started = performance.now();
  await mkdir(out, { recursive: true });
  const train = await openData("digits:train");
  const test = await openData("digits:test");
  const model = await openModel(SHIPPED);
  const measure = (file: Uint8Array | string): Promise<Evaluation> =>
    openModel(file).then((opened) =>
      evaluate(opened, {
        data: test,
        attacks: [
          { attack: "fgsm", eps: EPS },
          { attack: "pgd", eps: EPS },
        ],
        threads,
        signal,
        onProgress,
      }),
    );

  step(`1. A network trained on ${train.count} drawn digits; PGD attacks them at eps ${EPS}.`);
  const found = await attack(model, {
    data: train,
    eps: EPS,
    worst: POINTS,
    threads,
    signal,
    onProgress: (done, of) => onProgress("pgd", done, of),
  });
  const pointsFile = join(out, "points.npz");
  await writeAtomic(pointsFile, writePoints(found.points));
  step(
    `   ${percent(found.broken / found.correct)} of them turned; the ${POINTS} worst, one of each label, are kept.`,
  );

  step("2. The nearest network that gets these right, the training loss held close:");
  const finished: Run = await correct(model, {
    data: train,
    points: found.points,
    threads,
    signal,
    onProgress,
    onIteration: growing(context, iterationTable),
    paths: { model: SHIPPED, data: train.name, points: pointsFile },
  });
  const folder = join(out, "run");
  await finished.save(folder, { force: true });

  step(`3. Both networks on ${test.count} unseen digits.`);
  const before = await measure(SHIPPED);
  const after = await measure(join(folder, "corrected.onnx"));
  await model.close();
  progress.stop();
  context.print(
    table(
      ["", "clean", `FGSM ${EPS}`, `PGD ${EPS}`, "training loss", "points right"],
      [row("before", before, finished.before), row("after", after, finished.after)],
    ),
  );
  context.print(
    `from ${POINTS} points, in ${((performance.now() - started) / 1000).toFixed(0)} s. Written:`,
  );
  for (const name of finished.record.files) context.print(`  ${join(folder, name)}`);
  context.print(`  ${pointsFile}`);
  context.print(`next: temper select ${folder} --weight 0.2`);
}

export function addDemo(program: Command, context: Context): void {
  program
    .command("demo")
    .summary("the whole story on built-in data, no download")
    .description(
      "Attacks a shipped network on built-in digits, corrects it on the ten worst points, and measures " +
        "both on unseen digits. The digits are drawn by Temper: their figures say nothing about MNIST.",
    )
    .option("--out <dir>", "folder to write; an earlier demo in it is replaced", "temper-demo")
    .option("--threads <n>", "worker processes (default: one a core)", count())
    .action((flags: Flags) => run(flags, context));
}
