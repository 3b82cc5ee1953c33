// Several runs side by side: their figures, what differs in their options, and the same points in each.
import type { RunDocument } from "../document.ts";
import { fill, h, scrollBox, section, tableOf } from "./dom.ts";
import { count, number, share } from "./numbers.ts";
import type { Store } from "./store.ts";

export function compareView(store: Store): HTMLElement {
  const body = h("div", {});
  const element = section("compare", "Beside each other", body);
  store.watch(["document"], ({ document: { runs } }) => {
    element.hidden = runs.length < 2;
    if (runs.length < 2) return;
    fill(
      body,
      scrollBox("After each run", figures(runs)),
      scrollBox("What differs", differences(runs)),
      samePoints(runs),
    );
  });
  return element;
}

const figures = (runs: readonly RunDocument[]): HTMLElement =>
  tableOf(
    [
      "",
      "points right",
      "violation",
      "training loss",
      "clean accuracy",
      "held out",
      "were right, now wrong",
      "distance",
    ],
    runs.map(({ name, record: { after, clean, distance } }) => [
      name,
      after && `${count(after.corrected)} of ${count(after.points)}`,
      number(after?.violation),
      number(after?.loss),
      share(clean?.after),
      share(clean?.validation?.after),
      count(clean?.negativeFlips),
      number(distance),
    ]),
    { caption: "After each run", numbers: [1, 2, 3, 4, 5, 6, 7] },
  );

/** Entries of the records that are not the same in all runs: options, how the model is read, what went in. */
function differences(runs: readonly RunDocument[]): HTMLElement {
  const flat = runs.map(({ record: { options, network, inputs } }) =>
    flattened({ ...options, network, inputs }),
  );
  const names = [...new Set(flat.flatMap((entries) => [...entries.keys()]))].toSorted();
  const rows = names
    .filter((name) => new Set(flat.map((entries) => entries.get(name))).size > 1)
    .map((name) => [name, ...flat.map((entries) => entries.get(name) ?? "–")]);
  const headings = ["", ...runs.map(({ name }) => name)];
  return rows.length === 0
    ? h("p", {}, "All options and inputs are the same.")
    : tableOf(headings, rows, { caption: "What differs in options and inputs" });
}

/** The leaves of a record by their paths, in words. */
function flattened(value: unknown, path = ""): Map<string, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const text = JSON.stringify(value) ?? "";
    return new Map(
      value === undefined ? [] : [[path, text.length > 24 ? `${text.slice(0, 17)}…` : text]],
    );
  }
  return new Map(
    Object.entries(value).flatMap(([key, part]) => [
      ...flattened(part, path === "" ? key : `${path}.${key}`),
    ]),
  );
}

/** Points that several runs were given, by what they are: which run gets them right. */
function samePoints(runs: readonly RunDocument[]): HTMLElement {
  const hashes = runs.map(({ record }) => record.inputs.points?.sha256);
  const same = hashes[0] !== undefined && hashes.every((hash) => hash === hashes[0]);
  if (!same) return h("p", { class: "hint" }, "The runs were not given the same points.");
  const wrong = runs.map(({ record }) => new Set(record.wrong));
  const differing = Array.from({ length: runs[0].record.inputs.points!.count }, (_, i) => i).filter(
    (i) => new Set(wrong.map((set) => set.has(i))).size > 1,
  );
  if (differing.length === 0) {
    return h("p", {}, "The same points were given to all, and the same of them are right.");
  }
  const words = runs.map(({ record }) =>
    record.certificate?.points === undefined ? ["right", "wrong"] : ["proven", "not proven"],
  );
  const { labels, points } = runs[0];
  return scrollBox(
    "Points that are right in some of the runs only",
    tableOf(
      ["point", "label", ...runs.map(({ name }) => name)],
      differing.map((i) => [
        String(i),
        points === undefined ? "" : labels[points.y[i]],
        ...wrong.map((set, run) => words[run][Number(set.has(i))]),
      ]),
      { caption: "Points that are right in some of the runs only" },
    ),
  );
}
