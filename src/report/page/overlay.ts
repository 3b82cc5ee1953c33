// What lies over the plane: the ring of the candidate that is looked at, the rectangle, and what is under the pointer.
//
// The dots below it are drawn once; the ring moves without drawing them again, so that thousands stay quick.
import { emptied } from "./canvas.ts";
import { h } from "./dom.ts";
import { colorOf } from "./palette.ts";

/** Where a candidate lies in the plane, in pixels. */
export interface Place {
  /** In the pool. */
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly front: boolean;
}

/** What the plane gives to what lies over it. */
export interface Frame {
  readonly figure: Element;
  readonly invert: { x(at: number): number; y(at: number): number };
  readonly apply: { x(value: number): number; y(value: number): number };
}

export interface Marks {
  readonly chosen: number;
  /** Indices in the pool, where the reader has chosen some. */
  readonly selected: readonly number[] | undefined;
  describe(index: number): string;
  /** The ranges of the two axes, in their units. */
  readonly x: readonly [number, number] | undefined;
  readonly y: readonly [number, number] | undefined;
}

export interface OverlayCalls {
  nearest(index: number): void;
  /** Undefined where a click without a drag takes the rectangle away. */
  rectangle(
    x: readonly [number, number] | undefined,
    y: readonly [number, number] | undefined,
  ): void;
  along(direction: 1 | -1): void;
}

/** Pixels within which a pointer finds a candidate, and beyond which a drag is a rectangle. */
const REACH = 24;
const DRAG = 5;

const SVG = "http://www.w3.org/2000/svg";

