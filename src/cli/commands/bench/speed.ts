// temper bench speed: passes, subproblems, whole runs and growth on this machine, side by side.
import { access } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { writeAtomic } from "../../../data/write.ts";
import { openModel } from "../../../engine/model.ts";
import { TemperError } from "../../../errors.ts";
import { type PaperTable, paperTables } from "../../../report/bench/paper.ts";
import { worstPoints } from "../../../report/bench/points.ts";
import type { GrowthRow, Subject } from "../../../report/bench/speed/growth.ts";
import { type GrowthAxis, growthSvg } from "../../../report/bench/speed/growth-chart.ts";
import { speedMarkdown } from "../../../report/bench/speed/markdown.ts";
import {
  benchSpeed,
  fullPlan,
  quickPlan,
  type SpeedPlan,
} from "../../../report/bench/speed/speed.ts";
import { benchTable4 } from "../../../report/bench/table4.ts";
import type { Context } from "../../context.ts";
import { openDataset } from "../../open.ts";
import { type CommonFlags, withCommon } from "../../options.ts";
import { count, number } from "../../parse.ts";
import { openPage, withPage, workOf } from "./work.ts";

interface Flags extends CommonFlags {
  readonly models?: string;
  readonly images: number;
  readonly limit: number;
  readonly quick?: boolean;
  readonly out: string;
  readonly into?: string;
}

const SHIPPED = fileURLToPath(new URL("../../../../models/digits-cnnlight.onnx", import.meta.url));

/** A network of the bench: its file, how it is read and attacked, and its data. */
type Source = Pick<PaperTable, "network" | "model" | "protocol" | "augment"> & {
  readonly path: string;
  readonly data: string;
};

async function sourcesOf({ models, images, quick }: Flags, context: Context): Promise<Source[]> {
  const [mnist] = paperTables;
  if (quick === true) {
    return [{ ...mnist, network: "digits", path: SHIPPED, data: "digits:train[0:200]" }];
  }
  const folder = models ?? process.env.TEMPER_MODELS;
  const sources: Source[] = [];
  for (const table of paperTables) {
    const path = join(folder ?? ".", `${table.network.toLowerCase()}.onnx`);
    const there =
      folder !== undefined &&
      (await access(path).then(
        () => true,
        () => false,
      ));
    if (there) sources.push({ ...table, path, data: `${table.data.train}[0:${images}]` });
    else context.progress.line(`${table.network}: there is no ${path}; left out`);
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
  const { out, into, limit, quick = false, json = false } = flags;
  const plan = quick ? quickPlan : fullPlan;
  const put = await openPage(into, "speed");
  const sources = await sourcesOf(flags, context);
  const folder = join(out, "speed");
  const subjects: Subject[] = [];
  for (const source of sources) subjects.push(await subjectOf(source, plan, flags, context));
  const results = await benchSpeed({ ...workOf(flags, context), subjects, plan, folder, limit });
  for (const { model } of subjects) await model.close();
  context.progress.stop();
  const runs = await benchTable4(out);
  const markdown = speedMarkdown(results, runs);
  await writeAtomic(join(folder, "speed.md"), `${markdown}\n`);
  await writeAtomic(
    join(folder, "speed.json"),
    `${JSON.stringify({ ...results, runs }, null, 2)}\n`,
  );
  await writeAtomic(join(folder, "growth.svg"), await growthSvg(axesOf(results.growth, plan)));
  await put(markdown);
  if (json) context.printJson({ ...results, runs });
  else context.print(`${markdown}\n\nwritten to ${folder}`);
}

export function addSpeed(bench: Command, context: Context): void {
  const command = bench
    .command("speed")
    .summary("passes, subproblems, whole runs and growth on this machine")
    .description(
      "Measures the published networks: images a second forward and backward beside the machine's own rate of " +
        "matrix products; the subproblems of real runs solved by Temper and by quadprog and highs; whole runs of " +
        "the other benches beside the paper's; how time and memory grow with points, iterations and parameters.",
    )
    .option(
      "--models <dir>",
      "folder of cnnlight.onnx, cnn.onnx, resnet8.onnx (default: TEMPER_MODELS)",
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
    .option("--quick", "a small version: the shipped network, few points, two iterations")
    .option(
      "--out <dir>",
      "folder for runs and results, and where table1 ... have theirs",
      "temper-bench",
    );
  withPage(withCommon(command), "speed")
    .addHelpText("after", "\nExample:\n  temper bench speed --quick --limit 5")
    .action((flags: Flags) => run(flags, context));
}
