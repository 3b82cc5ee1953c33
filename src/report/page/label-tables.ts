// Clean images label by label: what got better, what worse, and which label is taken for which.
import type { CleanChange } from "../../run/clean.ts";
import type { RunDocument, SetDocument } from "../document.ts";
import { bars } from "./bars.ts";
import { scrollBox, tableOf } from "./dom.ts";
import { change, count, counted, share } from "./numbers.ts";
import { wordOf } from "./words.ts";

/** Pairs of labels shown of a data set, the largest differences. */
const PAIRS = 100;

/** Labels with the largest losses first. */
export function byLabel(
  { labels }: RunDocument,
  name: string,
  { labels: all }: CleanChange,
): HTMLElement {
  const most = Math.max(...all.map(({ before, after }) => Math.abs(after - before)));
  const rows = all
    .toSorted((a, b) => a.after - a.before - (b.after - b.before))
    .map(({ label, count: n, before, after, negativeFlips }) => {
      const value = after - before;
      return [
        labels[label],
        count(n),
        share(before),
        share(after),
        bars({ value, range: [-most, most], kind: value < 0 ? "bad" : "good" }),
        change(value),
        count(negativeFlips),
      ];
    });
  return scrollBox(
    `By label, ${name}`,
    tableOf(["label", "images", "before", "after", "percentage points", "", "now wrong"], rows, {
      caption: `Clean accuracy by label, ${name}: the largest losses first`,
      numbers: [1, 2, 3, 5, 6],
    }),
  );
}

/** Pairs of labels by how much more or less often one is taken for the other. */
export function confusions(run: RunDocument, name: string, set: SetDocument): HTMLElement {
  const sorted = set.confusion.toSorted(
    ([, , b0, a0], [, , b1, a1]) => Math.abs(a1 - b1) - Math.abs(a0 - b0) || a1 - a0,
  );
  const most = sorted.length === 0 ? 1 : Math.abs(sorted[0][3] - sorted[0][2]);
  const rows = sorted
    .slice(0, PAIRS)
    .map(([label, answer, before, after]) => [
      `${run.labels[label]} taken for ${wordOf(run, answer)}`,
      `${count(before)} → ${count(after)}`,
      bars({ value: after - before, range: [-most, most], kind: after > before ? "bad" : "good" }),
      `${after > before ? "+" : ""}${count(after - before)}`,
    ]);
  return scrollBox(
    `Confusions, ${name}`,
    tableOf(["label", "before → after", "difference", ""], rows, {
      caption:
        `Wrong answers, ${name}: ${counted(sorted.length, "pair")} of labels, the largest differences first` +
        (sorted.length > PAIRS ? `; the first ${PAIRS}` : ""),
      numbers: [1, 3],
    }),
  );
}
