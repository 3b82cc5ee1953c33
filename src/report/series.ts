// What every iteration brought, as charts: the same on the page and as files.
import type { PlotOptions } from "@observablehq/plot";
import type { CentreRecord, IterationRecord } from "../correct/records.ts";
import type { Plot } from "./chart.ts";
import type { RunDocument } from "./document.ts";
import { type Colors, onWhite } from "./trade-off.ts";

/** A quantity by iteration; a gap where it is not known. */
export interface Series {
  /** A word for it, as a name of a file. */
  readonly name: string;
  readonly title: string;
  /** The iteration of the first value. */
  readonly first: 0 | 1;
  readonly lines: readonly Line[];
}

interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Whether the line goes on over values that are not there, since only some iterations have one. */
  readonly sparse?: boolean;
}

/** The quantities that tell how a run went. */
export function seriesOf({ record }: Pick<RunDocument, "record">): readonly Series[] {
  const { options, pool, iterations, before } = record;
  if (iterations.length === 0) return [];
  if (options.recipe === "robust") {
    const all = iterations as readonly CentreRecord[];
    const of = (get: (it: CentreRecord) => number | null) => all.map(get);
    const judged = ({ candidate }: CentreRecord): number | null =>
      candidate && before ? 100 * (1 - candidate.corrected / before.points) : null;
    return [
      {
        ...(options.certify === true
          ? { name: "bounded", title: "images that are not proven right, %" }
          : { name: "attacked", title: "attacked images that are wrong, %" }),
        first: 1,
        lines: [
          { name: "those of the turn", values: of((it) => (100 * it.wrong) / it.points) },
          ...(before ? [{ name: "candidates", values: of(judged), sparse: true }] : []),
        ],
      },
      {
        ...{ name: "loss", title: "loss of the images drawn", first: 1 },
        lines: [
          { name: "present", values: of((it) => it.sampledLoss) },
          { name: "θ₀", values: of((it) => it.sampledLossAtStart) },
        ],
      },
      {
        ...{ name: "distance", title: "distance from θ₀", first: 1 },
        lines: [{ name: "distance", values: of((it) => it.distance) }],
      },
      { ...cutsOf(all, []), first: 1 },
    ];
  }
  const [theta0] = pool;
  const all = iterations as readonly IterationRecord[];
  const of = (start: number | null, get: (it: IterationRecord) => number | null) => [
    start,
    ...all.map(get),
  ];
  const one = (name: string, title: string, values: Line["values"]): Series => ({
    ...{ name, title, first: 0 },
    lines: [{ name, values }],
  });
  return [
    one(
      "violation",
      "violation at θ_k",
      of(theta0.violation, (it) => it.anchor?.violation ?? null),
    ),
    one(
      "loss",
      "training loss at θ_k",
      of(theta0.loss, (it) => it.anchor?.loss ?? null),
    ),
    one(
      "distance",
      "distance of θ_k from θ₀",
      of(0, (it) => it.distance),
    ),
    { ...cutsOf(all, [null]), first: 0 },
  ];
}

const cutsOf = (
  iterations: readonly { readonly rows: number; readonly active: number }[],
  before: readonly null[],
): Omit<Series, "first"> => ({
  name: "cuts",
  title: "cuts in the subproblem (13)",
  lines: [
    { name: "cuts", values: [...before, ...iterations.map(({ rows }) => rows)] },
    { name: "active", values: [...before, ...iterations.map(({ active }) => active)] },
  ],
});

/** More dots than these would be a thick line. */
const DOTS = 60;

/** A line chart; the first line is drawn full, a second one quiet. */
export function seriesChart(
  plot: Plot,
  { title, first, lines }: Series,
  {
    width = 460,
    height = 180,
    colors = onWhite,
    titled = false,
  }: {
    readonly width?: number;
    readonly height?: number;
    readonly colors?: Colors;
    /** Whether the chart says what it is; the page says it above. Default false. */
    readonly titled?: boolean;
  } = {},
): PlotOptions {
  return {
    ...{ width, height, marginLeft: 52 },
    ...(titled && { marginTop: 30 }),
    x: {
      label: "iteration",
      ticks: 6,
      tickFormat: (d: number) => (Number.isInteger(d) ? String(d) : ""),
    },
    y: { label: titled ? title : null, grid: true, nice: true, zero: true, ticks: 4 },
    marks: lines.flatMap(({ name, values, sparse = false }, at) => {
      const all = values.map((y, i) => ({ x: i + first, y }));
      const data = sparse ? all.filter(({ y }) => y !== null) : all;
      const stroke = at === 0 ? colors.front : colors.candidate;
      const ends = { text: () => name, fill: stroke, dy: -9, dx: -4, textAnchor: "end" } as const;
      return [
        plot.line(data, { x: "x", y: "y", stroke, strokeWidth: 1.8 }),
        ...(data.length > DOTS ? [] : [plot.dot(data, { x: "x", y: "y", fill: stroke, r: 2.2 })]),
        ...(lines.length === 1 ? [] : [plot.text(data.slice(-1), { x: "x", y: "y", ...ends })]),
      ];
    }),
  };
}
