// The selected candidates as a table: the front first, thousands of rows made only as they come into view.
import { type Axis, axesOf, idOf } from "../axes.ts";
import { csvOf } from "../csv.ts";
import { fill, h } from "./dom.ts";
import { count, onAxis } from "./numbers.ts";
import { runOf, type State, type Store, selectedIn } from "./store.ts";

/** Pixels of a row and of those in view at most, as the style sheet has them, and rows made beyond those in view. */
const ROW = 30;
const VIEW = 330;
const BEYOND = 10;

export function candidateTable(store: Store): HTMLElement {
  const head = h("div", { class: "row head", role: "row" });
  const rows = h("div", { class: "rows", role: "rowgroup" });
  const view = h(
    "div",
    { class: "view", tabindex: 0, role: "table", "aria-label": "Candidates" },
    h("div", { role: "rowgroup" }, head),
    rows,
  );
  const summary = h("p", { "aria-live": "polite" });
  const rest = h("p", { class: "hint on-paper" });
  const download = h("button", { type: "button" }, "Download as CSV");
  let selected: readonly number[] = [];
  let made: ReadonlyMap<number, HTMLElement> = new Map();

  const rowOf = (state: State, i: number, axes: readonly Axis[]): HTMLElement => {
    const run = runOf(state);
    const candidate = run.record.pool[i];
    const name = candidate.iteration === 0 ? "θ₀" : idOf(candidate);
    return h(
      "div",
      {
        class: `row${candidate.front ? " front" : ""}`,
        role: "row",
        "aria-selected": String(i === state.candidate),
      },
      h(
        "span",
        { role: "cell" },
        h(
          "button",
          {
            type: "button",
            class: "pick",
            "data-index": i,
            onclick: () => store.set({ candidate: i, weight: undefined }),
          },
          name,
        ),
      ),
      ...axes.map((axis) =>
        h("span", { role: "cell", class: "number" }, onAxis(axis, axis.of(candidate))),
      ),
    );
  };
  const draw = (state: State): void => {
    const first = Math.max(0, Math.floor(view.scrollTop / ROW) - BEYOND);
    const visible = Math.ceil(VIEW / ROW) + 2 * BEYOND;
    rows.style.setProperty("--height", `${selected.length * ROW}px`);
    view.setAttribute("aria-rowcount", String(selected.length + 1));
    const left = selected.length - first - visible;
    fill(rest, left > 0 && `${count(left)} more are on the page itself, and in its CSV.`);
    const axes = axesOf(runOf(state));
    const before = made;
    made = new Map(
      selected.slice(first, first + visible).map((i, at) => {
        const row = before.get(i) ?? rowOf(state, i, axes);
        row.style.top = `${(first + at) * ROW}px`;
        row.setAttribute("aria-rowindex", String(first + at + 2));
        return [i, row];
      }),
    );
    // A row that stays is not taken out: a click that scrolls as it begins would be lost with the button under it.
    for (const [i, row] of before) if (!made.has(i)) row.remove();
    for (const [at, row] of [...made.values()].entries()) {
      if (rows.children[at] !== row) rows.insertBefore(row, rows.children[at] ?? null);
    }
  };
  store.watch(["document", "run", "shown", "ranges"], (state) => {
    const run = runOf(state);
    const { pool } = run.record;
    selected = selectedIn(state).toSorted(
      (a, b) =>
        Number(pool[b].front) - Number(pool[a].front) ||
        (pool[a].violation ?? Infinity) - (pool[b].violation ?? Infinity),
    );
    const front = selected.filter((i) => pool[i].front).length;
    fill(
      head,
      h("span", { role: "columnheader" }, "candidate"),
      ...axesOf(run).map(({ label }) =>
        h("span", { role: "columnheader", class: "number" }, label),
      ),
    );
    fill(
      summary,
      `${count(selected.length)} of ${count(pool.length)} candidates, ${count(front)} of them on the front`,
    );
    const focused = document.activeElement;
    const held = rows.contains(focused) ? (focused as HTMLElement).dataset.index : undefined;
    fill(rows);
    made = new Map();
    draw(state);
    if (held === undefined) return;
    rows.querySelector<HTMLElement>(`[data-index="${held}"]`)?.focus({ preventScroll: true });
  });
  // The slider moves often: the rows stay, and only say which of them is looked at.
  store.watch(["candidate"], ({ candidate }) => {
    for (const row of rows.children) {
      row.setAttribute(
        "aria-selected",
        String(row.querySelector(`[data-index="${candidate}"]`) !== null),
      );
    }
  });
  view.addEventListener("scroll", () => draw(store.state()));
  download.addEventListener("click", () => {
    const state = store.state();
    const text = csvOf(
      runOf(state),
      selected.map((i) => runOf(state).record.pool[i]),
    );
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    h("a", { href: url, download: "candidates.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });
  return h(
    "details",
    { class: "candidates", open: true },
    h("summary", {}, "The candidates as a table"),
    h("div", { class: "controls" }, summary, h("span", { class: "spring" }), download),
    view,
    rest,
  );
}
