// The trade-off as a chart, drawn the same on the page and as a file: the candidates of one run, or of several.
//
// All candidates, the front in orange, theta0 in purple. A loss whose evaluation stopped early is a bound, drawn as
// a triangle that points to where the candidate lies; one that is still to come is a tick at its violation, below.
import type { Markish, PlotOptions } from "@observablehq/plot";
import type { Candidate } from "../correct/candidates.ts";
import { isLeft } from "../correct/candidates.ts";
import type { Plot } from "./chart.ts";
import { knownLoss } from "./known-loss.ts";

/** Which run a candidate is of, and what of it is drawn. */
export interface TradeOffRun {
  readonly name: string;
  readonly pool: readonly Candidate[];
  /** Index in the pool of the chosen candidate, which gets a ring. */
  readonly choice?: number | undefined;
}

/** An axis: what it is called, what it shows of a candidate (null: nothing), and its scale. */
export interface TradeOffAxis {
  readonly label: string;
  of(candidate: Candidate): number | null;
  readonly log?: boolean | undefined;
}

export interface TradeOffOptions {
  readonly width?: number;
  readonly height?: number;
  readonly x?: TradeOffAxis;
  readonly y?: TradeOffAxis;
  readonly colors?: Colors;
  /** Default true. */
  readonly legend?: boolean;
  /** Whether losses that are not known are still to come, and not merely not finite. Default false. */
  readonly unfinished?: boolean;
}

export interface Colors {
  readonly candidate: string;
  readonly front: string;
  readonly theta0: string;
  readonly bound: string;
  readonly choice: string;
  /** Of several runs, one after the other. */
  readonly runs: readonly string[];
}

/** On white. People who cannot tell red from green tell these apart; shapes and sizes differ too. */
export const onWhite: Colors = {
  candidate: "steelblue",
  front: "darkorange",
  theta0: "purple",
  bound: "#9aa7b1",
  choice: "black",
  runs: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"],
};

const violation: TradeOffAxis = { label: "violation", of: (c) => c.violation };
const loss: TradeOffAxis = {
  label: "training loss",
  of: knownLoss,
};

/** Pixels above and below the frame, and of a tick for a loss that is to come. */
const TOP = 20;
const BOTTOM = 30;
const TO_COME = 10;

/** Where such a tick has its middle, from the top of a chart of this height. */
export const toComeAt = (height: number): number => height - BOTTOM - TO_COME / 2;

/** A candidate as it is drawn. */
interface Spot {
  readonly x: number;
  readonly y: number;
}

interface Group {
  readonly label: string;
  readonly color: string;
  readonly radius: number;
  readonly symbol: "circle" | "triangle" | "diamond";
  readonly hollow: boolean;
  readonly spots: readonly Spot[];
  /** A line through the spots. */
  readonly joined?: boolean;
}

/** The chart as Plot takes it. The first member of each pool is theta0. */
export function tradeOff(
  plot: Plot,
  runs: readonly TradeOffRun[],
  options: TradeOffOptions = {},
): PlotOptions {
  const {
    width = 720,
    height = 480,
    colors = onWhite,
    legend = true,
    unfinished = false,
  } = options;
  const { x = violation, y = loss } = options;
  const groups = runs
    .flatMap((run, at) =>
      runs.length === 1 ? groupsOf(run, { x, y, colors }) : groupsOfOne(run, at, { x, y, colors }),
    )
    .filter(({ spots }) => spots.length > 0);
  const named = groups.filter(({ label }) => label !== "");
  const scale = ({ label, log = false }: TradeOffAxis) => ({
    label,
    nice: true,
    ...(log && { type: "log" as const }),
  });
  return {
    width,
    height,
    ...{ marginLeft: 56, marginTop: TOP, marginBottom: BOTTOM },
    x: scale(x),
    y: { ...scale(y), grid: true },
    marks: [
      ...groups.flatMap((group) => spotsAs(plot, group)),
      ...(legend ? named.flatMap((group, line) => legendOf(plot, group, line)) : []),
      ...(unfinished ? toCome(plot, runs, { x, y }, { colors, height }) : []),
    ],
  };
}

interface Axes {
  readonly x: TradeOffAxis;
  readonly y: TradeOffAxis;
}

