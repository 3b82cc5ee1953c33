// The summary of a run for a pull request: Markdown of at most twenty lines, the figures before and after.
import type { CleanChange } from "../run/clean.ts";
import { idOf } from "./axes.ts";
import { evaluatedOf } from "./evaluated.ts";
import { judgedBy } from "./judged.ts";
import { notesOf } from "./notes.ts";
import { repeatCall } from "./repeat.ts";
import type { FinishedRun, Judged } from "./require.ts";

/** Lines of a summary, at most. */
export const LINES = 20;
/** Attacks that have a row, those that leave the least first. */
const ATTACKS = 3;
/** Labels that are named: those with the most images that were right and are now wrong. */
const LABELS = 3;

/** A figure; the one before is "" where there is none. */
type Figure = readonly [name: string, before: string, after: string];

/** Of one run a table before and after, of several a row each. */
export const summaryOf = (runs: readonly FinishedRun[], judged: readonly Judged[]): string =>
  `${(runs.length === 1 ? ofOne(runs[0], judged) : ofSeveral(runs, judged)).join("\n")}\n`;

function ofOne(run: FinishedRun, judged: readonly Judged[]): string[] {
  const { record, name } = run;
  const { pool, choice, options, clean } = record;
  const held = clean.validation;
  const front = pool.filter((c) => c.front).length;
  const lines = [
    `### ${code(name)}: corrected by the recipe ${options.recipe}`,
    "",
    ...tableOf(["", "before", "after"], figuresOf(run)),
    "",
    `- Right before, wrong now: DATA ${flipsInWords(run, clean)}` +
      (held === undefined ? "" : `; held out ${flipsInWords(run, held)}`),
    `- Chosen: candidate ${idOf(pool[choice])} of ${pool.length}, ${front} on the efficient front` +
      ` (weight ${options.weight})`,
    ...required(judged, false),
    `- Again: ${code(repeatCall(run))}`,
  ];
  return [...lines, ...fitting(notesIn(run), LINES - lines.length)];
}

