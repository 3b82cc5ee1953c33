// The results of npm run bench -- speed as Markdown.

import { markdownTable, paragraph } from "../markdown.ts";
import type { TimesRow } from "../table4.ts";
import type { GrowthRow } from "./growth.ts";
import type { PassRow } from "./passes.ts";
import type { QpRow } from "./qp.ts";
import type { SpeedResults } from "./speed.ts";

const giga = (v: number, digits = 0): string => (v / 1e9).toFixed(digits);
const count = (n: number): string => Math.round(n).toLocaleString("en");
const seconds = (s: number | null): string => (s === null ? "-" : s.toPrecision(3));
const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

const meanOf = (values: readonly number[]): number =>
  values.reduce((a, c) => a + c, 0) / values.length;

const passCells = (row: PassRow, gemm: number): string[] => [
  row.network,
  row.pass,
  count(row.imagesPerSecond),
  (row.flopsPerImage / 1e6).toFixed(2),
  giga(row.flopsPerSecond, 1),
  `${((100 * row.flopsPerSecond) / gemm).toFixed(0)} %`,
];

const qpCells = (row: QpRow): string[] => [
  row.network,
  String(row.points),
  String(row.iteration),
  count(row.rows),
  row.solver,
  seconds(row.seconds),
  seconds(row.rowSeconds),
  row.quality?.objective.toPrecision(8) ?? "-",
  row.quality?.kkt.toExponential(0) ?? "-",
  row.outcome,
];

const runCells = ({ ours, paper }: TimesRow, gemm: number): string[] =>
  ours === null
    ? []
    : [
        paper.network,
        String(paper.points),
        ours.seconds.toFixed(0),
        count(paper.seconds),
        `${(paper.seconds / ours.seconds).toFixed(0)} times`,
        ((ours.seconds * gemm) / 1e12).toFixed(1),
      ];

const growthCells = (row: GrowthRow): string[] => [
  row.network,
  count(row.parameters),
  String(row.points),
  String(row.iterations),
  row.seconds.toFixed(1),
  ...["loss-gradient", "candidates", "cuts", "qp", "gram", "products"].map((stage) =>
    (row.stages[stage] ?? 0).toFixed(1),
  ),
  count(row.gramEntries),
  count(row.rowProducts),
  megabytes(row.bytesOfCuts),
  megabytes(row.bytesOfGram),
];

/** The results, with the whole runs of the paper's tables (`runs`) that were made. */
export function speedMarkdown(results: SpeedResults, runs: readonly TimesRow[]): string {
  const { machine, processes, gemm, passes, qps, growth, versions, seed } = results;
  const rate = meanOf(gemm);
  const made = runs.filter(({ ours }) => ours !== null);
  const images = growth[0]?.images ?? 0;
  const parts = [
    paragraph(
      `${machine}. Float32 matrix products, processes at work together: ${processes}, ` +
        `${gemm.map((v) => giga(v)).join(" and ")} GFLOP/s (before and after the passes). ` +
        `Temper ${versions.temper}, onnxruntime ${versions.onnxruntime}, seed ${seed}.`,
    ),
    "### Passes",
    markdownTable(
      ["network", "pass", "images/s", "MFLOP an image", "GFLOP/s", "of matrix products"],
      passes.map((row) => passCells(row, rate)),
    ),
    "### Subproblems",
    markdownTable(
      [
        "network",
        "Dadv",
        "iteration",
        "rows",
        "solver",
        "s",
        "rows' s",
        "objective",
        "KKT",
        "outcome",
      ],
      qps.map(qpCells),
    ),
    paragraph(
      "s: the solver alone. rows' s: Gram entries and products, of Temper those it asks for, of others all of G. " +
        "Warm: from the iteration before, as in the run. KKT: the largest residual, as a share of the step's length.",
    ),
    ...(made.length === 0
      ? []
      : [
          "### Whole runs",
          markdownTable(
            [
              "network",
              "Dadv",
              "s",
              "the paper's s",
              "the paper's / ours",
              "TFLOP at the machine's rate",
            ],
            made.map((row) => runCells(row, rate)),
          ),
        ]),
    "### Growth",
    markdownTable(
      [
        ...[
          "network",
          "parameters",
          "Dadv",
          "iterations",
          "s",
          "loss gradients",
          "candidates",
          "cuts",
        ],
        ...[
          "QPs",
          "of it Gram",
          "products",
          "Gram entries",
          "row products",
          "MB of cuts",
          "MB of Gram",
        ],
      ],
      growth.map(growthCells),
    ),
    paragraph(
      `The loss is on ${count(images)} images here; loss gradients and candidates grow with them, cuts and QPs do ` +
        "not. MB of Gram: all entries computed.",
    ),
  ];
  return parts.join("\n\n");
}
