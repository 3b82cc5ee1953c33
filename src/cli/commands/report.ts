// temper report: the trade-off of a finished run as a figure, to look at before choosing from it.
import type { Command } from "commander";
import { writeAtomic } from "../../data/write.ts";
import { TemperError } from "../../errors.ts";
import { text } from "../../options/kinds.ts";
import { svgToPng } from "../../report/chart.ts";
import { figure1 } from "../../report/figure1.ts";
import { openRun } from "../../run/folder/open.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { checkOutput, refuseInsideRun } from "../open.ts";
import { workFlags } from "../shared-flags.ts";

interface Flags {
  readonly svg?: string;
  readonly png?: string;
  readonly json?: boolean;
}

/** Checks the files before any work is done for them; at least one must be asked for. */
async function checkFigures(folder: string, { svg, png }: Flags): Promise<void> {
  if (svg === undefined && png === undefined) {
    throw new TemperError(
      "bad-option",
      "report was asked for no figure\ngive --svg FILE, --png FILE, or both",
    );
  }
  for (const [path, kind] of [
    [svg, ".svg"],
    [png, ".png"],
  ] as const) {
    if (path === undefined) continue;
    await checkOutput(path, kind);
    refuseInsideRun(path, folder);
  }
}

async function run(folder: string, flags: Flags, context: Context): Promise<void> {
  await checkFigures(folder, flags);
  const { svg, png } = flags;
  const { record, pool, front } = await openRun(folder);
  const figure = await figure1(pool, { choice: record.choice });
  if (svg !== undefined) await writeAtomic(svg, figure);
  if (png !== undefined) await writeAtomic(png, await svgToPng(figure));
  const [candidates, efficient] = [pool.length, front.length];
  if (flags.json === true) {
    context.printJson({ svg: svg ?? null, png: png ?? null, candidates, front: efficient });
    return;
  }
  const files = [svg, png].filter((path) => path !== undefined).join(" and ");
  context.print(
    `${candidates} candidates, ${efficient} on the efficient front; written to ${files}`,
  );
}

export function addReport(program: Command, context: Context): void {
  const command = program
    .command("report")
    .summary("the trade-off of a finished run as a figure")
    .description(
      "Draws all candidates of a RUN, violation against training loss: the efficient front in orange, the model " +
        "itself in purple, the choice in a ring. A triangle stands where only a bound of the loss is known.",
    )
    .argument("<run>", "folder written by temper correct");
  const figure = (help: string) => ({
    kind: text("<file>"),
    group: "What comes out",
    everyday: true,
    help,
  });
  const { json, config } = workFlags;
  addFlags(command, { svg: figure("draw it as SVG"), png: figure("draw it as PNG"), json, config })
    .addHelpText("after", "\nExample:\n  temper report RUN --svg tradeoff.svg --png tradeoff.png")
    .action((folder: string, flags: Flags) => run(folder, flags, context));
}
