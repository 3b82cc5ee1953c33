// The page: reads its document, and shows it.
import type { ReportDocument } from "../document.ts";
import { candidateCard } from "./candidate-card.ts";
import { candidateTable } from "./candidate-table.ts";
import { cleanView } from "./clean-view.ts";
import { compareView } from "./compare-view.ts";
import { h, section } from "./dom.ts";
import { parallelView } from "./parallel-view.ts";
import { pointsView } from "./points-view.ts";
import { runView } from "./run-view.ts";
import { createStore } from "./store.ts";
import { summaryView } from "./summary-view.ts";
import { tradeOffView } from "./trade-off-view.ts";

const block = document.getElementById("document") as HTMLScriptElement;
const report = JSON.parse(block.textContent ?? "") as ReportDocument;
const store = createStore(report);

document.body.append(
  h(
    "main",
    {},
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
    h(
      "footer",
      {},
      `Made by Temper ${report.temper}. `,
      h("span", { class: "hint" }, "One file: nothing in it asks the network for anything."),
    ),
  ),
);
