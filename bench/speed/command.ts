// npm run bench -- speed: passes, subproblems, whole runs and growth on this machine, side by side.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import type { Context } from "../../src/cli/context.ts";
import { openDataset } from "../../src/cli/open.ts";
import { writeAtomic } from "../../src/data/write.ts";
import { openModel, TemperError } from "../../src/index.ts";
import { type BenchFlags, openOutput, withBench, workOf } from "../command.ts";
import { type PaperTable, paperTables } from "../paper.ts";
import { count, number } from "../parse.ts";
import { worstPoints } from "../points.ts";
import { benchTable4 } from "../table4.ts";
import type { GrowthRow, Subject } from "./growth.ts";
import { type GrowthAxis, growthSvg } from "./growth-chart.ts";
import { speedMarkdown } from "./markdown.ts";
import { benchSpeed, fullPlan, quickPlan, type SpeedPlan } from "./speed.ts";

interface Flags extends BenchFlags {
  readonly models?: string;
  readonly images: number;
  readonly limit: number;
  readonly quick?: boolean;
}

const SHIPPED = fileURLToPath(new URL("../../models/digits-cnnlight.onnx", import.meta.url));

/** A network of the bench: its file, how it is read and attacked, and its data. */
type Source = Pick<PaperTable, "network" | "model" | "protocol" | "augment"> & {
  readonly path: string;
  readonly data: string;
};

function sourcesOf({ models, images, quick }: Flags, { progress }: Context): Source[] {
  const [mnist] = paperTables;
  if (quick === true) {
    return [{ ...mnist, network: "digits", path: SHIPPED, data: "digits:train[0:200]" }];
  }
  const folder = models ?? process.env.TEMPER_MODELS ?? ".";
  const sources: Source[] = [];
  for (const table of paperTables) {
    const path = join(folder, `${table.network.toLowerCase()}.onnx`);
    if (existsSync(path))
      sources.push({ ...table, path, data: `${table.data.train}[0:${images}]` });
    else progress.line(`${table.network}: there is no ${path}; left out`);
  }
  if (sources.length > 0) return sources;
  throw new TemperError(
    "file-missing",
    "no network to measure: put cnnlight.onnx, cnn.onnx, resnet8.onnx into a folder and name it " +
      "with --models or TEMPER_MODELS\n--quick measures the shipped network",
  );
}

async function subjectOf(
  source: Source,
  plan: SpeedPlan,
  flags: Flags,
  context: Context,
): Promise<Subject> {
  const { network, path, protocol, augment } = source;
  const model = await openModel(path, source.model);
  const data = await openDataset(source.data, { ...flags, augment }, context);
  const points = await worstPoints(model, {
    ...workOf(flags, context),
    data,
    attack: protocol,
    worst: Math.max(...plan.points, ...plan.others),
    path: join(
      flags.out,
      "speed",
      `${network.toLowerCase()}-${data.count}-${flags.seed}-points.npz`,
    ),
  });
  return { network, model, data, points };
}

/** What grows in the figure: points and iterations of the first network, and the networks. */
function axesOf(growth: readonly GrowthRow[], { usual }: SpeedPlan): GrowthAxis[] {
  const by = (label: string, x: (row: GrowthRow) => number, is: (row: GrowthRow) => boolean) => ({
    label,
    x,
    rows: growth.filter(is).toSorted((a, b) => x(a) - x(b)),
  });
  const first = growth[0]?.network;
  const usualPoints = ({ points }: GrowthRow): boolean => points === usual.points;
  const usualIterations = ({ iterations }: GrowthRow): boolean => iterations === usual.iterations;
  return [
    by(
      "points",
      (r) => r.points,
      (r) => r.network === first && usualIterations(r),
    ),
    by(
      "iterations",
      (r) => r.iterations,
      (r) => r.network === first && usualPoints(r),
    ),
    by(
      "parameters",
      (r) => r.parameters,
      (r) => usualPoints(r) && usualIterations(r),
    ),
  ];
}

async function run(flags: Flags, context: Context): Promise<void> {
  const { out, limit, quick } = flags;
  const plan = quick === true ? quickPlan : fullPlan;
  const publish = await openOutput(flags, "speed", context);
  const sources = sourcesOf(flags, context);
  const folder = join(out, "speed");
  const subjects: Subject[] = [];
  for (const source of sources) subjects.push(await subjectOf(source, plan, flags, context));
  const measured = await benchSpeed({ ...workOf(flags, context), subjects, plan, folder, limit });
  for (const { model } of subjects) await model.close();
  const runs = await benchTable4(out);
  const results = { ...measured, runs };
  await writeAtomic(join(folder, "speed.json"), `${JSON.stringify(results, null, 2)}\n`);
  await writeAtomic(join(folder, "growth.svg"), await growthSvg(axesOf(measured.growth, plan)));
  await publish(join(folder, "speed.md"), speedMarkdown(measured, runs), results);
}

export function addSpeed(program: Command, context: Context): void {
  const command = program
    .command("speed")
    .summary("passes, subproblems, whole runs and growth on this machine")
    .description(
      "Measures the published networks: images a second forward and backward beside the machine's own rate of " +
        "matrix products; the subproblems of real runs solved by Temper and by quadprog and highs; whole runs of " +
        "the other benches beside the paper's; how time and memory grow with points, iterations and parameters.",
    )
    .option(
      "--models <dir>",
      "folder of cnnlight.onnx, cnn.onnx, resnet8.onnx (default: TEMPER_MODELS, else where you are)",
    )
    .option(
      "--images <n>",
      "training images that hold the loss in the runs of growth",
      count(),
      5000,
    )
    .option(
      "--limit <seconds>",
      "what another solver may take; 0 asks none",
      number({ min: 0 }),
      600,
    )
    .option("--quick", "a small version: the shipped network, few points, two iterations");
  withBench(command, "speed")
    .addHelpText("after", "\nExample:\n  npm run bench -- speed --quick --limit 5")
    .action((flags: Flags) => run(flags, context));
}
