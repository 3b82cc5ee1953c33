// Every figure of a report by its name: what the page draws, for papers and tickets.
import type { PlotOptions } from "@observablehq/plot";
import { accuraciesOf, accuracyChart } from "./accuracy.ts";
import type { Plot } from "./chart.ts";
import type { RunDocument } from "./document.ts";
import { binsOf, changesChart, layersChart } from "./moved.ts";
import { seriesChart, seriesOf } from "./series.ts";
import { stageTimes, timeChart } from "./time.ts";
import { tradeOff } from "./trade-off.ts";

/** A figure, and what it is called as a file. */
export interface Figure {
  readonly name: string;
  describe(plot: Plot): PlotOptions;
}

/** The trade-off; several runs lie in one plane. */
export const tradeOffFigure = (runs: readonly Pick<RunDocument, "name" | "record">[]): Figure => ({
  name: "trade-off",
  describe: (plot) =>
    tradeOff(
      plot,
      runs.map(({ name, record: { pool, choice } }) => ({ name, pool, choice })),
    ),
});

/** All figures; those of the second of several runs are called 2-loss and so on. */
export const figuresOf = (runs: readonly RunDocument[]): readonly Figure[] => [
  tradeOffFigure(runs),
  ...runs.flatMap((run, i) =>
    figuresOfOne(run).map(({ name, describe }) => ({
      name: runs.length === 1 ? name : `${i + 1}-${name}`,
      describe,
    })),
  ),
];

function figuresOfOne(run: RunDocument): Figure[] {
  const { record, steps, timings } = run;
  const { alpha, iteration } = record.pool[record.choice];
  const step = steps.find((one) => one.iteration === iteration);
  const accuracies = accuraciesOf(run);
  return [
    ...seriesOf(run).map((series) => ({
      name: series.name,
      describe: (plot: Plot) => seriesChart(plot, series, { height: 220, titled: true }),
    })),
    ...(step === undefined || iteration === 0
      ? []
      : [
          {
            name: "layers",
            describe: (plot: Plot) => layersChart(plot, run, step, { alpha }),
          },
          {
            name: "changes",
            describe: (plot: Plot) => changesChart(plot, binsOf(step, alpha)),
          },
        ]),
    ...(accuracies.length === 0
      ? []
      : [{ name: "accuracy", describe: (plot: Plot) => accuracyChart(plot, accuracies) }]),
    ...(timings === undefined
      ? []
      : [{ name: "time", describe: (plot: Plot) => timeChart(plot, stageTimes(timings)) }]),
  ];
}
