// Parallel coordinates: every candidate a line over all that it can be judged by; a drag along an axis selects.
import { type Axis, axesOf } from "../axes.ts";
import { emptied, isOnPaper } from "./canvas.ts";
import { fill, h, scrollBox } from "./dom.ts";
import { onAxis } from "./numbers.ts";
import { colorOf, whenColorsChange } from "./palette.ts";
import { isShown, runOf, type State, type Store, selectedIn, withRange } from "./store.ts";

const HEIGHT = 246;
const TOP = 60;
const BOTTOM = 20;
/** Pixels that the words of an axis take at least; on a phone the axes are wider than it, and scroll. */
const WIDTH = 78;

/** An axis with its place and the range of its values. */
interface Line {
  readonly axis: Axis;
  readonly x: number;
  readonly low: number;
  readonly high: number;
}

/** Where a value lies on its axis; the better end is above. */
function heightOf({ axis, low, high }: Line, value: number): number {
  const share = high > low ? (value - low) / (high - low) : 0.5;
  const down = axis.better === "less" ? share : 1 - share;
  return TOP + down * (HEIGHT - TOP - BOTTOM);
}

function valueAt({ axis, low, high }: Line, y: number): number {
  const down = Math.min(1, Math.max(0, (y - TOP) / (HEIGHT - TOP - BOTTOM)));
  return low + (axis.better === "less" ? down : 1 - down) * (high - low);
}

export function parallelView(store: Store): HTMLElement {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const above = h("canvas", { "aria-hidden": "true" });
  const axes = h("div", { class: "axes" });
  const box = h("div", { class: "parallel" }, canvas, above, axes);
  const inputs = h("div", { class: "ranges" });
  let lines: readonly Line[] = [];
  let named = "";

  const draw = (state: State): void => {
    const width = box.clientWidth;
    if (width === 0) return;
    for (const one of [canvas, above]) sized(one, width);
    drawLines(canvas, state, lines);
    drawChosen(isOnPaper() ? canvas.getContext("2d")! : emptied(above), state, lines);
    fill(axes, ...lines.map((line) => axisOf(store, line, width)));
  };
  const lay = (state: State): void => {
    box.style.minWidth = `${axesOf(runOf(state)).length * WIDTH}px`;
    lines = linesOf(state, box.clientWidth);
    draw(state);
    // Made anew only where the axes are others: someone may be typing while a run goes on.
    const names = lines.map(({ axis }) => axis.label).join();
    if (names !== named) fill(inputs, ...lines.map(({ axis }) => rangeInputs(store, axis)));
    named = names;
    for (const input of inputs.querySelectorAll("input")) showEnd(input, lines);
  };
  store.watch(["document", "run", "shown"], lay);
  store.watch(["ranges"], (state) => {
    draw(state);
    for (const input of inputs.querySelectorAll("input")) showRange(input, state);
  });
  store.watch(["candidate"], (state) => drawChosen(emptied(above), state, lines));
  new ResizeObserver(() => lay(store.state())).observe(box);
  whenColorsChange(() => draw(store.state()));
  return h(
    "details",
    { open: true },
    h("summary", {}, "All that a candidate can be judged by"),
    h(
      "p",
      { class: "hint no-print" },
      "Drag along an axis to keep the candidates of that range; the better end is above.",
    ),
    scrollBox("All that a candidate can be judged by", box),
    h("details", {}, h("summary", {}, "Ranges in numbers"), inputs),
  );
}

function linesOf(state: State, width: number): Line[] {
  const run = runOf(state);
  const axes = axesOf(run);
  const margin = Math.max(WIDTH / 2, Math.min(90, width / 8));
  return axes.map((axis, i) => {
    const values = run.record.pool.filter((c) => isShown(state, c)).map(axis.of);
    const known = values.filter((v) => v !== null);
    const low = known.reduce((a, b) => Math.min(a, b), Infinity);
    const high = known.reduce((a, b) => Math.max(a, b), -Infinity);
    const x = margin + (i * (width - 2 * margin)) / Math.max(1, axes.length - 1);
    return known.length === 0 ? { axis, x, low: 0, high: 0 } : { axis, x, low, high };
  });
}

function sized(canvas: HTMLCanvasElement, width: number): void {
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(HEIGHT * devicePixelRatio);
}

/** Adds a candidate's line to the path; a value that is not known leaves a gap. */
function trace(
  context: CanvasRenderingContext2D,
  state: State,
  i: number,
  lines: readonly Line[],
): void {
  const candidate = runOf(state).record.pool[i];
  let drawn = false;
  for (const line of lines) {
    const value = line.axis.of(candidate);
    if (value === null) {
      drawn = false;
      continue;
    }
    const y = heightOf(line, value);
    if (drawn) context.lineTo(line.x, y);
    else context.moveTo(line.x, y);
    drawn = true;
  }
}