/** Candidates that have a place in the chart; one that is not finite, or not above 0 on a log axis, has none. */
function spotsOf(candidates: readonly Candidate[], { x, y }: Axes): Spot[] {
  const fits = (value: number | null, { log = false }: TradeOffAxis): value is number =>
    value !== null && (!log || value > 0);
  return candidates.flatMap((candidate) => {
    const [at, up] = [x.of(candidate), y.of(candidate)];
    return fits(at, x) && fits(up, y) ? [{ x: at, y: up }] : [];
  });
}

function groupsOf(
  { pool, choice }: TradeOffRun,
  { colors, ...axes }: Axes & { readonly colors: Colors },
): Group[] {
  const [theta0, ...others] = pool;
  const dot = { symbol: "circle", hollow: false } as const;
  const spots = (candidates: readonly Candidate[]): Spot[] => spotsOf(candidates, axes);
  return [
    {
      label: "loss at least this",
      color: colors.bound,
      radius: 2.5,
      symbol: "triangle",
      hollow: true,
      spots: spots(others.filter(isLeft)),
    },
    {
      ...dot,
      label: "candidate",
      color: colors.candidate,
      radius: 2.5,
      spots: spots(others.filter((c) => !c.front && !isLeft(c))),
    },
    {
      ...dot,
      label: "efficient front",
      color: colors.front,
      radius: 3.5,
      spots: spots(others.filter(({ front }) => front)),
    },
    {
      label: "θ₀",
      color: colors.theta0,
      radius: 5,
      symbol: "diamond",
      hollow: false,
      spots: spots(theta0 === undefined ? [] : [theta0]),
    },
    { ...ringOf({ pool, choice }, axes), label: "chosen", color: colors.choice },
  ];
}

const ringOf = ({ pool, choice }: Pick<TradeOffRun, "pool" | "choice">, axes: Axes) =>
  ({
    radius: 6,
    symbol: "circle",
    hollow: true,
    spots: choice === undefined ? [] : spotsOf([pool[choice]], axes),
  }) as const;

/** The symbol of one of several runs, beside its colour. */
export const symbolOf = (at: number): Group["symbol"] =>
  (["circle", "triangle", "diamond"] as const)[at % 3];

/** One of several runs: its front in its own colour, the rest of its candidates faint. */
function groupsOfOne(
  { name, pool, choice }: TradeOffRun,
  at: number,
  { colors, ...axes }: Axes & { readonly colors: Colors },
): Group[] {
  const color = colors.runs[at % colors.runs.length];
  const front = pool.filter((c) => c.front);
  const spots = spotsOf(front, axes).toSorted((a, b) => a.x - b.x);
  const symbol = symbolOf(at);
  return [
    { label: name, color, radius: 3.5, symbol, hollow: false, spots, joined: true },
    { ...ringOf({ pool, choice }, axes), label: "", color },
  ];
}

const paint = ({ color, hollow }: Group) =>
  hollow ? { stroke: color, fill: "none" } : { fill: color };

function spotsAs(plot: Plot, group: Group): Markish[] {
  const { spots, symbol, radius, joined = false, color } = group;
  return [
    ...(joined
      ? [
          plot.line(spots, {
            x: "x",
            y: "y",
            stroke: color,
            strokeOpacity: 0.4,
            curve: "step-after",
          }),
        ]
      : []),
    plot.dot(spots, { x: "x", y: "y", symbol, r: radius, ...paint(group) }),
  ];
}

/** The group's line of the legend at the top right. */
function legendOf(plot: Plot, group: Group, line: number): Markish[] {
  const { symbol, radius, label } = group;
  const corner = { frameAnchor: "top-right", dy: 8 + 16 * line } as const;
  return [
    plot.dot([0], { ...corner, symbol, r: radius, dx: -8, ...paint(group) }),
    plot.text([label], { ...corner, dx: -20, fontSize: 11, lineAnchor: "middle" }),
  ];
}

/** Short ticks at the lower edge for candidates whose loss is still to come: their violation is known already. */
function toCome(
  plot: Plot,
  runs: readonly TradeOffRun[],
  { x, y }: Axes,
  { colors: { bound }, height }: { readonly colors: Colors; readonly height: number },
): Markish[] {
  const values = runs.flatMap(({ pool }) =>
    pool.flatMap((candidate) => {
      const at = x.of(candidate);
      return y.of(candidate) === null && at !== null && (!x.log || at > 0) ? [at] : [];
    }),
  );
  const place = { insetTop: height - TOP - BOTTOM - TO_COME, insetBottom: 0 };
  return values.length === 0 ? [] : [plot.tickX(values, { x: (v) => v, stroke: bound, ...place })];
}
