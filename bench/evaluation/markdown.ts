// Networks under attack as Markdown: a row for each network, a column for each attack, and what weakens which number.
import type { Share } from "../../src/index.ts";
import { markdownTable } from "../markdown.ts";
import { settingInWords } from "../work.ts";
import type { EvaluationRow, NamedAttack } from "./evaluation.ts";

const percent = (share: number): string => (100 * share).toFixed(1);

const cell = ({ accuracy, interval: [low, high] }: Share): string =>
  `${percent(accuracy)} (${percent(low)}-${percent(high)})`;

/** The names of warnings, which stand in brackets at their ends. */
const names = (warnings: readonly string[]): string[] =>
  warnings.flatMap((text) => /\[([\w-]+)\]$/.exec(text)?.[1] ?? []);

function noteCells(rows: readonly EvaluationRow[], attacks: readonly NamedAttack[]): string[][] {
  const beside = new Map<string, string[]>();
  for (const { name, evaluation } of rows) {
    const results = [evaluation.clean, ...evaluation.attacks];
    for (const [k, { warnings }] of results.entries()) {
      const column = k === 0 ? "clean" : attacks[k - 1].name;
      for (const warning of names(warnings)) {
        beside.set(warning, [...(beside.get(warning) ?? []), `${name}: ${column}`]);
      }
    }
  }
  return [...beside].map(([warning, where]) => [`\`${warning}\``, where.join("; ")]);
}

/** Accuracies in per cent with their 95 % intervals; "worst" counts the attacks that keep pixels in range. */
export function evaluationMarkdown(
  rows: readonly EvaluationRow[],
  attacks: readonly NamedAttack[],
): string {
  const headings = ["network", "clean", ...attacks.map(({ name }) => name), "worst"];
  const notes = noteCells(rows, attacks);
  const [{ setting, evaluation: first }] = rows;
  return [
    markdownTable(
      headings,
      rows.map(({ name, evaluation: { clean, attacks: results, worst } }) => {
        const inRange = worst.find(({ clip }) => clip !== null);
        const cells = [clean, ...results].map(cell);
        return [name, ...cells, inRange === undefined ? "-" : cell(inRange)];
      }),
    ),
    "",
    "Accuracy in per cent and its 95 % interval; worst: of all attacks that keep pixels in range.",
    `${settingInWords(setting)}.`,
    "",
    markdownTable(
      ["attack", "protocol"],
      first.attacks.map(({ statement }, k) => [attacks[k].name, statement]),
    ),
    ...(notes.length === 0 ? [] : ["", markdownTable(["warning", "beside"], notes)]),
  ].join("\n");
}