/** All lines: the selected over the rest, the front over both. */
function drawLines(canvas: HTMLCanvasElement, state: State, lines: readonly Line[]): void {
  const context = emptied(canvas);
  const { pool } = runOf(state).record;
  const selected = new Set(selectedIn(state));
  const stroke = (color: string, alpha: number, which: (i: number) => boolean): void => {
    context.strokeStyle = colorOf(color);
    context.globalAlpha = alpha;
    context.beginPath();
    for (const i of pool.keys())
      if (isShown(state, pool[i]) && which(i)) trace(context, state, i, lines);
    context.stroke();
  };
  const crowd = Math.min(1, Math.max(0.08, 60 / pool.length));
  stroke("--line", Math.min(1, 2 * crowd), (i) => !selected.has(i));
  stroke("--candidate", crowd, (i) => selected.has(i) && !pool[i].front);
  stroke("--front", 0.9, (i) => selected.has(i) && pool[i].front);
}

function drawChosen(context: CanvasRenderingContext2D, state: State, lines: readonly Line[]): void {
  context.strokeStyle = colorOf("--ink");
  context.lineWidth = 2.5;
  context.beginPath();
  trace(context, state, state.candidate, lines);
  context.stroke();
}

/** An axis with its ends in words, the range that is chosen, and a strip to drag along. */
function axisOf(store: Store, line: Line, width: number): HTMLElement {
  const { axis } = line;
  const range = store.state().ranges[axis.key];
  const [best, worst] = axis.better === "less" ? [line.low, line.high] : [line.high, line.low];
  const strip = h("div", { class: "strip" });
  if (range !== undefined) {
    const ends = range.map((value) =>
      heightOf(line, Math.min(line.high, Math.max(line.low, value))),
    );
    const bar = h("div", { class: "chosen" });
    bar.style.top = `${Math.min(...ends) - TOP}px`;
    bar.style.height = `${Math.max(3, Math.abs(ends[0] - ends[1]))}px`;
    strip.append(bar);
  }
  dragAlong(strip, (from, to) => {
    const [a, b] = [valueAt(line, from + TOP), valueAt(line, to + TOP)];
    const chosen =
      Math.abs(from - to) < 4 ? undefined : ([Math.min(a, b), Math.max(a, b)] as const);
    store.set(withRange(store.state(), axis.key, chosen));
  });
  const element = h(
    "div",
    { class: "axis" },
    h(
      "div",
      { class: "top" },
      h("span", { class: "name" }, axis.label),
      h("span", {}, onAxis(axis, best)),
    ),
    strip,
    h("span", { class: "worst" }, onAxis(axis, worst)),
  );
  element.style.left = `${(100 * line.x) / width}%`;
  return element;
}

/** Calls with the two ends of a drag, in pixels from the top of the strip. */
function dragAlong(strip: HTMLElement, done: (from: number, to: number) => void): void {
  let from: number | undefined;
  const at = (event: PointerEvent): number => event.clientY - strip.getBoundingClientRect().top;
  strip.addEventListener("pointerdown", (event) => {
    from = at(event);
    strip.setPointerCapture(event.pointerId);
  });
  strip.addEventListener("pointerup", (event) => {
    if (from !== undefined) done(from, at(event));
    from = undefined;
  });
}

/** The same by the keyboard: the least and the most of an axis. */
function rangeInputs(store: Store, axis: Axis): HTMLElement {
  const input = (which: "least" | "most"): HTMLInputElement => {
    const element = h("input", {
      type: "number",
      step: "any",
      "data-axis": axis.key,
      "data-end": which,
      "aria-label": `${which} ${axis.label}`,
    });
    element.addEventListener("change", () => {
      const state = store.state();
      const [from, to] = state.ranges[axis.key] ?? [-Infinity, Infinity];
      const open = which === "least" ? -Infinity : Infinity;
      const value = Number.isNaN(element.valueAsNumber) ? open : element.valueAsNumber;
      const range = which === "least" ? ([value, to] as const) : ([from, value] as const);
      const isOpen = range[0] === -Infinity && range[1] === Infinity;
      store.set(withRange(state, axis.key, isOpen ? undefined : range));
    });
    return element;
  };
  return h("div", {}, h("span", {}, axis.label), input("least"), " to ", input("most"));
}

/** Shows in an empty input what the least or the most is. */
function showEnd(input: HTMLInputElement, lines: readonly Line[]): void {
  const line = lines.find(({ axis }) => axis.key === input.dataset.axis);
  const value = input.dataset.end === "least" ? line?.low : line?.high;
  input.placeholder = String(Number(value?.toPrecision(4)));
}

/** Puts the present range into an input. */
function showRange(input: HTMLInputElement, { ranges }: State): void {
  const range = ranges[input.dataset.axis as Axis["key"]];
  const value = range?.[input.dataset.end === "least" ? 0 : 1];
  input.value = value === undefined || !Number.isFinite(value) ? "" : String(value);
}