function ofSeveral(runs: readonly FinishedRun[], judged: readonly Judged[]): string[] {
  const figures = runs.map((run) => new Map(figuresOf(run).map((one) => [one[0], one])));
  const names = [...new Set(figures.flatMap((of) => [...of.keys()]))];
  const cell = ([, before, after]: Figure): string =>
    before === "" ? after : `${before} → ${after}`;
  const rows = runs.map((run, i) => [
    code(run.name),
    ...names.map((name) => {
      const figure = figures[i].get(name);
      return figure === undefined ? "–" : cell(figure);
    }),
  ]);
  const notes = runs.flatMap((run) => notesIn(run).map((note) => `${code(run.name)}: ${note}`));
  const around = [`### ${runs.length} corrections`, "", "", ...required(judged, true)];
  const most = LINES - around.length - 2 - Math.min(1, notes.length);
  const shown = rows.length > most ? rows.slice(0, most - 1) : rows;
  const left = rows.length - shown.length;
  const lines = [
    ...around.slice(0, 2),
    ...tableOf(["run", ...names], shown),
    ...around.slice(2),
    ...(left === 0 ? [] : [`- ${left} more runs are in the report.`]),
  ];
  return [...lines, ...fitting(notes, LINES - lines.length)];
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

function figuresOf(run: FinishedRun): Figure[] {
  const { before, after, clean, distance, options } = run.record;
  const { right: judged } = judgedBy(options);
  const of = ({ corrected, points }: typeof after): string => `${corrected} of ${points}`;
  const accuracy = (where: string, of: CleanChange): Figure => [
    `clean accuracy ${where}`,
    percent(of.before),
    percent(of.after),
  ];
  return [
    [judged, of(before), of(after)],
    [`training loss (${options.loss})`, before.loss.toPrecision(4), after.loss.toPrecision(4)],
    accuracy("on DATA", clean),
    ...(clean.validation === undefined ? [] : [accuracy("held out", clean.validation)]),
    ...attacksOf(run),
    ["distance from θ₀", "0", distance.toPrecision(4)],
  ];
}

/** The attacks of the evaluation that left the least, with their 95 % intervals. */
function attacksOf(run: FinishedRun): Figure[] {
  const { before, after } = evaluatedOf(run);
  type Attack = NonNullable<typeof after>["attacks"][number];
  const cell = (of: Attack | undefined): string => {
    if (of === undefined) return "";
    const [low, high] = of.interval.map((share) => (100 * share).toFixed(1));
    return `${percent(of.accuracy)} (${low}–${high})`;
  };
  return (after?.attacks ?? [])
    .map((attack, k) => ({ attack, start: before?.attacks[k] }))
    .toSorted((a, b) => a.attack.accuracy - b.attack.accuracy)
    .slice(0, ATTACKS)
    .map(({ attack, start }) => [
      plain(`under ${attack.name}, ${attack.norm} ${attack.eps}`),
      cell(start),
      cell(attack),
    ]);
}

/** Images that were right and are now wrong, and of which labels they are most. */
function flipsInWords(
  { record }: FinishedRun,
  { negativeFlips, count, labels }: CleanChange,
): string {
  const most = labels
    .filter((of) => of.negativeFlips > 0)
    .toSorted((a, b) => b.negativeFlips - a.negativeFlips);
  const named = most.slice(0, LABELS).map(({ label, negativeFlips: flips }) => {
    const word = record.inputs.data.classes?.[label] ?? String(label);
    return `${code(word)}: ${flips}`;
  });
  if (most.length > LABELS) named.push("…");
  return `${negativeFlips} of ${count} images${named.length === 0 ? "" : ` (label ${named.join(", ")})`}`;
}

/** What is to be known of the run, and of its evaluation. */
function notesIn(run: FinishedRun): string[] {
  const { after } = evaluatedOf(run);
  const attacks = after?.attacks ?? [];
  const weakened = attacks.flatMap(({ name, warnings }) => warnings.map((w) => `${name}: ${w}`));
  return [
    ...notesOf(run.record),
    ...(run.evaluation !== undefined && after === undefined
      ? ["the evaluation has no corrected.onnx of this run"]
      : []),
    ...new Set(weakened),
    ...(attacks.length > ATTACKS ? [`${attacks.length - ATTACKS} more attacks were measured`] : []),
  ].map(plain);
}

/** One line on what was required. */
function required(judged: readonly Judged[], named: boolean): string[] {
  if (judged.length === 0) return [];
  const words = judged.map(({ run, text, met, said }) => {
    const of = named ? ` by ${code(run)}` : "";
    return met ? `${code(text)} met${of} (${said})` : `**${code(text)} not met${of} (${said})**`;
  });
  return [`- Required: ${words.join("; ")}`];
}

/** As many notes as there is room for; the last line says how many more there are. */
function fitting(notes: readonly string[], room: number): string[] {
  const items = notes.map((note) => `- Note: ${note}`);
  if (items.length <= room) return items;
  const shown = items.slice(0, Math.max(0, room - 1));
  return room < 1 ? [] : [...shown, `- ${items.length - shown.length} notes more: see the report.`];
}

function tableOf(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replace(/(?<!\\)\|/g, "\\|")).join(" | ")} |`;
  return [line(headings), line(headings.map(() => "---")), ...rows.map(line)];
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ");

/** Words of others stand in code, where they mark nothing up; its fence is longer than any in them. */
function code(text: string): string {
  const inside = [...text.matchAll(/`+/g)].map(([ticks]) => ticks.length);
  const fence = "`".repeat(1 + Math.max(0, ...inside));
  const space = inside.length > 0 ? " " : "";
  return `${fence}${space}${oneLine(text)}${space}${fence}`;
}

/** A sentence in which a name of the model may stand. */
const plain = (text: string): string => oneLine(text).replace(/[\\`*_{}[\]<>#|!~]/g, "\\$&");
