// The page: reads its document, and shows it.
import type { ReportDocument } from "../document.ts";
import { candidateCard } from "./candidate-card.ts";
import { candidateTable } from "./candidate-table.ts";
import { cleanView } from "./clean-view.ts";
import { compareView } from "./compare-view.ts";
import { fill, h, section } from "./dom.ts";
import { liveView } from "./live.ts";
import { parallelView } from "./parallel-view.ts";
import { pointsView } from "./points-view.ts";
import { runView } from "./run-view.ts";
import { createStore, hasBegun, type Store } from "./store.ts";
import { summaryView } from "./summary-view.ts";
import { tradeOffView } from "./trade-off-view.ts";

const block = document.getElementById("document") as HTMLScriptElement;
const report = JSON.parse(block.textContent ?? "") as ReportDocument;
// Of a run that is followed there may be nothing to show yet.
const place = h("div", {}, h("h1", {}, "A run that has not begun"));
const begin = (document: ReportDocument): Store => {
  const store = createStore(document);
  fill(place, ...(hasBegun(document) ? viewsOf(store) : viewsBefore(store)));
  return store;
};
const store = report.runs.length === 0 ? undefined : begin(report);

document.body.append(
  h(
    "main",
    {},
    liveView(report, { store, begin }),
    place,
    h(
      "footer",
      {},
      `Made by Temper ${report.temper}. `,
      report.live === undefined &&
        h("span", { class: "hint" }, "One file: nothing in it asks the network for anything."),
    ),
  ),
);

/** Before the first iteration there is no candidate: the points, and what the run was given. */
function viewsBefore(store: Store): HTMLElement[] {
  return [summaryView(store), pointsView(store), runView(store)];
}

function viewsOf(store: Store): HTMLElement[] {
  return [
    summaryView(store),
    section(
      "trade-off",
      "The trade-off",
      h("div", { class: "beside" }, tradeOffView(store), candidateCard(store)),
      parallelView(store),
      candidateTable(store),
    ),
    cleanView(store),
    pointsView(store),
    compareView(store),
    runView(store),
  ];
}
