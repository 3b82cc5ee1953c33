// Growth drawn: time by stage and memory, against points, iterations and parameters.
import type { PlotOptions } from "@observablehq/plot";
import { chartSvg, type Plot, sideBySide } from "../../chart.ts";
import type { GrowthRow } from "./growth.ts";

const WIDTH = 360;
const HEIGHT = 260;

interface Dot {
  readonly x: number;
  readonly y: number;
  readonly line: string;
}

/** Seconds of the stages that matter, and of the whole run. */
const secondsOf = (row: GrowthRow): Record<string, number> => ({
  "whole run": row.seconds,
  "loss gradients": row.stages["loss-gradient"],
  candidates: row.stages.candidates,
  cuts: row.stages.cuts,
  "QPs with rows": row.stages.qp,
});

const MEGABYTE = 2 ** 20;

const megabytesOf = (row: GrowthRow): Record<string, number> => ({
  cuts: row.bytesOfCuts / MEGABYTE,
  "Gram entries": row.bytesOfGram / MEGABYTE,
});

const dotsOf = (
  rows: readonly GrowthRow[],
  x: (row: GrowthRow) => number,
  ys: (row: GrowthRow) => Record<string, number>,
): Dot[] =>
  rows.flatMap((row) => Object.entries(ys(row)).map(([line, y]) => ({ x: x(row), y, line })));

/** Pixels of the axis of y, and between two names. */
const TALL = HEIGHT - 50;
const APART = 12;

/** Heights for names at the ends of lines, in units of y: each where its line ends, or just above the one below. */
function spread(ends: readonly Dot[], most: number): Dot[] {
  const apart = (APART / TALL) * most;
  let lowest = -apart;
  return ends
    .toSorted((a, b) => a.y - b.y)
    .map((end) => {
      lowest = Math.max(end.y, lowest + apart);
      return { ...end, y: lowest };
    });
}

/** One panel; each line's name stands at its last dot. */
function panel(plot: Plot, dots: readonly Dot[], x: string, y: string): PlotOptions {
  const most = dots.reduce((largest, dot) => Math.max(largest, dot.y), 0);
  const lastX = dots.reduce((largest, dot) => Math.max(largest, dot.x), 0);
  const ends = dots.filter((dot) => dot.x === lastX);
  const channels = { x: "x", y: "y", stroke: "line" } as const;
  return {
    width: WIDTH,
    height: HEIGHT,
    marginTop: 20,
    marginBottom: 30,
    marginLeft: 48,
    marginRight: 88,
    x: { label: x, nice: true },
    y: { label: y, domain: [0, most], grid: true },
    marks: [
      plot.line(dots, channels),
      plot.dot(dots, { ...channels, r: 2.5 }),
      plot.text(spread(ends, most), {
        x: "x",
        y: "y",
        text: "line",
        fill: "line",
        textAnchor: "start",
        dx: 6,
      }),
    ],
  };
}

/** One axis of growth: what is varied and the rows in which only it varies, ascending. */
export interface GrowthAxis {
  readonly label: string;
  readonly x: (row: GrowthRow) => number;
  readonly rows: readonly GrowthRow[];
}

/** Time above, memory below, a column an axis. */
export async function growthSvg(axes: readonly GrowthAxis[]): Promise<string> {
  const columns = axes.filter(({ rows }) => rows.length > 1);
  const line = (y: string, ys: (row: GrowthRow) => Record<string, number>): Promise<string[]> =>
    Promise.all(
      columns.map(({ label, x, rows }) =>
        chartSvg((plot) => panel(plot, dotsOf(rows, x, ys), label, y)),
      ),
    );
  const rows = [await line("seconds", secondsOf), await line("MB", megabytesOf)];
  return sideBySide(rows, { width: WIDTH, height: HEIGHT });
}
