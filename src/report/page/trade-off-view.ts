// The trade-off, first thing seen: candidates in a plane, the slider of (19), and a rectangle to look closer.

import { isLeft } from "../../correct/candidates.ts";
import { type Axis, axesOf, idOf } from "../axes.ts";
import { notComparable } from "../comparable.ts";
import { howLossIsKnown, knownLoss, wordsOfLeft } from "../known-loss.ts";
import { symbolOf, toComeAt, tradeOff } from "../trade-off.ts";
import { fill, h } from "./dom.ts";
import { marks, plot } from "./marks.ts";
import { number } from "./numbers.ts";
import { createOverlay, type Place } from "./overlay.ts";
import { colors, whenColorsChange } from "./palette.ts";
import {
  byWeight,
  candidateOf,
  isShown,
  runOf,
  type State,
  type Store,
  selectedIn,
  withRange,
} from "./store.ts";

/** What the plane shows of a candidate; the reader may change it. */
interface Plane {
  readonly x: Axis["key"];
  readonly y: Axis["key"];
  readonly logX: boolean;
  readonly logY: boolean;
}

export function tradeOffView(store: Store): HTMLElement {
  let plane: Plane = { x: "violation", y: "loss", logX: false, logY: false };
  let places: readonly Place[] = [];
  const figure = h("div", { class: "plane" });
  const overlay = createOverlay({
    nearest: (i) => store.set({ candidate: i, weight: undefined }),
    rectangle: (x, y) => {
      const state = store.state();
      const one = withRange(state, plane.x, x);
      store.set(withRange({ ...state, ...one }, plane.y, y));
    },
    along: (direction) => store.set(alongFront(store.state(), direction)),
  });
  const controls = planeControls(store, (change) => {
    plane = { ...plane, ...change };
    draw(store.state());
  });
  const draw = (state: State): void => {
    const drawn = drawPlane(state, plane, Math.max(320, figure.clientWidth || 720));
    places = drawn.places;
    // The overlay stays where it is: taken out and put back it would lose the focus.
    if (overlay.element.parentNode === figure) figure.firstElementChild?.replaceWith(drawn.figure);
    else fill(figure, drawn.figure, overlay.element);
    overlay.place(places, drawn);
    mark(state);
    controls.update(state, plane);
  };
  const mark = (state: State): void => {
    const { ranges } = state;
    const selected = Object.keys(ranges).length === 0 ? undefined : selectedIn(state);
    overlay.mark({
      chosen: state.candidate,
      selected,
      describe: (i) => describe(state, i),
      x: ranges[plane.x],
      y: ranges[plane.y],
    });
  };
  store.watch(["document", "run", "shown"], draw);
  store.watch(["candidate", "ranges"], mark);
  whenColorsChange(() => mark(store.state()));
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (Math.abs(contentRect.width - width) < 2) return;
    width = contentRect.width;
    draw(store.state());
  }).observe(figure);
  const note = h("p", { class: "hint" });
  store.watch(["document"], ({ document: { runs } }) => fill(note, notComparable(runs)));
  return h("div", {}, controls.top, figure, controls.bottom, note, slider(store));
}

/** A candidate in a line, for the label under the pointer. */
function describe(state: State, i: number): string {
  const { record } = runOf(state);
  const c = record.pool[i];
  const name = c.iteration === 0 ? "θ₀" : idOf(c);
  const loss =
    c.loss === null && !isLeft(c) && record.end === undefined
      ? "loss to come"
      : `loss ${howLossIsKnown(c)}${number(knownLoss(c))}`;
  return `${name}: violation ${number(c.violation)}, ${loss}${c.front ? ", on the front" : ""}`;
}

