// The run itself: what every iteration brought, where the time went, and all that is needed to repeat it.
import type { Timings } from "../../run/record.ts";
import type { RunDocument } from "../document.ts";
import { type Series, seriesChart, seriesOf } from "../series.ts";
import { stageTimes, timeChart } from "../time.ts";
import { chartWidth, chartWithTable, commandBox, fill, h, section, tableOf } from "./dom.ts";
import { marks, plot } from "./marks.ts";
import { count, number, seconds, share } from "./numbers.ts";
import { colors } from "./palette.ts";
import { runOf, type Store } from "./store.ts";

export function runView(store: Store): HTMLElement {
  const charts = h("div", { class: "columns" });
  const time = h("div", {});
  const facts = h("div", { class: "columns" });
  store.watch(["document", "run"], (state) => {
    const run = runOf(state);
    fill(charts, ...seriesOf(run).map(seriesView));
    fill(time, run.timings === undefined ? undefined : timeView(run.timings));
    fill(facts, ...factsOf(run));
  });
  return section("run", "The run", charts, time, facts);
}

/** A chart of a quantity by iteration. */
function seriesView(series: Series): HTMLElement {
  const { title, first, lines } = series;
  const chart = plot(seriesChart(marks, series, { width: chartWidth(460), colors }));
  chart.setAttribute("aria-hidden", "true");
  const rows = lines[0].values.map((_, i) => [
    count(i + first),
    ...lines.map(({ values }) => number(values[i])),
  ]);
  const table = tableOf(["iteration", ...lines.map(({ name }) => name)], rows, {
    caption: title,
    numbers: [0, 1, 2],
  });
  return h("figure", {}, h("figcaption", {}, title), chartWithTable(chart, table));
}

function timeView(timings: Timings): HTMLElement {
  const { seconds: whole, processes, machine } = timings;
  const times = stageTimes(timings);
  const chart = plot(
    timeChart(marks, times, {
      width: chartWidth(560),
      colors: { ...colors, bound: "var(--line)" },
    }),
  );
  chart.setAttribute("aria-hidden", "true");
  const table = tableOf(
    ["stage", "time", "share"],
    times.map(({ words, value }) => [words, seconds(value), share(value / whole)]),
    { caption: "Time by stage", numbers: [1, 2] },
  );
  return h(
    "figure",
    {},
    h(
      "figcaption",
      {},
      `Where ${seconds(whole)} went, ${machine}, worker processes: ${count(processes)}`,
    ),
    chartWithTable(chart, table),
  );
}

/** Options, inputs and versions, and the call that repeats the run. */
function factsOf(run: RunDocument): HTMLElement[] {
  const { record, timings, changed, repeat } = run;
  const { versions, inputs, options, end } = record;
  const command = commandBox();
  command.show(repeat);
  const hash = (sha256: string): HTMLElement => h("code", { title: sha256 }, sha256.slice(0, 16));
  const sets = (
    [
      ["DATA", inputs.data],
      ["points", inputs.points],
      ["sources", inputs.sources],
      ["held out", inputs.validation],
    ] as const
  ).flatMap(([name, set]) =>
    set === undefined ? [] : [[name, count(set.count), hash(set.sha256)]],
  );
  const paths = Object.entries(timings?.paths ?? {}).map(([name, path]) => [name, path]);
  return [
    h(
      "div",
      {},
      tableOf(
        ["option", "value", "default"],
        changed.map(([word, value, usual]) => [`--${word}`, value, usual ?? "–"]),
        { caption: "Options that were chosen, or are not the defaults" },
      ),
      // Its options are read from its folder, once it is finished.
      end !== undefined && h("p", {}, "The same run again:"),
      end !== undefined && command.element,
    ),
    h(
      "div",
      {},
      tableOf(
        ["input", "images", "SHA-256 begins"],
        [
          ["model", `${count(inputs.model.parameters)} weights`, hash(inputs.model.sha256)],
          ...sets,
        ],
        { caption: "What went in", numbers: [1] },
      ),
      ...(paths.length === 0 ? [] : [tableOf(["", "path"], paths, { caption: "Where it lay" })]),
      h(
        "p",
        { class: "hint" },
        `Temper ${versions.temper}, onnxruntime ${versions.onnxruntime}, seed ${options.seed}`,
        timings && `, ${end ? "ended" : "written"} ${new Date(timings.date).toLocaleString()}`,
        end === undefined ? "" : `, because: ${end.replaceAll("-", " ")}`,
      ),
    ),
  ];
}
