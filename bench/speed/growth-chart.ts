// Draws growth: time by stage and memory, against points, iterations and parameters.
import type { PlotOptions } from "@observablehq/plot";
import { chartSvg, type Plot } from "../../src/report/chart.ts";
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

/** How many pixels the axis of y has, and how many lie between two names. */
const TALL = HEIGHT - 50;
const APART = 12;

/** Places names at the ends of their lines, or just above the name below where they would overlap. */
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

/** One panel; the name of each line stands at its last dot. */
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

/** The figure, with time above, memory below, and a column for each axis. */
export async function growthSvg(axes: readonly GrowthAxis[]): Promise<string> {
  const columns = axes.filter(({ rows }) => rows.length > 1);
  const lines = [
    ["seconds", secondsOf],
    ["MB", megabytesOf],
  ] as const;
  const panels: string[] = [];
  for (const [r, [y, ys]] of lines.entries()) {
    for (const [c, { label, x, rows }] of columns.entries()) {
      const svg = await chartSvg((plot) => panel(plot, dotsOf(rows, x, ys), label, y));
      panels.push(svg.trim().replace("<svg ", `<svg x="${c * WIDTH}" y="${r * HEIGHT}" `));
    }
  }
  const [wide, high] = [columns.length * WIDTH, lines.length * HEIGHT];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${high}" width="${wide}" height="${high}">` +
    `${panels.join("\n")}</svg>\n`
  );
}
