// The study as Markdown: a table, what it was made of, and the plot.
import { markdownTable, paragraph } from "../markdown.ts";
import { settingInWords } from "../work.ts";
import { frontMarkdown, hasFront, wordsOf } from "./front.ts";
import type { Measures } from "./measure.ts";
import { SLICE_FROM } from "./measure.ts";
import type { RowResult, Study } from "./study.ts";

const HEADINGS = [
  "row",
  "seed",
  "clean",
  "FGSM",
  "PGD",
  "AutoAttack",
  "its slice",
  "loss",
  "distance",
  "steps",
  "time",
];

const accuracyCells = ({ clean, fgsm, pgd, auto, autoSlice }: Measures): string[] => [
  ...[clean, fgsm, pgd].map((share) => share.toFixed(2)),
  ...[auto, autoSlice].map((share) => share?.toFixed(1) ?? "-"),
];

const rowCells = (result: RowResult): string[] => [
  wordsOf(result.row),
  String(result.seed),
  ...accuracyCells(result),
  result.loss.toFixed(4),
  result.distance.toFixed(2),
  String(result.steps),
  `${result.seconds.toFixed(0)} s`,
];

/** What every row starts from, in words. */
function recipeInWords({ setting: { recipe } }: Study): string {
  const { sources, groups, share, lossShare, stepCap, margin, lossSlack, iterations, attack } =
    recipe;
  return (
    `Recipe: ${sources} sources an iteration, ${groups} groups, share ${share}, loss share ${lossShare}, ` +
    `step cap ${stepCap}, margin ${margin}, loss slack ${lossSlack}, at most ${iterations} iterations; ` +
    `it and the training attack by ${attack.attack} of ${attack.steps} steps of ${attack.stepSize.toPrecision(3)}.`
  );
}

/** What AutoAttack attacked. */
const autoInWords = (auto: number): string =>
  auto === 0
    ? ""
    : `, AutoAttack on ${auto} of them, drawn by label, and on the slice [${SLICE_FROM}:${SLICE_FROM + auto}]`;

/** The files of the plots. */
export interface Plots {
  readonly curves: string;
  readonly fronts: string;
}

/** The table, what it was made of, and the plots of rows that are drawn. */
export function beyondMarkdown(study: Study, { curves, fronts }: Plots): string {
  const { before, rows, setting } = study;
  const first =
    before === null
      ? []
      : [
          [
            "the network itself",
            "-",
            ...accuracyCells(before),
            before.loss.toFixed(4),
            "0",
            "-",
            "-",
          ],
        ];
  const machines = [...new Set(rows.map(({ machine }) => machine))];
  return [
    markdownTable(HEADINGS, [...first, ...rows.map(rowCells)]),
    "",
    "Accuracies in per cent, loss on the training data, distance ||theta - theta0||, steps: iterations or minibatches.",
    paragraph(`${settingInWords(setting)}${autoInWords(setting.auto)}.`),
    paragraph(recipeInWords(study)),
    `Times on ${machines.join("; ")}.`,
    ...(rows.some(({ curve }) => curve.length > 0)
      ? ["", `![accuracy under attack against seconds](${curves})`]
      : []),
    ...(hasFront(study)
      ? [
          "",
          frontMarkdown(study),
          "",
          "Clean against attacked accuracy: means over the seeds, and the least and the most of them.",
          "",
          `![accuracy under attack against clean accuracy](${fronts})`,
        ]
      : []),
  ].join("\n");
}
