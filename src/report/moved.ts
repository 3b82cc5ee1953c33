// What moved in the weights, as charts: by size, and by tensor.
import type { PlotOptions } from "@observablehq/plot";
import type { Plot } from "./chart.ts";
import { BINS, type RunDocument, type StepDocument } from "./document.ts";
import { type Colors, onWhite } from "./trade-off.ts";

interface Drawn {
  readonly width?: number;
  readonly colors?: Colors;
}

/** Some weights that changed by a size in [x1, x2). */
export interface Bin {
  readonly x1: number;
  readonly x2: number;
  readonly weights: number;
}

/** The weights by the size of their change, `alpha` of the way from theta0 to the step. */
export const binsOf = ({ changes: { from, counts } }: StepDocument, alpha: number): Bin[] =>
  counts.map((weights, i) => {
    const edge = (n: number): number => alpha * 10 ** (from + n / BINS);
    return { x1: edge(i), x2: edge(i + 1), weights };
  });

/** A histogram of the changes. */
export const changesChart = (
  plot: Plot,
  bins: readonly Bin[],
  { width = 460, colors = onWhite }: Drawn = {},
): PlotOptions => ({
  ...{ width, height: 220, marginLeft: 50 },
  x: { type: "log", label: "size of the change", tickFormat: "~e" },
  y: { label: "weights", grid: true },
  marks: [
    plot.rectY(bins, { x1: "x1", x2: "x2", y: "weights", fill: colors.candidate }),
    plot.ruleY([0]),
  ],
});

/** ||theta - theta0|| of each tensor, `alpha` of the way to the step: along the line it grows with alpha. */
export function layersChart(
  plot: Plot,
  { layers }: Pick<RunDocument, "layers">,
  { norms }: StepDocument,
  { alpha, width = 560, colors = onWhite }: Drawn & { readonly alpha: number },
): PlotOptions {
  const bars = layers.map(({ name }, i) => ({ name, distance: alpha * norms[i] }));
  const longest = Math.max(0, ...layers.map(({ name }) => name.length));
  return {
    ...{ width, height: 40 + 20 * bars.length, marginLeft: Math.min(width / 2, 16 + 6 * longest) },
    x: { label: "distance from θ₀", grid: true, ticks: 5 },
    y: { label: null, domain: bars.map(({ name }) => name), tickSize: 0 },
    marks: [
      plot.barX(bars, {
        ...{ x: "distance", y: "name", fill: colors.candidate, insetTop: 4, insetBottom: 4 },
      }),
      plot.ruleX([0]),
    ],
  };
}
