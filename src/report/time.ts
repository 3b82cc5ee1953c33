// Where the time of a run went, as a chart.
import type { PlotOptions } from "@observablehq/plot";
import type { Timings } from "../run/record.ts";
import type { Plot } from "./chart.ts";
import { type Colors, onWhite } from "./trade-off.ts";

/** Stages in words, in the order of a run; what is part of another stage stands under it. */
const STAGES: readonly (readonly [name: string, words: string, within?: string])[] = [
  ["points", "attacking the images of each turn"],
  ["cuts", "cuts at each anchor"],
  ["qp", "the subproblem (13)"],
  ["gram", "of it, Gram entries", "qp"],
  ["blocks", "Algorithm 2"],
  ["products", "which cuts does d violate?"],
  ["loss-gradient", "loss and its gradient on DATA"],
  ["candidates", "losses of the candidates"],
  ["loss", "of it, the last θ_k", "candidates"],
  ["check", "measuring the saved file"],
  ["validate", "held-out data"],
  ["clean", "answers before and after"],
];

/** Seconds of a stage. */
export interface StageTime {
  readonly words: string;
  readonly value: number;
  /** The stage that it is part of. */
  readonly within: string | undefined;
}

/** The stages that a run had. */
export const stageTimes = ({ stages }: Timings): StageTime[] =>
  STAGES.flatMap(([name, words, within]) => {
    const value = stages[name];
    return value === undefined ? [] : [{ words, within, value }];
  });

/** A bar each. */
export const timeChart = (
  plot: Plot,
  times: readonly StageTime[],
  { width = 560, colors = onWhite }: { readonly width?: number; readonly colors?: Colors } = {},
): PlotOptions => ({
  ...{ width, height: 30 + 22 * times.length, marginLeft: 210 },
  x: { label: "seconds", grid: true, ticks: 5 },
  y: { label: null, domain: times.map(({ words }) => words), tickSize: 0 },
  marks: [
    plot.barX(times, {
      x: "value",
      y: "words",
      fill: ({ within }: StageTime) => (within === undefined ? colors.candidate : colors.bound),
      insetTop: 4,
      insetBottom: 4,
    }),
    plot.ruleX([0]),
  ],
});
