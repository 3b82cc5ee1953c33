// temper evaluate: accuracy and loss, clean and under attack, of one or several models.
import type { Command } from "commander";
import type { AttackName } from "../../attack/attacks.ts";
import {
  type AttackResult,
  type EvaluateCall,
  type Evaluation,
  evaluate,
  type WorstResult,
} from "../../attack/evaluate.ts";
import { writeAttackedImages } from "../../attack/images.ts";
import { attackTable } from "../../attack/options.ts";
import { sample } from "../../attack/sample.ts";
import type { Share } from "../../attack/share.ts";
import type { DataOptions } from "../../data/open.ts";
import { writeAtomic } from "../../data/write.ts";
import type { Model } from "../../engine/model.ts";
import type { NetworkOptions } from "../../engine/network.ts";
import { openWorkers } from "../../engine/workers.ts";
import { TemperError } from "../../errors.ts";
import { text, wholeNumber } from "../../options/kinds.ts";
import { partOf } from "../../options/table.ts";
import type { Context } from "../context.ts";
import { addFlags, type Flag, givenIn } from "../flags.ts";
import { checkOutput, openDataset, openModelFile } from "../open.ts";
import { attackFlags, augmentFlags, dataFlag, modelFlags, workFlags } from "../shared-flags.ts";
import { percent, table } from "../table.ts";

interface Flags extends NetworkOptions, DataOptions {
  readonly data: string;
  readonly attack?: AttackName[];
  readonly eps?: number[];
  readonly limit?: number;
  readonly out?: string;
  readonly threads?: number;
  readonly json?: boolean;
}

interface ModelRow extends Omit<Evaluation, "images"> {
  readonly path: string;
  readonly parameters: number;
}

const HEADINGS = [
  "model",
  "attack",
  "eps",
  "accuracy",
  "95 % interval",
  "turned",
  "lowest label",
  "loss",
];

function shareCells({ accuracy, interval, labels }: Share, turned: number | undefined): string[] {
  const lowest = labels.reduce((a, c) => (c.accuracy < a.accuracy ? c : a));
  const [low, high] = interval.map(percent);
  return [
    percent(accuracy),
    `${low.slice(0, -1)}-${high}`,
    turned === undefined ? "" : percent(turned),
    `${lowest.label}: ${percent(lowest.accuracy)}`,
  ];
}

function rowsOf({ path, clean, attacks, worst }: ModelRow): string[][] {
  const row = (
    name: string,
    { eps, epsSpace, turned, ...share }: AttackResult | WorstResult,
  ): string[] => [
    path,
    name,
    epsSpace === "pixel" ? String(eps) : `${eps} ${epsSpace}`,
    ...shareCells(share, turned),
    "",
  ];
  return [
    [path, "none", "", ...shareCells(clean, undefined), clean.loss.toFixed(4)],
    ...attacks.map((attack) => row(attack.name, attack)),
    // The worst of one attack is that attack.
    ...worst.filter(({ over }) => over.length > 1).map((one) => row("worst of all", one)),
  ];
}

/** What each attack was allowed, and what an image cost it on average over the models. */
function statementLines(rows: readonly ModelRow[]): string[] {
  const images = rows.reduce((sum, { clean }) => sum + clean.n, 0);
  const each = (total: number): string => String(Number((total / images).toPrecision(4)));
  return rows[0].attacks.map(({ name, statement }, k) => {
    const sum = (of: "gradientSteps" | "queries"): string =>
      each(rows.reduce((total, { attacks }) => total + attacks[k][of], 0));
    return `${name}: ${statement}; gradients an image ${sum("gradientSteps")}, queries ${sum("queries")}`;
  });
}

/** Every warning once, beside the numbers it weakens. */
function warningLines(rows: readonly ModelRow[]): string[] {
  const weakened = new Map<string, Set<string>>();
  const results = rows.flatMap(({ clean, attacks }) => [{ ...clean, name: "clean" }, ...attacks]);
  for (const { name, warnings } of results) {
    for (const warning of warnings) {
      weakened.set(warning, (weakened.get(warning) ?? new Set()).add(name));
    }
  }
  return [...weakened].map(([warning, names]) => `note (${[...names].join(", ")}): ${warning}`);
}

/** The worst of all is asked for one radius: refused before any work otherwise. */
async function checkImages(
  paths: readonly string[],
  { out, attack, eps = [] }: Flags,
): Promise<void> {
  if (out === undefined) return;
  await checkOutput(out, ".npz");
  if (paths.length === 1 && attack !== undefined && eps.length === 1) return;
  throw new TemperError(
    "bad-option",
    `--out is for one model at one radius; given ${paths.length} models and ${eps.length} --eps\n` +
      "give one model, one or several --attack, and one --eps",
  );
}

