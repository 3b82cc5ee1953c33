// The points that had to be right, one by one: those still wrong first.
import type { Conflict } from "../../correct/conflict.ts";
import type { PointsDocument, RunDocument } from "../document.ts";
import { contradictionsIn, isKnown, wrongAt } from "./answers.ts";
import { type Child, fill, h, section } from "./dom.ts";
import { whenInView } from "./in-view.ts";
import { count, counted, number } from "./numbers.ts";
import { scaledNote } from "./pictures.ts";
import { type PointRow, pointRow } from "./point-row.ts";
import { runOf, type State, type Store } from "./store.ts";
import { nameOf } from "./words.ts";

/** Which points are listed: all, those that are wrong, those that contradict each other. */
type Which = "all" | "wrong" | "contradicting";

export function pointsView(store: Store): HTMLElement {
  const about = h("p", { class: "hint" });
  const groups = h("ul", { class: "contradictions" });
  const known = h("p", { class: "known", "aria-live": "polite" });
  const list = h("ul", { class: "points" });
  const summary = h("p", { "aria-live": "polite" });
  const label = h("select", { id: "point-label", onchange: () => draw(store.state()) });
  const which = h("select", { id: "point-which", onchange: () => draw(store.state()) });
  const key = h(
    "ul",
    { class: "key" },
    ...(
      [
        ["theta0", "θ₀"],
        ["own", "looked at, its own label"],
        ["candidate", "looked at, other labels"],
      ] as const
    ).map(([kind, text]) =>
      h("li", {}, h("span", { class: `sample ${kind}`, "aria-hidden": "true" }), text),
    ),
  );
  const controls = h(
    "div",
    { class: "controls" },
    h("label", { for: "point-which" }, "Show"),
    which,
    h("label", { for: "point-label" }, "of label"),
    label,
    summary,
    h("span", { class: "spring" }),
    key,
  );
  const whole = section("points", "The points", about, groups, known, controls, list);
  let rows = new Map<number, PointRow>();
  let listed = "none yet";

  const draw = (state: State): void => {
    const run = runOf(state);
    const { points } = run;
    if (points === undefined) return;
    const judged = wrongAt(run, state.candidate);
    const wrong = judged ?? new Set<number>();
    const contradicting = contradictionsIn(run).flatMap((one) => one.points);
    const kept = orderOf(points, wrong, contradicting).filter(
      (i) =>
        (label.value === "" || points.y[i] === Number(label.value)) &&
        (which.value === "all" ||
          (which.value === "wrong" ? wrong : new Set(contradicting)).has(i)),
    );
    for (const i of kept) {
      const row = rows.get(i) ?? pointRow(run, points, i);
      rows.set(i, row);
      row.look(state.candidate, judged?.has(i));
    }
    // The slider moves often, and mostly leaves the order as it is.
    if (kept.join() !== listed) fill(list, ...kept.map((i) => rows.get(i)!.element));
    listed = kept.join();
    fill(
      summary,
      `${count(kept.length)} of ${counted(points.count, "point")}` +
        (judged ? `, ${count(kept.filter((i) => wrong.has(i)).length)} of them wrong` : ""),
    );
    fill(known, ...knownOf(store, state));
  };
  const showAll = (): void => {
    label.value = "";
    which.value = "all";
    draw(store.state());
  };
  store.watch(["document", "run"], (state) => {
    const { points, labels } = runOf(state);
    rows = new Map();
    listed = "none yet";
    whole.hidden = points === undefined;
    if (points === undefined) return;
    const groupsOf = contradictionsIn(runOf(state));
    fill(about, ...aboutOf(points, runOf(state).record));
    fill(groups, ...groupsOf.map((one) => together(one, showAll)));
    const options: [Which, string][] = [
      ["all", "all points"],
      ["wrong", "those that are wrong"],
      ...(groupsOf.length > 0
        ? [["contradicting", "those that contradict each other"] as [Which, string]]
        : []),
    ];
    fill(which, ...options.map(([value, text]) => h("option", { value }, text)));
    fill(
      label,
      h("option", { value: "" }, "any"),
      ...[...new Set(points.y)]
        .toSorted((a, b) => a - b)
        .map((y) => h("option", { value: y }, labels[y])),
    );
  });
  store.watch(["document", "run", "candidate"], () => whenInView(whole, () => draw(store.state())));
  return whole;
}

/** Wrong points first, then those that contradict each other side by side, then by number. */
function orderOf(
  { y }: PointsDocument,
  wrong: ReadonlySet<number>,
  contradicting: readonly number[],
): number[] {
  const all = new Set([...contradicting, ...y.keys()]);
  return [...all].toSorted((a, b) => Number(wrong.has(b)) - Number(wrong.has(a)));
}

function aboutOf(
  { pictures, count: n }: PointsDocument,
  { options, certificate }: RunDocument["record"],
): Child[] {
  const radius = options.recipe === "robust" ? undefined : options.certifyRadius;
  const where = radius === undefined ? "" : ` in the whole ball of radius ${number(radius)}`;
  const proven = certificate?.points;
  const asked =
    "The margin is the logit of the label less that of its strongest rival: " +
    `above 0 the point is right, and ${number(options.margin)} was asked for${where}. ` +
    (proven
      ? `At the choice ${proven.proven} of ${counted(proven.images, "ball")} are proven. `
      : "");
  if (pictures === undefined) return [asked];
  const shown = pictures.images.length;
  return [
    asked,
    pictures.clean &&
      "The difference of a point from its source is multiplied until it fills the range from black to white; " +
        "grey is no change. ",
    shown < n && `This page holds the pictures of ${count(shown)} of ${count(n)} points. `,
    scaledNote(pictures),
  ];
}

/** The points of a contradiction, each a link to its row. */
const together = ({ points, loss }: Conflict, showAll: () => void): HTMLElement =>
  h(
    "li",
    {},
    points.length === 1 ? "Contradicts the loss: " : "Contradict each other: ",
    ...points.flatMap((i, at) => [
      at > 0 && ", ",
      h("a", { href: `#point-${i}`, onclick: showAll }, `point ${i}`),
    ]),
    loss && points.length > 1 && ", and the loss",
  );

/** Whose answers are shown, and whose are known. */
function knownOf(store: Store, state: State): Child[] {
  const { points, record } = runOf(state);
  const known = points?.answers ?? [];
  if (isKnown(points, state.candidate)) return [`Answers of: ${nameOf(state)}.`];
  if (known.length === 0) return ["The answers are not known yet."];
  const choice = record.end === undefined ? "what would be chosen now" : "the choice";
  const others = known.length - 2;
  return [
    `The answers of this candidate are not in the page: known are those of θ₀, of ${choice}`,
    others > 0 ? ` and of ${count(others)} others of the front. ` : ". ",
    "Right and wrong are those of the choice. ",
    h(
      "button",
      { type: "button", onclick: () => store.set({ candidate: record.choice, weight: undefined }) },
      "Look at the choice",
    ),
  ];
}
