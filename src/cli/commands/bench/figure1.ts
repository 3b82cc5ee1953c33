// temper bench figure1: a run's pool as the paper's Figure 1, as SVG and PNG.
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { writeAtomic } from "../../../data/write.ts";
import { TemperError } from "../../../errors.ts";
import { benchFigure1 } from "../../../report/bench/figure1.ts";
import { svgToPng } from "../../../report/chart.ts";
import { figure1 } from "../../../report/figure1.ts";
import { openRun } from "../../../run/open.ts";
import type { Run } from "../../../run/record.ts";
import type { Context } from "../../context.ts";
import { openDataset, openModelFile } from "../../open.ts";
import { type CommonFlags, withCommon } from "../../options.ts";
import { workOf } from "./work.ts";

interface Flags extends CommonFlags {
  readonly run?: string;
  readonly model?: string;
  readonly data: string;
  readonly out: string;
}

function svgPath(given: string): string {
  if (!given.endsWith(".svg")) throw new InvalidArgumentError("Expected a name that ends in .svg.");
  return given;
}

async function runOf(flags: Flags, context: Context): Promise<Run> {
  if ((flags.run === undefined) === (flags.model === undefined)) {
    throw new TemperError(
      "bad-option",
      "figure1 draws a run: give --run RUN, or --model cnn.onnx for the paper's own",
    );
  }
  if (flags.run !== undefined) return openRun(flags.run);
  const model = await openModelFile(flags.model!, {});
  const train = await openDataset(flags.data, flags, context);
  const folder = flags.out.slice(0, -".svg".length);
  const run = await benchFigure1({ ...workOf(flags, context), model, train, folder });
  await model.close();
  return run;
}

async function draw(flags: Flags, context: Context): Promise<void> {
  const { record, pool, front } = await runOf(flags, context);
  context.progress.stop();
  const svg = await figure1(pool, { choice: record.choice });
  const png = flags.out.replace(/svg$/, "png");
  await mkdir(dirname(flags.out), { recursive: true });
  await writeAtomic(flags.out, svg);
  await writeAtomic(png, await svgToPng(svg));
  if (flags.json === true) {
    context.printJson({ svg: flags.out, png, candidates: pool.length, front: front.length });
  } else {
    context.print(
      `${pool.length} candidates, ${front.length} on the efficient front; written to ${flags.out} and ${png}`,
    );
  }
}

export function addFigure1(bench: Command, context: Context): void {
  const command = bench
    .command("figure1")
    .summary("the pool of a run, its front in orange, theta0 in purple: SVG and PNG")
    .description(
      "Draws the pool of a finished RUN: violation against training loss, the efficient front in orange, theta0 " +
        "in purple, the choice in a ring; a triangle where only a bound of the loss is known. With --model it " +
        "first makes the paper's own run: 10 points, 5 iterations, every loss evaluated to the end.",
    )
    .option("--run <run>", "folder written by temper correct")
    .option("--model <file>", "the paper's figure instead: the published CNN, as ONNX")
    .option("--data <data>", "training data, with --model", "mnist:train")
    .option("--out <file>", "the SVG; the PNG lies beside it", svgPath, "temper-bench/figure1.svg");
  withCommon(command)
    .addHelpText("after", "\nExample:\n  temper bench figure1 --run RUN --out figure1.svg")
    .action((flags: Flags) => draw(flags, context));
}