async function run(paths: string[], flags: Flags, context: Context): Promise<void> {
  const { attack = [], eps = [], limit, out, seed } = flags;
  if (attack.length > 0 !== eps.length > 0) {
    const [given, missing] = attack.length > 0 ? ["--attack", "--eps"] : ["--eps", "--attack"];
    throw new TemperError(
      "bad-option",
      `${given} needs ${missing}; give both, as in --attack pgd --eps 0.1`,
    );
  }
  await checkImages(paths, flags);
  const stated = partOf(attackTable, flags);
  const attacks = eps.flatMap((radius) =>
    attack.map((name) => ({ ...stated, attack: name, eps: radius, seed })),
  );
  const models = await Promise.all(
    paths.map(async (path) => ({ path, model: await openModelFile(path, flags) })),
  );
  const whole = await openDataset(flags.data, flags, context);
  const data = limit === undefined ? whole : sample(whole, { limit, seed });

  const workers = openWorkers(flags.threads);
  const rows = await measureAll(models, { ...flags, data, attacks, workers }, context).finally(
    workers.close,
  );
  context.progress.stop();
  const { name, count: n, note = null, augment = null } = data;
  if (flags.json === true) {
    context.printJson({ data: { name, n, note, augment }, models: rows, out: out ?? null });
    return;
  }
  const how = augment === null ? "" : `, ${augment}`;
  context.print(`${name}, ${n} images${how}${data === whole ? "" : `: ${note}`}`);
  context.print(table(HEADINGS, rows.flatMap(rowsOf)));
  for (const line of statementLines(rows)) context.print(line);
  if (out !== undefined) context.print(`${n} attacked images written to ${out}`);
  for (const line of warningLines(rows)) context.progress.line(line);
}

/** Evaluates one model after the other with the same workers, and writes the images of the only one. */
async function measureAll(
  models: readonly { readonly path: string; readonly model: Model }[],
  { out, ...call }: Omit<EvaluateCall, "images"> & { readonly out?: string },
  { progress, signal }: Context,
): Promise<ModelRow[]> {
  const { data, attacks, workers } = call;
  const rows: ModelRow[] = [];
  for (const { path, model } of models) {
    const { images, ...result } = await evaluate(model, {
      data,
      attacks,
      images: out !== undefined,
      workers,
      signal,
      onProgress: progress.update,
    });
    rows.push({ path, parameters: model.parameterCount, ...result });
    await model.close();
    if (out !== undefined && images !== undefined)
      await writeAtomic(out, writeAttackedImages(images));
  }
  return rows;
}

export function addEvaluate(program: Command, context: Context): void {
  const command = program
    .command("evaluate")
    .summary("accuracy and loss, clean and under attack")
    .description(
      "Measures accuracy and mean cross-entropy on DATA, and the accuracy left under each attack and under the " +
        'worst of them, an image each, with a 95 % interval. "turned" is the share of the correctly classified ' +
        'images that the attack turns, "lowest label" the label with the least accuracy. Notes say what weakens ' +
        "a number; docs/evaluation.md explains each.",
    )
    .argument("<model...>", "ONNX files");
  const several = (flag: Flag): Flag => ({
    ...flag,
    usual: undefined,
    several: true,
    required: false,
  });
  addFlags(command, {
    data: dataFlag(
      "what to measure on: mnist:test, cifar10:test[0:1000], file.npz, idx:IMAGES,LABELS, a folder of images",
    ),
    limit: {
      kind: wholeNumber(),
      group: "What goes in",
      everyday: true,
      help: "only a seeded sample of n images, n / labels of each label",
    },
    ...augmentFlags,
    out: {
      kind: text("<file>"),
      group: "What comes out",
      everyday: true,
      help: "an npz of each image's worst input: x, y, source, clean_margin, margin, attack, change",
    },
    ...attackFlags,
    attack: several(attackFlags.attack),
    eps: several(attackFlags.eps),
    ...modelFlags,
    ...workFlags,
  })
    .addHelpText(
      "after",
      "\nExamples:\n  temper evaluate model.onnx --data mnist:test --attack fgsm --attack pgd --eps 0.05 --eps 0.1\n" +
        "  temper evaluate before.onnx RUN/corrected.onnx --data mnist:test --limit 1000 --attack auto --eps 0.1",
    )
    .action((paths: string[]) => run(paths, givenIn(command) as never, context));
}
