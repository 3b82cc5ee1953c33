// Before and after: what the correction changed on clean images and under attack, and in the weights.
import { wilsonInterval } from "../../attack/interval.ts";
import type { CleanChange } from "../../run/clean.ts";
import { accuraciesOf, accuracyChart } from "../accuracy.ts";
import type { EvaluationDocument, RunDocument, SetDocument } from "../document.ts";
import { chartWidth, fill, h, scrollBox, section, tableOf } from "./dom.ts";
import { flipsOf } from "./flips.ts";
import { whenInView } from "./in-view.ts";
import { byLabel, confusions } from "./label-tables.ts";
import { marks, plot } from "./marks.ts";
import { movedView } from "./moved-view.ts";
import { change, count, counted, share } from "./numbers.ts";
import { colors } from "./palette.ts";
import { runOf, type Store } from "./store.ts";

/** A data set under its name on the page. */
interface Named {
  readonly name: "DATA" | "held out";
  readonly change: CleanChange;
  readonly set: SetDocument | undefined;
}

export function cleanView(store: Store): HTMLElement {
  const answers = h("div", { id: "clean-answers" });
  const byLabels = h("div", { id: "clean-labels" });
  const flips = h("div", { id: "flips" });
  const whole = section(
    "before-and-after",
    "Before and after",
    ...[answers, byLabels, movedView(store), flips],
  );
  store.watch(["document", "run"], (state) => {
    const run = runOf(state);
    whole.hidden = run.record.clean === undefined;
    const sets = setsOf(run);
    fill(answers, accuracyView(run), ...accuracies(sets), ...attacked(run.evaluation));
    whenInView(byLabels, () => fill(byLabels, ...labelTables(run, sets)));
    whenInView(flips, () =>
      fill(
        flips,
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

/** The tables of each data set, side by side where there is room. */
function labelTables(run: RunDocument, sets: readonly Named[]): HTMLElement[] {
  const beside = (kind: string, tables: readonly HTMLElement[]): HTMLElement =>
    h("div", { class: `columns ${kind}` }, ...tables);
  return [
    h("h3", {}, "By label"),
    beside(
      "by-label",
      sets.map(({ name, change }) => byLabel(run, name, change)),
    ),
    h("h3", {}, "Which label is taken for which"),
    beside(
      "confusions",
      sets.flatMap(({ name, set }) => (set === undefined ? [] : [confusions(run, name, set)])),
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
    scrollBox(
      "Clean accuracy",
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

/** Before and after in one picture; the tables under it say the same. */
function accuracyView(run: RunDocument): HTMLElement {
  const rows = accuraciesOf(run);
  const chart =
    rows.length > 0 &&
    plot(accuracyChart(marks, rows, { width: chartWidth(560), colors, legend: false }));
  if (chart) chart.setAttribute("aria-hidden", "true");
  const entry = (mark: string, text: string) =>
    h("li", {}, h("span", { class: `mark ${mark}`, "aria-hidden": "true" }), text);
  return h(
    "div",
    { class: "chart" },
    chart,
    h(
      "ul",
      { class: "key" },
      entry("theta0", "before"),
      entry("front", "after"),
      h("li", { class: "hint" }, "with their 95 % intervals"),
    ),
  );
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
    [path, "none", counted(clean.n, "image"), share(clean.accuracy), between(clean.interval)],
    ...attacks.map(({ name, norm, eps, protocol, accuracy, interval, warnings }) => [
      path,
      `${name}, ${norm}, eps ${Number(eps.toPrecision(4))} (${protocol})`,
      counted(clean.n, "image"),
      share(accuracy),
      h(
        "span",
        {},
        between(interval),
        warnings.length > 0 &&
          h("ul", { class: "warnings" }, ...warnings.map((text) => h("li", {}, text))),
      ),
    ]),
  ]);
  return [
    scrollBox(
      "Under attack",
      tableOf(["model", "attack", "of", "accuracy", "95 % interval"], rows, {
        caption: "Accuracy under attack, as temper evaluate measured it",
        numbers: [3],
      }),
    ),
  ];
}
