// npm run bench -- figure1: the paper's Figure 1, the candidates of its CNN after 5 iterations.
//
// `temper report RUN` draws the same figure of any run. Here every loss is evaluated to the end, as the paper does.
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { Context } from "../src/cli/context.ts";
import { openDataset } from "../src/cli/open.ts";
import { writeAtomic } from "../src/data/write.ts";
import { correct, type Dataset, type Model, openModel, type Run } from "../src/index.ts";
import { svgToPng } from "../src/report/chart.ts";
import { figure1 } from "../src/report/figure1.ts";
import { type WorkFlags, withWork, workOf } from "./command.ts";
import { MNIST_PROTOCOL } from "./paper.ts";
import { worstPoints } from "./points.ts";
import { openResults } from "./results.ts";
import { type BenchWork, settingOf } from "./work.ts";

export interface Figure1Bench extends BenchWork {
  readonly model: Model;
  readonly train: Dataset;
  /** The folder keeps the points and the run, so that a second call goes on. */
  readonly folder: string;
}

/** The paper does not say how many points its figure has. */
const POINTS = 10;

/** The run that Figure 1 shows. */
export async function benchFigure1(bench: Figure1Bench): Promise<Run> {
  const { model, train, folder, seed, threads, signal, onProgress, onIteration } = bench;
  const setting = settingOf(model, { train }, seed);
  const file = await openResults(join(folder, "figure1.json"), setting, {});
  const points = await worstPoints(model, {
    ...bench,
    data: train,
    attack: MNIST_PROTOCOL,
    worst: POINTS,
    path: join(folder, "points.npz"),
  });
  const run = await correct(model, {
    recipe: "paper",
    iterations: 5,
    fullPool: true,
    data: train,
    points,
    folder: join(folder, "run"),
    resume: true,
    seed,
    threads,
    signal,
    onProgress,
    onIteration: (record) => onIteration?.(POINTS, record),
  });
  const { machine, seconds } = run.timings;
  await file.keep({ machine, seconds, pool: run.pool });
  return run;
}

interface Flags extends WorkFlags {
  readonly model: string;
  readonly data: string;
  readonly out: string;
  readonly json?: boolean;
}

function svgPath(given: string): string {
  if (!given.endsWith(".svg")) throw new InvalidArgumentError("Expected a name that ends in .svg.");
  return given;
}

async function draw(flags: Flags, context: Context): Promise<void> {
  const { out: svg, json } = flags;
  const model = await openModel(flags.model);
  const train = await openDataset(flags.data, flags, context);
  const folder = svg.slice(0, -".svg".length);
  const { record, pool, front } = await benchFigure1({
    ...workOf(flags, context),
    model,
    train,
    folder,
  });
  await model.close();
  context.progress.stop();
  const png = svg.replace(/svg$/, "png");
  const figure = await figure1(pool, { choice: record.choice });
  await mkdir(dirname(svg), { recursive: true });
  await writeAtomic(svg, figure);
  await writeAtomic(png, await svgToPng(figure));
  const [candidates, efficient] = [pool.length, front.length];
  if (json === true) context.printJson({ svg, png, candidates, front: efficient });
  else
    context.print(
      `${candidates} candidates, ${efficient} on the front; written to ${svg} and ${png}`,
    );
}

export function addFigure1(program: Command, context: Context): void {
  const command = program
    .command("figure1")
    .summary(
      "the candidates of the paper's CNN, its front in orange, theta0 in purple: SVG and PNG",
    )
    .description(
      "Makes the run of the paper's Figure 1 (10 points, 5 iterations, every loss evaluated to the end) and draws " +
        "it as temper report draws any RUN.",
    )
    .requiredOption("--model <file>", "the published CNN, as ONNX")
    .option("--data <data>", "training data, attacked and held", "mnist:train")
    .option("--out <file>", "the SVG; the PNG lies beside it", svgPath, "temper-bench/figure1.svg")
    .option("--json", "print one JSON document on stdout");
  withWork(command).action((flags: Flags) => draw(flags, context));
}
