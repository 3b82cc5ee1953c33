// temper demo: the whole story on built-in data, without a download.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { attack } from "../../attack/attack.ts";
import { type Evaluation, evaluate } from "../../attack/evaluate.ts";
import { verify } from "../../bounds/verify.ts";
import { slice } from "../../data/dataset.ts";
import { openData } from "../../data/open.ts";
import { writePoints } from "../../data/points.ts";
import { writeAtomic } from "../../data/write.ts";
import { openModel } from "../../engine/model.ts";
import { openWorkers, type Workers } from "../../engine/workers.ts";
import { flag, text } from "../../options/kinds.ts";
import { correct } from "../../run/correct.ts";
import { CORRECTED, REPORT } from "../../run/folder/files.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { growing } from "../growing.ts";
import { growingCandidates, iterationTable } from "../iterations.ts";
import { addPage } from "../page.ts";
import { workFlags } from "../shared-flags.ts";
import { percent, table } from "../table.ts";

const SHIPPED = fileURLToPath(new URL("../../../models/digits-cnnlight.onnx", import.meta.url));
const EPS = 0.1;
const POINTS = 10;
/** Digits whose balls are verified. */
const LOOKED_AT = 100;
/** Of the recipe robust: less than its defaults, which would take minutes. */
const BRIEFLY = { iterations: 40, sources: 1000, lossSample: 2000 } as const;

interface Flags {
  readonly out?: string;
  readonly threads?: number;
  readonly report?: boolean;
}

const row = (name: string, { clean, attacks }: Evaluation, trainingLoss: number): string[] => [
  name,
  percent(clean.accuracy),
  ...attacks.map(({ accuracy }) => percent(accuracy)),
  trainingLoss.toFixed(4),
];

async function run(flags: Flags, context: Context): Promise<void> {
  const workers = openWorkers(flags.threads);
  await tell(flags, workers, context).finally(workers.close);
}

/** The story, with one set of workers for all of it. */
async function tell(
  { out = "temper-demo", report }: Flags,
  workers: Workers,
  context: Context,
): Promise<void> {
  const { progress, signal } = context;
  const step = (text: string): void => progress.line(text);
  const onProgress = progress.update;
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
        workers,
        signal,
        onProgress,
      }).finally(opened.close),
    );

  step(`1. A network trained on ${train.count} drawn digits; PGD attacks them at eps ${EPS}.`);
  const found = await attack(model, {
    data: train,
    eps: EPS,
    worst: POINTS,
    workers,
    signal,
    onProgress,
  });
  const pointsFile = join(out, "points.npz");
  await writeAtomic(pointsFile, writePoints(found.points));
  step(
    `   ${percent(found.broken / found.correct)} of them turned; the ${POINTS} worst, one of each label, are kept.`,
  );

  step(
    "2. Recipe standard: the nearest network that gets these right, the training loss held close.",
  );
  const work = { data: train, workers, signal, onProgress } as const;
  const [listed, whole] = [join(out, "run"), join(out, "robust")];
  const paths = { model: SHIPPED, data: train.name };
  const points = { points: found.points, paths: { ...paths, points: pointsFile } };
  const onIteration = growing(context, iterationTable(false));
  const standard = await correct(model, { ...work, ...points, onIteration });
  await standard.save(listed, { force: true });

  step(
    "3. Recipe robust: no list of points; fresh images of the data attacked in every iteration.",
  );
  const robust = await correct(model, {
    ...work,
    ...BRIEFLY,
    recipe: "robust",
    attack: { eps: EPS },
    onIteration: growingCandidates(context, {}),
    paths,
  });
  await robust.save(whole, { force: true });

  step(`4. The three networks on ${test.count} unseen digits.`);
  const before = await measure(SHIPPED);
  const afterListed = await measure(join(listed, CORRECTED));
  const afterWhole = await measure(join(whole, CORRECTED));
  const robustModel = await openModel(join(whole, CORRECTED));
  const looked = slice(test, 0, LOOKED_AT);
  const balls = { data: looked, eps: EPS, workers, signal, onProgress };
  const { proven, broken } = await verify(robustModel, balls).finally(robustModel.close);
  await model.close();
  const runs = [
    [listed, standard],
    [whole, robust],
  ] as const;
  const pages: string[] = [];
  for (const [folder, finished] of report === false ? [] : runs) {
    const page = await addPage(finished, folder, context);
    if (page !== undefined) pages.push(page);
  }
  progress.stop();
  context.print(
    table(
      ["", "clean", `FGSM ${EPS}`, `PGD ${EPS}`, "training loss"],
      [
        row("before", before, standard.before.loss),
        row("standard", afterListed, standard.after.loss),
        row("robust", afterWhole, robust.after.loss),
      ],
    ),
  );
  context.print(
    `robust, the first ${LOOKED_AT} of them: right in the whole ball of ${EPS} are at least ` +
      `${percent(proven.share)} (proven), at most ${percent(1 - broken.share)} (no input found that turns them)`,
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const { corrected, points: of } = standard.after;
  context.print(`standard: ${corrected} of its ${of} points right. In ${seconds} s. Written:`);
  for (const [folder, { record }] of runs) {
    for (const name of record.files) if (name !== REPORT) context.print(`  ${join(folder, name)}`);
  }
  context.print(`  ${pointsFile}`);
  context.print(`next: temper select ${listed} --weight 0.2`);
  if (pages.length > 0) context.print(`look at them: ${pages.join(" and ")}`);
}

export function addDemo(program: Command, context: Context): void {
  const command = program
    .command("demo")
    .summary("the whole story on built-in data, no download")
    .description(
      "Attacks a shipped network on built-in digits, corrects it on the ten worst points, and measures " +
        "both on unseen digits. The digits are drawn by Temper: their figures say nothing about MNIST.",
    );
  addFlags(command, {
    out: {
      kind: text("<dir>"),
      group: "What comes out",
      everyday: true,
      help: "folder to write; an earlier demo in it is replaced",
      usual: "temper-demo",
    },
    report: {
      kind: flag,
      group: "What comes out",
      help: "write no report.html, the page of a run, into the two runs",
      usual: "true",
    },
    threads: workFlags.threads,
  }).action((flags: Flags) => run(flags, context));
}
