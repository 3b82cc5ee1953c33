// temper evaluate: accuracy and loss, clean and under attack, of one or several models.
import type { Command } from "commander";
import { type AttackResult, type Evaluation, evaluate } from "../../attack/evaluate.ts";
import type { AttackName } from "../../attack/options.ts";
import { TemperError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { openDataset, openModelFile } from "../open.ts";
import {
  type AttackFlags,
  attackRequest,
  type CommonFlags,
  type DataFlags,
  type ModelFlags,
  withAttackList,
  withAugment,
  withCommon,
  withModel,
} from "../options.ts";
import { percent, table } from "../table.ts";

interface Flags extends CommonFlags, DataFlags, ModelFlags, AttackFlags {
  readonly data: string;
  readonly attack?: AttackName[];
  readonly eps?: number[];
}

interface ModelRow extends Evaluation {
  readonly path: string;
  readonly parameters: number;
}

function rowsOf({ path, clean, attacks }: ModelRow): string[][] {
  const attackRow = (a: AttackResult): string[] => [
    path,
    a.name,
    a.epsSpace === "pixel" ? String(a.eps) : `${a.eps} ${a.epsSpace}`,
    percent(a.accuracy),
    percent(a.turned),
    "",
  ];
  return [
    [path, "none", "", percent(clean.accuracy), "", clean.loss.toFixed(4)],
    ...attacks.map(attackRow),
  ];
}

/** Every warning once, beside the numbers it weakens. */
function warningLines(rows: readonly ModelRow[]): string[] {
  const weakened = new Map<string, Set<string>>();
  for (const { name, warnings } of rows.flatMap(({ attacks }) => attacks)) {
    for (const warning of warnings) {
      weakened.set(warning, (weakened.get(warning) ?? new Set()).add(name));
    }
  }
  return [...weakened].map(([warning, names]) => `note (${[...names].join(", ")}): ${warning}`);
}

async function run(paths: string[], flags: Flags, context: Context): Promise<void> {
  const { attack = [], eps = [] } = flags;
  if (attack.length > 0 !== eps.length > 0) {
    const [given, missing] = attack.length > 0 ? ["--attack", "--eps"] : ["--eps", "--attack"];
    throw new TemperError(
      "bad-option",
      `${given} needs ${missing}; give both, as in --attack pgd --eps 0.1`,
    );
  }
  const attacks = eps.flatMap((radius) => attack.map((name) => attackRequest(flags, name, radius)));
  const models = await Promise.all(
    paths.map(async (path) => ({ path, model: await openModelFile(path, flags) })),
  );
  const data = await openDataset(flags.data, flags, context);

  const rows: ModelRow[] = [];
  for (const { path, model } of models) {
    const result = await evaluate(model, {
      data,
      attacks,
      threads: flags.threads,
      signal: context.signal,
      onProgress: (stage, done, of) => context.progress.update(stage, done, of),
    });
    rows.push({ path, parameters: model.parameterCount, ...result });
    await model.close();
  }
  context.progress.stop();
  if (flags.json === true) {
    context.printJson({ models: rows });
    return;
  }
  const headings = ["model", "attack", "eps", "accuracy", "turned", "loss"];
  const how = data.augment === undefined ? "" : `, ${data.augment}`;
  context.print(`${data.name}, ${data.count} images${how}`);
  context.print(table(headings, rows.flatMap(rowsOf)));
  for (const line of warningLines(rows)) context.progress.line(line);
}

export function addEvaluate(program: Command, context: Context): void {
  const command = program
    .command("evaluate")
    .summary("accuracy and loss, clean and under attack")
    .description(
      "Measures accuracy and mean cross-entropy on DATA, and the accuracy left under each attack. " +
        '"turned" is the share of the correctly classified images that the attack turns.',
    )
    .argument("<model...>", "ONNX files")
    .requiredOption(
      "--data <data>",
      "what to measure on: mnist:test, cifar10:test[0:1000], digits:test, file.npz, idx:IMAGES,LABELS",
    );
  withModel(withAttackList(withAugment(withCommon(command))))
    .addHelpText(
      "after",
      "\nExample:\n  temper evaluate model.onnx --data mnist:test --attack fgsm --attack pgd --eps 0.05 --eps 0.1",
    )
    .action((paths: string[], flags: Flags) => run(paths, flags, context));
}
