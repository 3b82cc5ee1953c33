// Clean against attacked accuracy: the recipe's front with each `keep`, and those of trainings over their weights.
import { chartSvg } from "../../src/report/chart.ts";
import { defaultWeight } from "../../src/train/adversarial-options.ts";
import { markdownTable } from "../markdown.ts";
import { fresh, rowNamed } from "./rows.ts";
import type { RowResult, StudyResults } from "./study.ts";
import { trainingNamed, withoutWeight } from "./trainings.ts";

/** A row of the study as a point of a front. */
interface Spot {
  /** What the points of one front share. */
  readonly front: string;
  /** What tells them apart. */
  readonly tag: string;
  readonly results: readonly RowResult[];
}

const RECIPE = "recipe robust";

/** The colours of the fronts of trainings; the recipe has that of its curve. */
const COLORS = [
  "darkorange",
  "seagreen",
  "mediumpurple",
  "crimson",
  "teal",
  "goldenrod",
  "dimgray",
];

/** The rows that are points of a front, in the order of the study, and each with its seeds. */
export function spotsOf({ rows }: StudyResults): Spot[] {
  return [...new Set(rows.map(({ row }) => row))].flatMap((row) => {
    const results = rows.filter((result) => result.row === row);
    const training = trainingNamed(row);
    if (training !== undefined) {
      const { method = "pgd", weight = defaultWeight[method] } = training.options;
      const front = trainingNamed(withoutWeight(row))!.words;
      return [{ front, tag: String(weight), results }];
    }
    const keep = /^keep-(.*)$/.exec(row)?.[1];
    if (keep === undefined && row !== fresh.name) return [];
    return [{ front: RECIPE, tag: keep ?? "as it is", results }];
  });
}

/** Whether a training stands among the rows: without one there is nothing to set beside the recipe. */
export const hasFront = ({ rows }: StudyResults): boolean =>
  rows.some(({ row }) => trainingNamed(row) !== undefined);

const mean = (values: readonly number[]): number =>
  values.reduce((sum, v) => sum + v, 0) / values.length;

/** The mean over the seeds, and the least and the most where there are several. */
function overSeeds(values: readonly (number | null | undefined)[], digits: number): string {
  const known = values.filter((v) => v !== null && v !== undefined);
  if (known.length === 0) return "-";
  const ends = [Math.min(...known), Math.max(...known)].map((v) => v.toFixed(digits));
  const middle = mean(known).toFixed(digits);
  return known.length === 1 ? middle : `${middle} (${ends.join(" to ")})`;
}

const HEADINGS = [
  "front",
  "weight or keep",
  "seeds",
  "clean",
  "FGSM",
  "PGD",
  "AutoAttack",
  "its slice",
];

/** The fronts as a table: means over the seeds. */
export function frontMarkdown(study: StudyResults): string {
  const rows = spotsOf(study).map(({ front, tag, results }) => [
    front,
    tag,
    String(results.length),
    ...(["clean", "fgsm", "pgd"] as const).map((of) =>
      overSeeds(
        results.map((r) => r[of]),
        2,
      ),
    ),
    overSeeds(
      results.map(({ auto }) => auto),
      1,
    ),
    overSeeds(
      results.map(({ autoSlice }) => autoSlice),
      1,
    ),
  ]);
  return markdownTable(HEADINGS, rows);
}

/** The fronts as an SVG document: a line for each seed, up and to the right is better. */
export function frontPlot(study: StudyResults): Promise<string> {
  const spots = spotsOf(study);
  const fronts = [...new Set(spots.map(({ front }) => front))];
  const colorOf = (front: string): string =>
    front === RECIPE
      ? "steelblue"
      : COLORS[fronts.filter((f) => f !== RECIPE).indexOf(front) % COLORS.length];
  const points = spots.flatMap(({ front, tag, results }) =>
    results.map(({ seed, clean, pgd }) => ({
      front,
      tag,
      seed,
      clean,
      pgd,
      line: `${front} ${seed}`,
    })),
  );
  return chartSvg((plot) => ({
    width: 720,
    height: 420,
    marginLeft: 56,
    marginRight: 40,
    x: { label: "right on clean images, % →", grid: true, inset: 12 },
    y: { label: "↑ right under PGD, %", grid: true, inset: 12 },
    marks: fronts.flatMap((front, i) => {
      const own = points
        .filter((point) => point.front === front)
        .toSorted((a, b) => a.clean - b.clean);
      const color = colorOf(front);
      const corner = {
        frameAnchor: "bottom-left",
        dx: 20,
        dy: -8 - 16 * (fronts.length - 1 - i),
      } as const;
      return [
        plot.line(own, { x: "clean", y: "pgd", z: "line", stroke: color, strokeWidth: 1.5 }),
        plot.dot(own, { x: "clean", y: "pgd", r: 3, fill: color }),
        plot.text(own, { x: "clean", y: "pgd", text: "tag", dy: -9, fontSize: 9, fill: color }),
        plot.dot([0], { ...corner, dx: 10, r: 3, fill: color }),
        plot.text([front], { ...corner, fontSize: 11, textAnchor: "start", lineAnchor: "middle" }),
      ];
    }),
  }));
}

/** What a row is called in a table. */
export const wordsOf = (row: string): string => rowNamed(row)?.words ?? row;
