// Accuracy before and after with its 95 % intervals, as a chart: on clean images, and under each attack.
import type { PlotOptions } from "@observablehq/plot";
import { wilsonInterval } from "../attack/interval.ts";
import type { Plot } from "./chart.ts";
import type { RunDocument } from "./document.ts";
import { evaluatedOf } from "./evaluated.ts";
import { type Colors, onWhite } from "./trade-off.ts";

/** A share in [0, 1] with its interval. */
export interface Measured {
  readonly accuracy: number;
  readonly interval: readonly [low: number, high: number];
}

/** What was measured before and after; `before` is missing where only the corrected file was evaluated. */
export interface AccuracyRow {
  readonly what: string;
  readonly before?: Measured | undefined;
  readonly after: Measured;
}

/** The clean images of the run, then the attacks of its evaluation. */
export function accuraciesOf({
  name,
  record: { clean },
  evaluation,
}: Pick<RunDocument, "name" | "record" | "evaluation">): AccuracyRow[] {
  const { before, after } = evaluatedOf({ name, ...(evaluation && { evaluation }) });
  const measured = (accuracy: number, n: number): Measured => ({
    accuracy,
    interval: wilsonInterval(Math.round(accuracy * n), n),
  });
  const row = (what: string, of: { count: number; before: number; after: number }) => ({
    what,
    before: measured(of.before, of.count),
    after: measured(of.after, of.count),
  });
  return [
    ...(clean ? [row("clean, DATA", clean)] : []),
    ...(clean?.validation ? [row("clean, held out", clean.validation)] : []),
    ...(after?.attacks ?? []).map((attack, k) => ({
      what: `${attack.name}, ${attack.norm} ${Number(attack.eps.toPrecision(4))}`,
      before: before?.attacks[k],
      after: attack,
    })),
  ];
}

/** A diamond before, a dot after, each with its interval; rows whose names are the same are told apart by a number. */
export function accuracyChart(
  plot: Plot,
  rows: readonly AccuracyRow[],
  {
    width = 560,
    colors = onWhite,
    legend = true,
  }: {
    readonly width?: number;
    readonly colors?: Colors;
    /** Default true. */
    readonly legend?: boolean;
  } = {},
): PlotOptions {
  const names = rows.map(({ what }, i) =>
    rows.findIndex((row) => row.what === what) === i ? what : `${what} (${i + 1})`,
  );
  const part = (which: "before" | "after") =>
    rows.flatMap((row, i) => {
      const { accuracy, interval } = row[which] ?? {};
      if (accuracy === undefined || interval === undefined) return [];
      const [low, high] = interval.map((share) => 100 * share);
      return [{ y: names[i], x: 100 * accuracy, low, high }];
    });
  const longest = Math.max(0, ...names.map((name) => name.length));
  const marksOf = (which: "before" | "after") => {
    const data = part(which);
    const [color, symbol, dy, r] =
      which === "before"
        ? ([colors.theta0, "diamond", -5, 4.5] as const)
        : ([colors.front, "circle", 5, 4] as const);
    return [
      plot.ruleY(data, { x1: "low", x2: "high", y: "y", stroke: color, strokeWidth: 1.5, dy }),
      plot.dot(data, { x: "x", y: "y", fill: color, symbol, r, dy }),
    ];
  };
  const entry = (text: string, fill: string, dx: number) =>
    plot.text([text], { frameAnchor: "top-left", textAnchor: "start", fill, dx, dy: -18 });
  return {
    ...{ width, height: (legend ? 66 : 50) + 36 * rows.length },
    ...(legend && { marginTop: 36 }),
    marginLeft: Math.min(width / 2, 20 + 6.2 * longest),
    x: { label: "accuracy, %", grid: true, nice: true, ticks: 6 },
    y: { label: null, domain: names, type: "band", tickSize: 0 },
    marks: [
      ...marksOf("before"),
      ...marksOf("after"),
      ...(legend
        ? [
            entry("◆ before", colors.theta0, 0),
            entry("● after, with their 95 % intervals", colors.front, 60),
          ]
        : []),
    ],
  };
}