/** The neighbour of the candidate that is looked at on the front, ordered by violation. */
function alongFront(state: State, direction: 1 | -1): Partial<State> {
  const { pool } = runOf(state).record;
  const front = pool
    .flatMap((c, i) => (c.front ? [i] : []))
    .toSorted((a, b) => pool[a].violation! - pool[b].violation!);
  const present = candidateOf(state).violation ?? Infinity;
  const at = front.indexOf(state.candidate);
  const nearest = front.findIndex((i) => pool[i].violation! >= present);
  const from = at >= 0 ? at + direction : nearest < 0 ? front.length - 1 : nearest;
  const next = front[Math.min(front.length - 1, Math.max(0, from))];
  return next === undefined ? {} : { candidate: next, weight: undefined };
}

interface DrawnPlane {
  readonly figure: Element;
  readonly places: readonly Place[];
  readonly invert: { x(at: number): number; y(at: number): number };
  readonly apply: { x(value: number): number; y(value: number): number };
}

/** Draws the plane with the function that draws it into files. */
function drawPlane(state: State, plane: Plane, width: number): DrawnPlane {
  const { runs } = state.document;
  const { record } = runOf(state);
  const axes = axesOf(runOf(state));
  const axis = (key: Axis["key"], log: boolean) => ({
    ...axes.find((one) => one.key === key)!,
    log,
  });
  const [x, y] = [axis(plane.x, plane.logX), axis(plane.y, plane.logY)];
  const shown = runs.map(({ name, record: { pool, choice } }) => ({
    name,
    pool: pool.filter((c) => isShown(state, c)),
    ...(runs.length > 1 && { choice: pool.filter((c) => isShown(state, c)).indexOf(pool[choice]) }),
  }));
  const height = Math.min(480, Math.max(300, width * 0.6));
  const unfinished = record.end === undefined;
  const figure = plot(
    tradeOff(
      marks,
      shown.map(({ choice, ...run }) =>
        choice === undefined || choice < 0 ? run : { ...run, choice },
      ),
      {
        ...{ width, height, x, y, colors, unfinished },
        legend: false,
      },
    ),
  );
  figure.setAttribute("aria-hidden", "true"); // the overlay speaks for it
  const [scaleX, scaleY] = [figure.scale("x"), figure.scale("y")];
  const places = record.pool.flatMap((candidate, i): Place[] => {
    if (!isShown(state, candidate)) return [];
    const [vx, vy] = [x.of(candidate), y.of(candidate)];
    if (scaleX === undefined || vx === null || (x.log && vx <= 0)) return [];
    const place = { index: i, x: scaleX.apply(vx), front: candidate.front };
    if (vy === null) return unfinished ? [{ ...place, y: toComeAt(height) }] : [];
    return scaleY === undefined || (y.log && vy <= 0) ? [] : [{ ...place, y: scaleY.apply(vy) }];
  });
  const invert = {
    x: (at: number): number => scaleX?.invert?.(at) ?? at,
    y: (at: number): number => scaleY?.invert?.(at) ?? at,
  };
  const apply = {
    x: (value: number): number => scaleX?.apply(value) ?? 0,
    y: (value: number): number => scaleY?.apply(value) ?? 0,
  };
  return { figure, places, invert, apply };
}

