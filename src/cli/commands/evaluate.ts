// temper evaluate: accuracy and loss, clean and under attack, of one or several models.
import type { Command } from "commander";
import type { AttackName } from "../../attack/attacks.ts";
import {
  type AttackResult,
  type EvaluateCall,
  type Evaluation,
  evaluate,
} from "../../attack/evaluate.ts";
import { writeAttackedImages } from "../../attack/images.ts";
import { attackTable } from "../../attack/options.ts";
import { subset } from "../../attack/sample.ts";
import type { Share } from "../../attack/share.ts";
import { boundedNodes } from "../../bounds/intervals.ts";
import type { AnyDataset } from "../../data/dataset.ts";
import type { DataOptions } from "../../data/open.ts";
import { writePoints } from "../../data/points.ts";
import { writeAtomic } from "../../data/write.ts";
import { type Model, networkOf } from "../../engine/model.ts";
import type { NetworkOptions } from "../../engine/network.ts";
import { shareAtTheta0 } from "../../engine/tasks.ts";
import { demand, TemperError } from "../../errors.ts";
import { asQuotient, flag, text } from "../../options/kinds.ts";
import { partOf } from "../../options/table.ts";
import { checkBracket, type ProvenResult, provenAt } from "../bracket.ts";
import type { Context } from "../context.ts";
import { addFlags, type Flag, givenIn } from "../flags.ts";
import { type KeepingFlags, keeping, keepingFlags, refuseBoth, sayHowToGoOn } from "../keeping.ts";
import { checkOutput, openLargeDataset, openModelFile, storedClasses } from "../open.ts";
import { checkSample, type SampleFlags, sampled, sampleFlags } from "../sampling.ts";
import {
  attackFlags,
  augmentFlags,
  dataFlag,
  deviceFlags,
  modelFlags,
  readFlags,
  workFlags,
} from "../shared-flags.ts";
import { percent, table } from "../table.ts";
import { queueFlags, type WorkingFlags, workersFor } from "../working.ts";

interface Flags extends NetworkOptions, DataOptions, KeepingFlags, SampleFlags, WorkingFlags {
  readonly state?: string;
  readonly data: string;
  readonly attack?: AttackName[];
  readonly eps?: number[];
  readonly out?: string;
  readonly wrong?: string;
  readonly verify?: boolean;
  readonly json?: boolean;
}

interface ModelRow extends Omit<Evaluation, "images" | "wrong"> {
  readonly path: string;
  readonly parameters: number;
  /** What is proven at each eps; absent where it was not asked for. */
  readonly proven?: readonly ProvenResult[];
}