function shape(name: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

export function createOverlay(calls: OverlayCalls) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const svg = shape("svg", { "aria-hidden": "true" });
  const rectangle = shape("rect", { class: "rectangle", visibility: "hidden" });
  const ring = shape("circle", { class: "ring", r: 8 });
  const hover = shape("circle", { class: "hover", r: 6, visibility: "hidden" });
  svg.append(rectangle, hover, ring);
  const label = h("div", { class: "tip", role: "presentation" });
  label.hidden = true;
  const element = h(
    "div",
    {
      class: "overlay",
      tabindex: 0,
      role: "slider",
      "aria-label": "Candidate that is looked at; arrow keys move along the efficient front",
      "aria-valuemin": 0,
    },
    canvas,
    svg,
    label,
  );
  let places: readonly Place[] = [];
  let frame: Frame | undefined;
  let marks: Marks | undefined;
  let dragged: { readonly x: number; readonly y: number } | undefined;

  const at = (event: PointerEvent): { readonly x: number; readonly y: number } => {
    const { left, top } = element.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  const nearestTo = ({ x, y }: { readonly x: number; readonly y: number }): Place | undefined => {
    let [best, least] = [undefined as Place | undefined, REACH ** 2];
    for (const place of places) {
      const away = (place.x - x) ** 2 + (place.y - y) ** 2 - (place.front ? 9 : 0);
      if (away < least) [best, least] = [place, away];
    }
    return best;
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragged = at(event);
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    const now = at(event);
    const place = dragged === undefined ? nearestTo(now) : undefined;
    showHover(place);
    if (dragged !== undefined && isDrag(dragged, now)) drawRectangle(spanOf(dragged, now));
  });
  element.addEventListener("pointerup", (event) => {
    const [from, to] = [dragged, at(event)];
    dragged = undefined;
    if (from === undefined || frame === undefined) return;
    if (!isDrag(from, to)) {
      const place = nearestTo(to);
      if (place === undefined) calls.rectangle(undefined, undefined);
      else calls.nearest(place.index);
      return;
    }
    const { left, right, top, bottom } = spanOf(from, to);
    const { invert } = frame;
    calls.rectangle(
      ordered(invert.x(left), invert.x(right)),
      ordered(invert.y(bottom), invert.y(top)),
    );
  });
  element.addEventListener("pointerleave", () => showHover(undefined));
  element.addEventListener("keydown", (event) => {
    const direction = { ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Escape") calls.rectangle(undefined, undefined);
    if (direction === undefined) return;
    event.preventDefault();
    calls.along(direction as 1 | -1);
  });

  const showHover = (place: Place | undefined): void => {
    hover.setAttribute("visibility", place === undefined ? "hidden" : "visible");
    label.hidden = place === undefined;
    if (place === undefined || marks === undefined) return;
    hover.setAttribute("cx", String(place.x));
    hover.setAttribute("cy", String(place.y));
    label.textContent = marks.describe(place.index);
    const half = element.clientWidth / 2;
    label.style.left = place.x < half ? `${place.x + 12}px` : "auto";
    label.style.right = place.x < half ? "auto" : `${element.clientWidth - place.x + 12}px`;
    label.style.top = `${place.y - 10}px`;
  };
  const drawRectangle = (span: Span | undefined): void => {
    rectangle.setAttribute("visibility", span === undefined ? "hidden" : "visible");
    if (span === undefined) return;
    rectangle.setAttribute("x", String(span.left));
    rectangle.setAttribute("y", String(span.top));
    rectangle.setAttribute("width", String(Math.max(0, span.right - span.left)));
    rectangle.setAttribute("height", String(Math.max(0, span.bottom - span.top)));
  };

  return {
    element,
    /** Takes the plane that was drawn below it. */
    place: (now: readonly Place[], under: Frame): void => {
      places = now;
      frame = under;
      const { width, height } = under.figure.getBoundingClientRect();
      const ratio = devicePixelRatio;
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      const last = now.reduce((most, { index }) => Math.max(most, index), 0);
      element.setAttribute("aria-valuemax", String(last));
    },
    /** Moves the ring, and shows which candidates are selected. */
    mark: (now: Marks): void => {
      marks = now;
      const chosen = places.find(({ index }) => index === now.chosen);
      ring.setAttribute("visibility", chosen === undefined ? "hidden" : "visible");
      if (chosen !== undefined) {
        ring.setAttribute("cx", String(chosen.x));
        ring.setAttribute("cy", String(chosen.y));
      }
      element.setAttribute("aria-valuenow", String(now.chosen));
      element.setAttribute("aria-valuetext", now.describe(now.chosen));
      drawSelected(canvas, frame, places, now.selected);
      drawRectangle(frame && spanOfRanges(frame, now, element));
    },
  };
}

interface Span {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

type Spot = { readonly x: number; readonly y: number };

const ordered = (a: number, b: number): readonly [number, number] => [
  Math.min(a, b),
  Math.max(a, b),
];

const isDrag = (from: Spot, to: Spot): boolean =>
  Math.max(Math.abs(from.x - to.x), Math.abs(from.y - to.y)) > DRAG;

function spanOf(from: Spot, to: Spot): Span {
  const [left, right] = ordered(from.x, to.x);
  const [top, bottom] = ordered(from.y, to.y);
  return { left, right, top, bottom };
}

/** The rectangle of the present ranges; an end that is not given is at the edge. */
function spanOfRanges({ apply }: Frame, { x, y }: Marks, within: Element): Span | undefined {
  if (x === undefined && y === undefined) return undefined;
  const { clientWidth, clientHeight } = within;
  const at = (value: number | undefined, place: (v: number) => number, edge: number): number => {
    const placed = value === undefined ? edge : place(value);
    return Number.isFinite(placed) ? placed : edge;
  };
  return {
    left: at(x?.[0], apply.x, 0),
    right: at(x?.[1], apply.x, clientWidth),
    top: at(y?.[1], apply.y, 0),
    bottom: at(y?.[0], apply.y, clientHeight),
  };
}

/** Draws the selected dots again over the faint rest. */
function drawSelected(
  canvas: HTMLCanvasElement,
  frame: Frame | undefined,
  places: readonly Place[],
  selected: readonly number[] | undefined,
): void {
  frame?.figure.classList.toggle("faint", selected !== undefined);
  const context = emptied(canvas);
  if (selected === undefined) return;
  const inside = new Set(selected);
  for (const onFront of [false, true]) {
    context.fillStyle = colorOf(onFront ? "--front" : "--candidate");
    context.beginPath();
    for (const { index, x, y, front } of places) {
      if (front !== onFront || !inside.has(index)) continue;
      context.moveTo(x, y);
      context.arc(x, y, front ? 3.5 : 2.5, 0, 2 * Math.PI);
    }
    context.fill();
  }
}
