// Accuracy under attack against seconds: the robust recipe and adversarial training, a line for each seed.
//
// The axis shows the share that is wrong, on a logarithmic scale and upside down. So what is left to win when nearly
// all images are right can be seen as well as the first seconds.
import { chartSvg, type Plot } from "../../src/report/chart.ts";
import type { RowResult, StudyResults } from "./study.ts";

interface Line {
  readonly row: string;
  readonly label: string;
  readonly color: string;
  readonly dash: string;
}

const lines: readonly Line[] = [
  { row: "fresh", label: "recipe robust", color: "steelblue", dash: "none" },
  {
    row: "adversarial",
    label: "adversarial training, as many seconds",
    color: "darkorange",
    dash: "none",
  },
  { row: "adversarial-half", label: "half of them", color: "darkorange", dash: "2,3" },
  { row: "adversarial-double", label: "twice as many", color: "darkorange", dash: "6,3" },
];

interface Spot {
  readonly seed: number;
  readonly seconds: number;
  /** The share of images that are wrong, in per cent. */
  readonly wrong: number;
}

/** A share of 0 has no place on the axis. */
const LEAST_WRONG = 0.1;

const TICKS = [0.1, 0.2, 0.5, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100];

const spotsOf = (rows: readonly RowResult[]): Spot[] =>
  rows.flatMap(({ seed, curve }) =>
    curve.map(({ seconds, attacked }) => ({
      seed,
      seconds,
      wrong: Math.max(LEAST_WRONG, 100 - attacked),
    })),
  );

/** The lines of a row, and its entry in the legend at the bottom right. */
function marksOf(plot: Plot, { label, color, dash }: Line, spots: readonly Spot[], place: number) {
  const corner = { frameAnchor: "bottom-right", dy: -8 - 16 * place } as const;
  const stroke = { stroke: color, strokeWidth: 1.5, strokeDasharray: dash } as const;
  return [
    plot.line(spots, { x: "seconds", y: "wrong", z: "seed", ...stroke }),
    plot.dot(spots, { x: "seconds", y: "wrong", r: 2, fill: color }),
    plot.dot([0], {
      ...corner,
      r: 3,
      dx: -8,
      fill: dash === "none" ? color : "none",
      stroke: color,
    }),
    plot.text([label], {
      ...corner,
      dx: -20,
      fontSize: 11,
      textAnchor: "end",
      lineAnchor: "middle",
    }),
  ];
}

/** The rows that are drawn, as an SVG document. */
export function beyondPlot({ rows }: StudyResults): Promise<string> {
  const drawn = lines
    .map((line) => ({ line, spots: spotsOf(rows.filter(({ row }) => row === line.row)) }))
    .filter(({ spots }) => spots.length > 0);
  const wrongs = drawn.flatMap(({ spots }) => spots.map(({ wrong }) => wrong));
  const domain = [Math.min(...wrongs, 50), Math.max(...wrongs, 50)];
  return chartSvg((plot) => ({
    width: 720,
    height: 420,
    marginLeft: 56,
    x: { label: "seconds" },
    y: {
      type: "log",
      reverse: true,
      domain,
      ticks: TICKS.filter((wrong) => domain[0] <= wrong && wrong <= domain[1]),
      tickFormat: (wrong: number) => String(100 - wrong),
      label: "↑ right under PGD, %",
      grid: true,
    },
    marks: drawn.flatMap(({ line, spots }, i) => marksOf(plot, line, spots, drawn.length - 1 - i)),
  }));
}
