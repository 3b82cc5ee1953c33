// A correction in words: why it ended, what contradicted what, and the table of before and after.
import type { Contradiction } from "../correct/elastic.ts";
import { asQuotient } from "../options/kinds.ts";
import type { ProvenImages } from "../run/certificate.ts";
import type { CleanChange } from "../run/clean.ts";
import type { RobustRun, Run } from "../run/run.ts";
import { measuredHeadings, measuredRow } from "./candidates.ts";
import type { Context } from "./context.ts";
import { percent, table } from "./table.ts";

function endInWords(run: Run): string | undefined {
  if (run.recipe === "robust") return robustEndInWords(run);
  const last = run.record.iterations.at(-1);
  const { end } = run.record;
  switch (end) {
    case "iterations":
      return undefined;
    case "corrected-already":
      return "no point to correct: the model already gets all of them right; it is unchanged";
    case "repeated-anchor":
      return `ended in iteration ${last?.iteration}: its parameters repeat those of iteration ${last?.anchor?.repeats}`;
    case "not-finite":
      return notFinite(last?.iteration);
    case "contradiction":
      return `ended in iteration ${last?.iteration}: no parameters near the model's own meet its cuts`;
  }
}

function robustEndInWords({ record }: RobustRun): string | undefined {
  const { end, iterations, options } = record;
  const last = iterations.at(-1)?.iteration ?? 0;
  switch (end) {
    case "iterations":
      return undefined;
    case "front-settled":
      return `ended after iteration ${last}: the front has not moved for long (--patience)`;
    case "time-limit":
      return `ended after iteration ${last}: its time limit, ${options.timeLimit} s`;
    case "not-finite":
      return notFinite(last);
  }
}

const notFinite = (iteration: number | undefined): string =>
  `ended after iteration ${iteration}: its loss or gradients are not finite`;

export const conflictInWords = ({
  iteration,
  rows,
  points,
  loss,
  penalty,
}: Contradiction): string =>
  `iteration ${iteration}: its ${rows} cuts contradict each other ` +
  `(points ${points.join(", ")}${loss ? ", the loss" : ""})` +
  (penalty === null ? "" : `; from here on they are elastic, at ${penalty.toPrecision(3)} a unit`);

/** A run is a success when it lowers the violation, or had nothing to do. */
export const succeeded = ({ before, after }: Run): boolean =>
  before.violation === 0 || after.violation < before.violation;

/** Clean images before and after, and how many of each label were right and are now wrong. */
function cleanInWords(name: string, { count, before, after, ...flips }: CleanChange): string {
  const fallen = flips.labels.filter(({ negativeFlips }) => negativeFlips > 0);
  const most = fallen.toSorted((a, b) => b.negativeFlips - a.negativeFlips).slice(0, SHOWN);
  const shown = most.map(({ label, negativeFlips }) => `${label}: ${negativeFlips}`);
  const rest = fallen.length > SHOWN ? ", ..." : "";
  const byLabel = fallen.length === 0 ? "" : ` (by label ${shown.join(", ")}${rest})`;
  return (
    `${name}: clean accuracy ${percent(before)} before, ${percent(after)} after; ` +
    `${flips.negativeFlips} of ${count} images were right and are now wrong${byLabel}`
  );
}

/** So many labels are listed, those with the most such images. */
const SHOWN = 10;

function proofInWords({ proof }: Run["record"]): string | undefined {
  if (proof === undefined) return undefined;
  const { proven, fullStep, residual, shortfall } = proof;
  if (proven) {
    return "proven: no nearer parameters get every point right by the margin without raising the loss";
  }
  if (!fullStep)
    return "not proven to be the nearest: the choice is a point on the way to a solution";
  const by = shortfall.toPrecision(2);
  return `not proven to be the nearest: KKT residual ${residual}, right answers below rival + margin by ${by}`;
}

/** What the bounds of the saved file prove; undefined where nobody asked. */
function certificateInWords({ certificate }: Run["record"]): string | undefined {
  if (certificate === undefined) return undefined;
  const { method, eps, epsSpace, clip, points, judging, validation } = certificate;
  const of = ({ images, proven }: ProvenImages): string =>
    `${percent(proven / images)} (${proven} of ${images})`;
  const range = clip === null ? "" : `, pixels in [${clip}]`;
  const ball = `l-infinity ${asQuotient(eps) ?? eps} in ${epsSpace} units${range}`;
  if (points !== undefined) {
    const { images, proven } = points;
    const open = proven < images ? `; ${images - proven} NOT proven` : "";
    return `${proven} of ${images} balls proven${open} (${ball}), by bounds of the saved file (${method})`;
  }
  const held = validation === undefined ? "" : `, of held-out images ${of(validation)}`;
  return (
    `proven right in the whole ball (${ball}), ` +
    `by bounds of the saved file (${method}): of the judging images ${of(judging!)}${held}`
  );
}

export function printRun(run: Run, folder: string, context: Context): void {
  const { record, before, after, front, timings } = run;
  const note = endInWords(run);
  if (note !== undefined) context.print(note);
  const rows = [measuredRow("before", before), measuredRow("after", after)];
  context.print(table(measuredHeadings(record.options), rows));
  const { clean } = record;
  context.print(cleanInWords("data", clean));
  if (clean.validation !== undefined) context.print(cleanInWords("held-out", clean.validation));
  for (const said of [proofInWords(record), certificateInWords(record)]) {
    if (said !== undefined) context.print(said);
  }
  if (record.wrong.length > 0) {
    const said = record.certificate?.points === undefined ? "still wrong" : "not proven";
    context.print(`${said}: point ${record.wrong.join(", ")}`);
  }
  context.print(
    `${front.length} of ${record.pool.length} candidates on the efficient front; ` +
      `"temper select ${folder} --weight 0.2" chooses again`,
  );
  context.print(
    `distance ${record.distance.toPrecision(4)}, ${timings.seconds.toFixed(1)} s, written to ${folder}`,
  );
}
