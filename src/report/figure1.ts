// Figure 1 of the paper from any run: the whole pool, its efficient front, and where it began.
//
// x = violation (10), y = loss; all candidates, the front in orange, theta0 in purple. A loss whose evaluation
// stopped early is drawn as a bound: a triangle that points to where the candidate lies.
import type { Candidate } from "../correct/candidates.ts";
import { chartSvg, type Plot } from "./chart.ts";

export interface Figure1Options {
  /** Index in the pool of the chosen candidate, which gets a ring. */
  readonly choice?: number | undefined;
}

/** A candidate as it is drawn. */
interface Spot {
  readonly x: number;
  readonly y: number;
}

interface Group {
  readonly label: string;
  readonly color: string;
  readonly radius: number;
  readonly symbol: "circle" | "triangle";
  readonly hollow: boolean;
  readonly spots: readonly Spot[];
}

/** Candidates that have a place in the figure; one whose violation or loss is not finite has none. */
const spotsOf = (pool: readonly Candidate[]): Spot[] =>
  pool.flatMap(({ violation, loss, lossAtLeast }) => {
    const y = loss ?? lossAtLeast;
    return violation === null || y === undefined ? [] : [{ x: violation, y }];
  });

function groupsOf(pool: readonly Candidate[], choice: number | undefined): Group[] {
  const [theta0, ...others] = pool;
  const isBound = ({ lossAtLeast }: Candidate): boolean => lossAtLeast !== undefined;
  const dot = { symbol: "circle", hollow: false } as const;
  const groups: Group[] = [
    {
      label: "loss at least this",
      color: "#9aa7b1",
      radius: 2.5,
      symbol: "triangle",
      hollow: true,
      spots: spotsOf(others.filter(isBound)),
    },
    {
      ...dot,
      label: "candidate",
      color: "steelblue",
      radius: 2.5,
      spots: spotsOf(others.filter((c) => !c.front && !isBound(c))),
    },
    {
      ...dot,
      label: "efficient front",
      color: "darkorange",
      radius: 3.5,
      spots: spotsOf(others.filter(({ front }) => front)),
    },
    { ...dot, label: "θ₀", color: "purple", radius: 5, spots: spotsOf([theta0]) },
    {
      label: "chosen",
      color: "black",
      radius: 6,
      symbol: "circle",
      hollow: true,
      spots: choice === undefined ? [] : spotsOf([pool[choice]]),
    },
  ];
  return groups.filter(({ spots }) => spots.length > 0);
}

const paint = ({ color, hollow }: Group) =>
  hollow ? { stroke: color, fill: "none" } : { fill: color };

/** The group's dots, and its line of the legend at the top right. */
function marksOf(plot: Plot, group: Group, line: number) {
  const { spots, symbol, radius, label } = group;
  const corner = { frameAnchor: "top-right", dy: 8 + 16 * line } as const;
  return [
    plot.dot(spots, { x: "x", y: "y", symbol, r: radius, ...paint(group) }),
    plot.dot([0], { ...corner, symbol, r: radius, dx: -8, ...paint(group) }),
    plot.text([label], { ...corner, dx: -20, fontSize: 11, lineAnchor: "middle" }),
  ];
}

/** Figure 1 as an SVG document. The first member of the pool is theta0. */
export function figure1(
  pool: readonly Candidate[],
  { choice }: Figure1Options = {},
): Promise<string> {
  const groups = groupsOf(pool, choice);
  return chartSvg((plot) => ({
    width: 720,
    height: 480,
    marginLeft: 56,
    x: { label: "violation", nice: true },
    y: { label: "training loss", nice: true, grid: true },
    marks: groups.flatMap((group, line) => marksOf(plot, group, line)),
  }));
}
