// What moved in the weights on the way to the candidate that is looked at: by tensor, and by size.
import type { StepDocument } from "../document.ts";
import { binsOf, changesChart } from "../moved.ts";
import { bars } from "./bars.ts";
import { type Child, chartWithTable, fill, h, scrollBox, tableOf } from "./dom.ts";
import { whenInView } from "./in-view.ts";
import { marks, plot } from "./marks.ts";
import { count, number, share } from "./numbers.ts";
import { colors } from "./palette.ts";
import { candidateOf, runOf, type State, type Store } from "./store.ts";
import { nameOf } from "./words.ts";

export function movedView(store: Store): HTMLElement {
  const title = h("h3", {}, "What moved");
  const body = h("div", { class: "columns" });
  const whole = h("div", { id: "moved" }, title, body);
  store.watch(["document", "run", "candidate"], () =>
    whenInView(whole, () => {
      const state = store.state();
      fill(title, `What moved: ${nameOf(state)}`);
      fill(body, ...movedOf(state, body.clientWidth));
    }),
  );
  return whole;
}

function movedOf(state: State, width: number): Child[] {
  const { steps } = runOf(state);
  const { iteration, alpha } = candidateOf(state);
  if (iteration === 0) return [h("p", {}, "Nothing: this is the model itself.")];
  const step = steps.find((one) => one.iteration === iteration);
  if (step === undefined) return [h("p", {}, "Not known yet.")];
  return [layers(state, step, alpha), changes(step, alpha, width)];
}

/** ||theta - theta0|| of each tensor: along the line it grows with alpha. */
function layers(state: State, { norms }: StepDocument, alpha: number): HTMLElement {
  const range = [0, Math.max(...norms)] as const;
  const rows = runOf(state).layers.map(({ name, shape }, i) => [
    h("span", {}, name, h("span", { class: "under" }, shape.join(" × "))),
    bars({ value: norms[i], range, kind: "candidate" }),
    number(alpha * norms[i]),
  ]);
  return scrollBox(
    "Distance by layer",
    tableOf(["layer", "distance", ""], rows, {
      caption: "Distance from θ₀ by layer, the Euclidean norm",
      numbers: [2],
    }),
  );
}

/** How many weights changed by how much. */
function changes(step: StepDocument, alpha: number, width: number): HTMLElement {
  const { moved, weights } = step;
  const bins = binsOf(step, alpha);
  const chart = plot(
    changesChart(marks, bins, {
      width: width > 700 ? width / 2 - 16 : Math.max(300, width), // one column of two, or the only one
      colors,
    }),
  );
  chart.setAttribute("aria-hidden", "true"); // the table under it says the same
  return h(
    "div",
    { class: "changes" },
    h(
      "p",
      { class: "moved-share" },
      `${count(moved)} of ${count(weights)} weights moved (${share(moved / weights)}). By how much:`,
    ),
    chartWithTable(
      chart,
      tableOf(
        ["from", "to", "weights"],
        bins.map(({ x1, x2, weights: n }) => [number(x1), number(x2), count(n)]),
        { caption: "How many weights changed by how much", numbers: [0, 1, 2] },
      ),
    ),
  );
}
