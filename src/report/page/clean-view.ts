// Before and after: what the correction changed on clean images and under attack, and in the weights.
import { wilsonInterval } from "../../attack/interval.ts";
import type { CleanChange } from "../../run/clean.ts";
import type { EvaluationDocument, RunDocument, SetDocument } from "../document.ts";
import { bars } from "./bars.ts";
import { type Child, fill, h, section, tableOf } from "./dom.ts";
import { flipsOf } from "./flips.ts";
import { whenInView } from "./in-view.ts";
import { movedView } from "./moved-view.ts";
import { change, count, counted, share } from "./numbers.ts";
import { runOf, type Store } from "./store.ts";
import { wordOf } from "./words.ts";

/** Pairs of labels shown of a data set, the largest differences. */
const PAIRS = 100;

/** A data set under its name on the page. */
interface Named {
  readonly name: "DATA" | "held out";
  readonly change: CleanChange;
  readonly set: SetDocument | undefined;
}

export function cleanView(store: Store): HTMLElement {
  const answers = h("div", { id: "clean-answers" });
  const details = h("div", { id: "clean-details" });
  const whole = section("before-and-after", "Before and after", answers, details, movedView(store));
  store.watch(["document", "run"], (state) => {
    const run = runOf(state);
    whole.hidden = run.record.clean === undefined;
    const sets = setsOf(run);
    fill(answers, ...accuracies(sets), ...attacked(run.evaluation));
    whenInView(details, () =>
      fill(
        details,
        ...beside("By label", "by-label", sets, (one) => byLabel(run, one)),
        ...beside("Which label is taken for which", "confusions", sets, (one) =>
          confusions(run, one),
        ),
        h("h3", {}, "Right before, wrong now"),
        ...sets.flatMap(({ name, set }) => (set === undefined ? [] : [flipsOf(run, name, set)])),
      ),
    );
  });
  return whole;
}

function setsOf({ record, clean }: RunDocument): Named[] {
  if (record.clean === undefined) return [];
  const { validation } = record.clean;
  return [
    { name: "DATA", change: record.clean, set: clean?.data },
    ...(validation === undefined
      ? []
      : [{ name: "held out", change: validation, set: clean?.validation } as const]),
  ];
}

/** The same of each data set, side by side where there is room. */
function beside(
  title: string,
  id: string,
  sets: readonly Named[],
  of: (one: Named) => Child,
): HTMLElement[] {
  return [
    h("h3", {}, title),
    h(
      "div",
      { class: "columns", id },
      ...sets.map((one) => h("div", { "data-set": one.name }, of(one))),
    ),
  ];
}

function accuracies(sets: readonly Named[]): HTMLElement[] {
  const rows = sets.map(({ name, change: { count: n, before, after, negativeFlips } }) => {
    const gained = Math.round((after - before) * n) + negativeFlips;
    return [
      h("span", {}, name, h("span", { class: "under" }, counted(n, "image"))),
      measured(Math.round(before * n), n),
      measured(Math.round(after * n), n),
      change(after - before),
      count(negativeFlips),
      count(gained),
    ];
  });
  return [
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": "Clean accuracy" },
      tableOf(
        [
          "",
          "before",
          "after",
          "percentage points",
          "right before, wrong now",
          "wrong before, right now",
        ],
        rows,
        {
          caption:
            "Clean accuracy of the model and of corrected.onnx, the choice of the run: " +
            "right images, and the interval that holds the true share at 95 % (Wilson)",
          numbers: [1, 2, 3, 4, 5],
        },
      ),
    ),
  ];
}

/** A share with what it was counted from. */
function measured(right: number, n: number): HTMLElement {
  return h(
    "span",
    {},
    share(right / n),
    h("span", { class: "under" }, `${count(right)} right, ${between(wilsonInterval(right, n))}`),
  );
}

const between = ([low, high]: readonly [number, number]): string =>
  `${share(low)} to ${share(high)}`;

/** Attacked accuracy as `temper evaluate` measured it, every warning beside the number that it weakens. */
function attacked(evaluation: EvaluationDocument | undefined): HTMLElement[] {
  if (evaluation === undefined) {
    return [
      h(
        "p",
        { class: "hint", id: "not-attacked" },
        "What an attack leaves of it is not known here: ",
        h("code", {}, "temper evaluate --json"),
        " measures it, and ",
        h("code", {}, "temper report --evaluation"),
        " adds it.",
      ),
    ];
  }
  const rows = evaluation.models.flatMap(({ path, clean, attacks }) => [
    [path, "none", counted(clean.n, "image"), share(clean.accuracy), between(clean.interval), ""],
    ...attacks.map(({ name, norm, eps, protocol, accuracy, interval, warnings }) => [
      path,
      `${name}, ${norm}, eps ${Number(eps.toPrecision(4))} (${protocol})`,
      counted(clean.n, "image"),
      share(accuracy),
      between(interval),
      warnings.length > 0 && h("ul", { class: "warnings" }, ...warnings.map((w) => h("li", {}, w))),
    ]),
  ]);
  return [
    h(
      "div",
      {
        class: "scroll",
        id: "attacked",
        tabindex: 0,
        role: "region",
        "aria-label": "Under attack",
      },
      tableOf(
        ["model", "attack", "of", "accuracy", "95 % interval", "what weakens the number"],
        rows,
        {
          caption: "Accuracy under attack, as temper evaluate measured it",
          numbers: [3, 4],
        },
      ),
    ),
  ];
}

/** Labels with the largest losses first. */
function byLabel({ labels }: RunDocument, { name, change: { labels: all } }: Named): HTMLElement {
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
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `By label, ${name}` },
    tableOf(["label", "images", "before", "after", "", "percentage points", "now wrong"], rows, {
      caption: `Clean accuracy by label, ${name}: the largest losses first`,
      numbers: [1, 2, 3, 5, 6],
    }),
  );
}

/** Pairs of labels by how much more or less often one is taken for the other. */
function confusions(run: RunDocument, { name, set }: Named): Child {
  if (set === undefined) return undefined;
  const sorted = set.confusion.toSorted(
    ([, , b0, a0], [, , b1, a1]) => Math.abs(a1 - b1) - Math.abs(a0 - b0) || a1 - a0,
  );
  const rows = sorted
    .slice(0, PAIRS)
    .map(([label, answer, before, after]) => [
      `${run.labels[label]} taken for ${wordOf(run, answer)}`,
      `${count(before)} → ${count(after)}`,
      `${after > before ? "+" : ""}${count(after - before)}`,
    ]);
  const left = sorted.length - rows.length;
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `Confusions, ${name}` },
    tableOf(["label", "before → after", "difference"], rows, {
      caption:
        `Wrong answers, ${name}: the largest differences first` +
        (left === 0 ? "" : `; ${count(left)} pairs with smaller ones are left out`),
      numbers: [1, 2],
    }),
  );
}
