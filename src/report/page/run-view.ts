// The run itself: what every iteration brought, where the time went, and all that is needed to repeat it.
import type { CentreRecord, IterationRecord } from "../../correct/records.ts";
import type { Timings } from "../../run/record.ts";
import type { RunDocument } from "../document.ts";
import { chartWithTable, copyButton, fill, h, section, tableOf } from "./dom.ts";
import { marks, plot } from "./marks.ts";
import { count, number, seconds, share } from "./numbers.ts";
import { runOf, type Store } from "./store.ts";

export function runView(store: Store): HTMLElement {
  const charts = h("div", { class: "columns" });
  const time = h("div", {});
  const facts = h("div", { class: "columns" });
  store.watch(["document", "run"], (state) => {
    const run = runOf(state);
    const series = seriesOf(run);
    const { iterations } = run.record;
    fill(charts, ...(iterations.length === 0 ? [] : series.map(seriesChart)));
    fill(time, run.timings === undefined ? undefined : timeChart(run.timings));
    fill(facts, ...factsOf(run));
  });
  return section("run", "The run", charts, time, facts);
}

/** A quantity by iteration; a gap where it is not known. */
interface Series {
  readonly title: string;
  readonly lines: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
}

function seriesOf({ record }: RunDocument): readonly Series[] {
  const { options, pool, iterations } = record;
  const [theta0] = pool;
  if (options.recipe === "robust") {
    const all = iterations as readonly CentreRecord[];
    const of = (get: (it: CentreRecord) => number | null) => all.map(get);
    return [
      {
        title: "attacked images that are wrong, %",
        lines: [{ name: "wrong", values: of((it) => (100 * it.wrong) / it.points) }],
      },
      {
        title: "loss of the images drawn",
        lines: [
          { name: "present", values: of((it) => it.sampledLoss) },
          { name: "θ₀", values: of((it) => it.sampledLossAtStart) },
        ],
      },
      { title: "distance from θ₀", lines: [{ name: "distance", values: of((it) => it.distance) }] },
      cutsOf(all, []),
    ];
  }
  const all = iterations as readonly IterationRecord[];
  const of = (start: number | null, get: (it: IterationRecord) => number | null) => [
    start,
    ...all.map(get),
  ];
  const anchor = { title: "violation at θ_k", start: theta0.violation };
  return [
    {
      title: anchor.title,
      lines: [
        { name: "violation", values: of(anchor.start, (it) => it.anchor?.violation ?? null) },
      ],
    },
    {
      title: "training loss at θ_k",
      lines: [{ name: "loss", values: of(theta0.loss, (it) => it.anchor?.loss ?? null) }],
    },
    {
      title: "distance of θ_k from θ₀",
      lines: [{ name: "distance", values: of(0, (it) => it.distance) }],
    },
    cutsOf(all, [null]),
  ];
}

const cutsOf = (
  iterations: readonly { readonly rows: number; readonly active: number }[],
  before: readonly null[],
): Series => ({
  title: "cuts in the subproblem (13)",
  lines: [
    { name: "cuts", values: [...before, ...iterations.map(({ rows }) => rows)] },
    { name: "active", values: [...before, ...iterations.map(({ active }) => active)] },
  ],
});

/** A line chart; the first line is drawn full, a second one quiet. */
function seriesChart({ title, lines }: Series): HTMLElement {
  const first = lines[0].values.length > 0 && title.startsWith("attacked") ? 1 : 0;
  const spots = lines.map(({ name, values }, at) => ({
    name,
    stroke: at === 0 ? "var(--front)" : "var(--candidate)",
    data: values.map((y, i) => ({ x: i + first, y })),
  }));
  const chart = plot({
    width: 460,
    height: 180,
    marginLeft: 52,
    x: {
      label: "iteration",
      ticks: 6,
      tickFormat: (d: number) => (Number.isInteger(d) ? String(d) : ""),
    },
    y: { label: null, grid: true, nice: true, zero: true, ticks: 4 },
    marks: spots.flatMap(({ data, stroke, name }) => [
      marks.line(data, { x: "x", y: "y", stroke, strokeWidth: 1.8 }),
      ...(data.length > 60 ? [] : [marks.dot(data, { x: "x", y: "y", fill: stroke, r: 2.2 })]),
      ...(lines.length === 1
        ? []
        : [
            marks.text(data.slice(-1), {
              x: "x",
              y: "y",
              text: () => name,
              fill: stroke,
              dy: -9,
              dx: -4,
              textAnchor: "end",
            }),
          ]),
    ]),
  });
  chart.setAttribute("aria-hidden", "true");
  const rows = spots[0].data.map(({ x }, i) => [
    count(x),
    ...spots.map(({ data }) => number(data[i].y)),
  ]);
  const table = tableOf(["iteration", ...lines.map(({ name }) => name)], rows, {
    caption: title,
    numbers: [0, 1, 2],
  });
  return h("figure", {}, h("figcaption", {}, title), chartWithTable(chart, table));
}

/** Stages in words, in the order of a run; what is part of another stage stands under it. */
const STAGES: readonly (readonly [name: string, words: string, within?: string])[] = [
  ["points", "attacking the images of each turn"],
  ["cuts", "cuts at each anchor"],
  ["qp", "the subproblem (13)"],
  ["gram", "of it, Gram entries", "qp"],
  ["blocks", "Algorithm 2"],
  ["products", "which cuts does d violate?"],
  ["loss-gradient", "loss and its gradient on DATA"],
  ["candidates", "losses of the candidates"],
  ["loss", "of it, the last θ_k", "candidates"],
  ["check", "measuring the saved file"],
  ["validate", "held-out data"],
  ["clean", "answers before and after"],
];

function timeChart({ stages, seconds: whole, processes, machine }: Timings): HTMLElement {
  const known = STAGES.filter(([name]) => stages[name] !== undefined);
  const bars = known.map(([name, words, within]) => ({ words, within, value: stages[name] }));
  const chart = plot({
    width: 560,
    height: 30 + 22 * bars.length,
    marginLeft: 210,
    x: { label: "seconds", grid: true, ticks: 5 },
    y: { label: null, domain: bars.map(({ words }) => words), tickSize: 0 },
    marks: [
      marks.barX(bars, {
        x: "value",
        y: "words",
        fill: (d: (typeof bars)[number]) =>
          d.within === undefined ? "var(--candidate)" : "var(--line)",
        insetTop: 4,
        insetBottom: 4,
      }),
      marks.ruleX([0]),
    ],
  });
  chart.setAttribute("aria-hidden", "true");
  const table = tableOf(
    ["stage", "time", "share"],
    bars.map(({ words, value }) => [words, seconds(value), share(value / whole)]),
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
  const command = h("code", {}, repeat);
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
      end !== undefined &&
        h(
          "div",
          { class: "command" },
          command,
          copyButton(() => repeat),
        ),
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