/** A model and what it is measured on: the data, or a sample of them. */
interface Measured {
  readonly path: string;
  readonly model: Model;
  readonly whole: AnyDataset;
  readonly data: AnyDataset;
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

function rowsOf({ path, clean, attacks, worst, proven = [] }: ModelRow): string[][] {
  const row = (
    name: string,
    {
      eps,
      epsSpace,
      turned,
      ...share
    }: Pick<AttackResult, "eps" | "epsSpace" | keyof Share> & { readonly turned?: number },
  ): string[] => [
    path,
    name,
    `${asQuotient(eps) ?? eps}${epsSpace === "pixel" ? "" : ` ${epsSpace}`}`,
    ...shareCells(share, turned),
    "",
  ];
  return [
    [path, "none", "", ...shareCells(clean, undefined), clean.loss.toFixed(4)],
    ...attacks.map((attack) => row(attack.name, attack)),
    // The worst of one attack is that attack.
    ...worst.filter(({ over }) => over.length > 1).map((one) => row("worst of all", one)),
    ...proven.map((one) => row("any: proven", one)),
  ];
}

/**
 * What each attack was allowed, and what an image cost it on average over the models. Square may have been added for
 * some of them.
 */
function statementLines(rows: readonly ModelRow[]): string[] {
  const alike = new Map<string, (AttackResult & { readonly n: number })[]>();
  for (const { clean, attacks } of rows) {
    for (const attack of attacks) {
      const line = `${attack.name}: ${attack.statement}`;
      alike.set(line, [...(alike.get(line) ?? []), { ...attack, n: clean.n }]);
    }
  }
  return [...alike].map(([statement, results]) => {
    const images = results.reduce((sum, { n }) => sum + n, 0);
    const each = (of: "gradientSteps" | "queries"): string =>
      String(Number((results.reduce((sum, r) => sum + r[of], 0) / images).toPrecision(4)));
    return `${statement}; gradients an image ${each("gradientSteps")}, queries ${each("queries")}`;
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
  { out, wrong, attack, eps = [] }: Flags,
): Promise<void> {
  if (wrong !== undefined) {
    await checkOutput(wrong, ".npz");
    demand(paths.length === 1, "--wrong", wrong, `one model; given ${paths.length}`);
  }
  if (out === undefined) return;
  await checkOutput(out, ".npz");
  if (paths.length === 1 && attack !== undefined && eps.length === 1) return;
  throw new TemperError(
    "bad-option",
    `--out is for one model at one radius; given ${paths.length} models and ${eps.length} --eps\n` +
      "give one model, one or several --attack, and one --eps",
  );
}

/** A network of more weights takes a while to reach a process. */
const LARGE = 2 ** 20;

async function run(paths: string[], flags: Flags, context: Context): Promise<void> {
  const { attack = [], eps = [], out, wrong, seed } = flags;
  if (attack.length > 0 !== eps.length > 0) {
    const [given, missing] = attack.length > 0 ? ["--attack", "--eps"] : ["--eps", "--attack"];
    throw new TemperError(
      "bad-option",
      `${given} needs ${missing}; give both, as in --attack pgd --eps 0.1`,
    );
  }
  checkSample(flags);
  if (flags.resume === true && flags.state === undefined) {
    throw new TemperError(
      "bad-option",
      "--resume needs --state FILE, the one of the command that was stopped",
    );
  }
  refuseBoth(flags);
  if (flags.verify === true) checkBracket(flags);
  await checkImages(paths, flags);
  const stated = partOf(attackTable, flags);
  const attacks = eps.flatMap((radius) =>
    attack.map((name) => ({ ...stated, attack: name, eps: radius, seed })),
  );
  const opened = await Promise.all(
    paths.map(async (path) => ({ path, model: await openModelFile(path, flags) })),
  );
  if (flags.verify === true) for (const { model } of opened) boundedNodes(networkOf(model).graph);
  const workers = await workersFor(flags, context);
  const network = networkOf(opened[0].model);
  // It reaches them while the data are read.
  if (network.theta0.length > LARGE) {
    shareAtTheta0(workers, network);
    workers.begin();
  }
  const models = await withData(opened, flags, context).catch(async (error) => {
    await workers.close();
    throw error;
  });
  const [{ data, whole }] = models;

  const of = {
    command: "evaluate",
    models: models.map(({ model }) => model),
    data,
    options: {
      ...{ attacks, images: out !== undefined, mean: flags.mean, std: flags.std },
      device: networkOf(opened[0].model).options.device,
    },
  };
  const { rows, left } = await keeping(flags.state, of, flags, (shards) =>
    measureAll(models, { out, wrong, attacks, workers, shards, flags }, context),
  ).finally(workers.close);
  context.progress.stop();
  const { name, count: n, note = null, augment = null } = data;
  if (flags.json === true) {
    const written = wrong === undefined ? {} : { wrong: { out: wrong, n: left } };
    const document = { data: { name, n, note, augment }, models: rows, out: out ?? null };
    context.printJson({ ...document, ...written });
    return;
  }
  const how = augment === null ? "" : `, ${augment}`;
  context.print(`${name}, ${n} images${how}${data === whole ? "" : `: ${note}`}`);
  context.print(table(HEADINGS, rows.flatMap(rowsOf)));
  for (const line of statementLines(rows)) context.print(line);
  if (out !== undefined) context.print(`${n} attacked images written to ${out}`);
  if (wrong !== undefined) {
    context.print(
      left === 0
        ? "no image is wrong: no points written"
        : `${left} wrong images written to ${wrong}, as they are`,
    );
  }
  for (const line of warningLines(rows)) context.progress.line(line);
}

/** The data for each model: read once, and anew for one of another input or with other names of its labels. */
async function withData(
  models: readonly { readonly path: string; readonly model: Model }[],
  flags: Flags,
  context: Context,
): Promise<Measured[]> {
  const sets = new Map<string, Pick<Measured, "whole" | "data">>();
  const found: Measured[] = [];
  for (const one of models) {
    const { inputShape } = one.model;
    const key = JSON.stringify([inputShape, storedClasses(one.model)]);
    let set = sets.get(key);
    if (set === undefined) {
      const whole = await openLargeDataset(flags.data, flags, context, one.model);
      set = { whole, data: sampled(whole, flags) };
      sets.set(key, set);
    }
    found.push({ ...one, ...set });
  }
  return found;
}

/** Evaluates one model after the other with the same workers, and writes the images of the only one. */
async function measureAll(
  models: readonly Measured[],
  {
    out,
    wrong: keep,
    flags,
    ...call
  }: Omit<EvaluateCall, "images" | "data"> & {
    readonly out?: string | undefined;
    readonly wrong?: string | undefined;
    readonly flags: Flags;
  },
  context: Context,
): Promise<{ readonly rows: readonly ModelRow[]; readonly left: number }> {
  const { progress, signal } = context;
  const { attacks, workers, shards } = call;
  const rows: ModelRow[] = [];
  let left = 0;
  for (const { path, model, data } of models) {
    const { images, wrong, ...result } = await evaluate(model, {
      data,
      attacks,
      images: out !== undefined,
      workers,
      shards,
      signal,
      onProgress: progress.update,
    });
    const { verify = false, eps = [] } = flags;
    const proven =
      verify && (await provenAt(model, data, eps, flags, { workers: workers!, context }));
    rows.push({ path, parameters: model.parameterCount, ...result, ...(proven && { proven }) });
    await model.close();
    if (out !== undefined && images !== undefined)
      await writeAtomic(out, writeAttackedImages(images));
    left = wrong.length;
    if (keep !== undefined && left > 0) await writeAtomic(keep, writePoints(subset(data, wrong)));
  }
  return { rows, left };
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
  const several = (one: Flag): Flag => ({
    ...one,
    usual: undefined,
    several: true,
    required: false,
  });
  addFlags(command, {
    data: dataFlag(
      "what to measure on: mnist:test, cifar10:test[0:1000], file.npz, idx:IMAGES,LABELS, a folder of images",
    ),
    ...sampleFlags,
    balanced: { ...sampleFlags.balanced, everyday: true },
    ...augmentFlags,
    ...readFlags,
    out: {
      kind: text("<file>"),
      group: "What comes out",
      everyday: true,
      help: "an npz of each image's worst input: x, y, source, clean_margin, margin, attack, change",
    },
    state: {
      kind: text("<file>"),
      group: "What comes out",
      help: "keep in this file what is done of the attacks, so that --resume goes on after a stop; removed at the end",
    },
    ...keepingFlags,
    wrong: {
      kind: text("<file>"),
      group: "What comes out",
      everyday: true,
      help: "an npz of the images that are wrong as they are, with their labels: points for temper correct",
    },
    ...attackFlags,
    attack: several(attackFlags.attack),
    eps: several(attackFlags.eps),
    verify: {
      kind: flag,
      group: "Attack",
      everyday: true,
      help: "beside the attacks, the share of images that is proven right in the same ball (temper verify)",
    },
    ...modelFlags,
    ...deviceFlags,
    ...workFlags,
    ...queueFlags,
  })
    .addHelpText(
      "after",
      "\nExamples:\n  temper evaluate model.onnx --data mnist:test --attack fgsm --attack pgd --eps 0.05 --eps 0.1\n" +
        "  temper evaluate before.onnx RUN/corrected.onnx --data mnist:test --limit 1000 --attack auto " +
        "--eps 0.1 --verify",
    )
    .action((paths: string[]) => {
      const flags = givenIn(command) as object as Flags;
      return sayHowToGoOn(flags.state, () => run(paths, flags, context));
    });
}