/** What is drawn, and by which axes: each selector stands at its axis. */
function planeControls(store: Store, change: (plane: Partial<Plane>) => void) {
  const selector = (which: "x" | "y"): HTMLSelectElement =>
    h("select", {
      "aria-label": which === "x" ? "horizontal axis" : "vertical axis",
      onchange: (event) => change({ [which]: (event.target as HTMLSelectElement).value }),
    });
  const box = (label: string, onchange: (on: boolean) => void, on = false): HTMLLabelElement =>
    h(
      "label",
      { class: "toggle" },
      h("input", {
        type: "checkbox",
        checked: on,
        onchange: (event) => onchange((event.target as HTMLInputElement).checked),
      }),
      ` ${label}`,
    );
  const [x, y] = [selector("x"), selector("y")];
  const show = (shown: Partial<State["shown"]>): void =>
    store.set({ shown: { ...store.state().shown, ...shown } });
  const [from, to] = (["first", "last"] as const).map((which, side) =>
    h("input", {
      type: "number",
      min: 1,
      "aria-label": `${which} iteration shown`,
      onchange: (event) => {
        const given = (event.target as HTMLInputElement).valueAsNumber;
        const value = Number.isNaN(given) ? (side === 0 ? 0 : Infinity) : given;
        const range = store.state().shown.iterations;
        show({ iterations: side === 0 ? [value, range[1]] : [range[0], value] });
      },
    }),
  );
  const key = h("ul", { class: "key" });
  const clear = h(
    "button",
    { type: "button", onclick: () => store.set({ ranges: {} }) },
    "Show all again",
  );
  store.watch(["ranges"], ({ ranges }) => {
    clear.hidden = Object.keys(ranges).length === 0;
  });
  const update = (state: State, plane: Plane): void => {
    const axes = axesOf(runOf(state));
    for (const [select, chosen] of [
      [x, plane.x],
      [y, plane.y],
    ] as const) {
      const labels = axes.map(({ label }) => label);
      if (String(labels) !== String(Array.from(select.options, ({ text }) => text))) {
        fill(select, ...axes.map(({ key, label }) => h("option", { value: key }, label)));
      }
      select.value = chosen;
    }
    const last = Math.max(...runOf(state).record.pool.map(({ iteration }) => iteration));
    for (const input of [from, to]) input.max = String(last);
    from.placeholder = "1";
    to.placeholder = String(last);
    fill(key, ...keyOf(state));
  };
  const top = h(
    "div",
    { class: "controls" },
    y,
    box("log", (on) => change({ logY: on })),
    h("span", { class: "spring" }),
    box("dominated", (on) => show({ dominated: on }), true),
    box("bounds", (on) => show({ bounds: on }), true),
    h("span", { class: "toggle" }, "iterations ", from, " to ", to),
  );
  const bottom = h(
    "div",
    { class: "controls" },
    key,
    clear,
    h("span", { class: "spring" }),
    x,
    box("log", (on) => change({ logX: on })),
  );
  return { top, bottom, update };
}

/** What the marks mean, in the page's own letters. */
function keyOf({ document, run }: State): HTMLElement[] {
  const { runs } = document;
  const entry = (mark: string, text: string) =>
    h("li", {}, h("span", { class: `mark ${mark}`, "aria-hidden": "true" }), text);
  if (runs.length > 1) {
    return runs.map(({ name }, i) =>
      entry(`run run${(i % 6) + 1} ${symbolOf(i)}`, i === run ? `${name} (shown below)` : name),
    );
  }
  const { pool, end } = runs[0].record;
  return [
    entry("front", "efficient front"),
    entry("candidate", "candidate"),
    entry("theta0", "θ₀, the model itself"),
    ...(pool.some(isLeft) ? [entry("bound", wordsOfLeft(pool))] : []),
    ...(end === undefined ? [entry("tocome", "loss to come")] : []),
    entry("choice", "looked at"),
  ];
}

/** The weight of (19), which moves the choice at once. */
function slider(store: Store): HTMLElement {
  const input = h("input", { id: "weight", type: "range", min: 0, max: 1, step: 0.01 });
  const said = h("output", { for: "weight" });
  input.addEventListener("input", () => store.set(byWeight(store.state(), input.valueAsNumber)));
  store.watch(["weight", "run", "document"], ({ weight }) => {
    if (weight !== undefined && input.valueAsNumber !== weight) input.value = String(weight);
    fill(said, weight === undefined ? "picked by hand" : `weight ${number(weight)}`);
  });
  return h(
    "div",
    { class: "weight" },
    h("label", { for: "weight" }, "Choose by the weight of the loss"),
    h("span", { class: "end" }, "lowest violation"),
    input,
    h("span", { class: "end" }, "lowest loss"),
    said,
  );
}
