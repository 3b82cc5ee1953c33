// What came out, in one row of figures: before and after, with what must be said beside them.
import { judgedBy } from "../judged.ts";
import { notesOf } from "../notes.ts";
import { fill, h } from "./dom.ts";
import { count, measured, share } from "./numbers.ts";
import { atRun, runOf, type State, type Store } from "./store.ts";

export function summaryView(store: Store): HTMLElement {
  const title = h("h1", {});
  const which = h("label", { class: "which" });
  const figures = h("dl", { class: "figures" });
  const notes = h("ul", { class: "notes" });
  store.watch(["document", "run"], (state) => {
    fill(title, titleOf(state));
    fill(which, ...chooser(store, state));
    fill(figures, ...figuresOf(state).map(figure));
    fill(notes, ...notesOf(runOf(state).record, count).map((note) => h("li", {}, note)));
    notes.hidden = notes.childElementCount === 0;
  });
  return h("header", {}, title, which, figures, notes);
}

const titleOf = (state: State): string => {
  const { record, name } = runOf(state);
  const { recipe } = record.options;
  return `${name}: a correction by the recipe ${recipe}${record.end === undefined ? ", not finished" : ""}`;
};

/** Of several runs, the one whose details are shown. */
function chooser(store: Store, { document, run }: State): (Node | string)[] {
  if (document.runs.length < 2) return [];
  const select = h(
    "select",
    {
      onchange: (event) =>
        store.set(atRun(document, Number((event.target as HTMLSelectElement).value))),
    },
    ...document.runs.map(({ name }, i) => h("option", { value: i, selected: i === run }, name)),
  );
  return ["Details of ", select];
}

/** A figure before and after; after alone where nothing stands before. */
interface Figure {
  readonly name: string;
  readonly before?: string;
  readonly after: string;
}

function figuresOf(state: State): Figure[] {
  const { record } = runOf(state);
  const { before, after, clean, distance, options, iterations, pool } = record;
  if (before === undefined || after === undefined || clean === undefined) {
    return [
      { name: "iterations", after: count(iterations.length) },
      { name: "candidates", after: count(pool.length) },
    ];
  }
  const { right: judged } = judgedBy(options);
  const of = (m: typeof after): string => `${count(m.corrected)} of ${count(m.points)}`;
  return [
    { name: judged, before: of(before), after: of(after) },
    {
      name: `training loss (${options.loss})`,
      before: measured(before.loss),
      after: measured(after.loss),
    },
    { name: "clean accuracy on DATA", before: share(clean.before), after: share(clean.after) },
    ...(clean.validation
      ? [
          {
            name: "clean accuracy, held out",
            before: share(clean.validation.before),
            after: share(clean.validation.after),
          },
        ]
      : []),
    {
      name: "were right, now wrong",
      after: `${count(clean.negativeFlips)} of ${count(clean.count)}`,
    },
    { name: "distance from θ₀", after: measured(distance) },
  ];
}

const figure = ({ name, before, after }: Figure): HTMLElement =>
  h(
    "div",
    {},
    h("dt", {}, name),
    h(
      "dd",
      {},
      before === undefined
        ? undefined
        : h(
            "span",
            { class: "before" },
            before,
            h("span", { class: "arrow", "aria-label": "to" }, " → "),
          ),
      after,
    ),
  );
