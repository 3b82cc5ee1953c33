// A point: what it was, what it is, what was changed, and what is answered to it.
import type { PointsDocument, RunDocument } from "../document.ts";
import { type Answer, answerOf } from "./answers.ts";
import { type Bar, bars, rangeWith0 } from "./bars.ts";
import { type Child, fill, h, scrollBox, tableOf } from "./dom.ts";
import { whenInView } from "./in-view.ts";
import { number } from "./numbers.ts";
import { captioned, picture } from "./pictures.ts";
import { differenceOf, pixelsOf } from "./pixels.ts";
import { wordOf } from "./words.ts";

/** Pixels of the screen that a picture may take. */
const SIDE = 150;

/** The row of a point; its pictures and bars are made when it comes into view. */
export interface PointRow {
  readonly element: HTMLElement;
  /** Shows what a candidate answers. */
  look(candidate: number, wrong: boolean): void;
}

export function pointRow(run: RunDocument, points: PointsDocument, i: number): PointRow {
  const source = points.source?.[i];
  const from = source === undefined ? "" : `, image ${source} of its data`;
  const verdict = h("strong", { class: "verdict" });
  const margins = h("span", { class: "margins" });
  const looks = h("div", { class: "looks" });
  const answers = h("div", { class: "answers" });
  const element = h(
    "li",
    { class: "point", id: `point-${i}`, "data-point": i, "data-label": points.y[i] },
    h(
      "p",
      { class: "title" },
      h("strong", {}, `Point ${i}`),
      `${from}, label ${wordOf(run, points.y[i])}: `,
      verdict,
      margins,
    ),
    h("div", { class: "body" }, looks, answers),
  );
  return {
    element,
    look: (candidate, wrong) => {
      const [before, after] = [answerOf(run, 0, i), answerOf(run, candidate, i)];
      const isBound = after?.atMost === true && !wrong;
      element.classList.toggle("wrong", wrong);
      fill(verdict, wrong ? "wrong" : `right${isBound ? " among the labels shown" : ""}`);
      fill(margins, marginsOf(before, candidate === 0 ? undefined : after));
      whenInView(element, () => {
        if (!element.classList.contains("drawn")) fill(looks, ...looksOf(run, points, i));
        element.classList.add("drawn");
        fill(answers, logits(run, points, i, [before, candidate === 0 ? undefined : after]));
      });
    },
  };
}

/** The margin at theta0, and what it became. */
function marginsOf(before: Answer | undefined, after: Answer | undefined): string {
  const said = [before, after].flatMap((answer) =>
    answer === undefined ? [] : [`${answer.atMost ? "at most " : ""}${number(answer.margin)}`],
  );
  return said.length === 0 ? "" : `, margin ${said.join(" → ")}`;
}

/** The pictures of a point, or its numbers. */
function looksOf(run: RunDocument, { pictures, values, y }: PointsDocument, i: number): Child[] {
  if (pictures === undefined) return [numbersOf(values?.[i], i)];
  const k = pictures.images.indexOf(i);
  if (k < 0)
    return [h("p", { class: "hint" }, "Its picture is not among those kept in this page.")];
  const words = `point ${i}, label ${wordOf(run, y[i])}`;
  const place = { ...pictures, side: SIDE };
  const point = pixelsOf(pictures.pixels, pictures, k);
  const itself = captioned(picture(point, place, words), "point");
  if (pictures.clean === undefined) return [itself];
  const clean = pixelsOf(pictures.clean, pictures, k);
  const difference = differenceOf(clean, point);
  return [
    captioned(picture(clean, place, `source of ${words}`), "source"),
    itself,
    difference === undefined
      ? h("p", { class: "hint" }, "The point is its source.")
      : captioned(
          picture(
            difference.pixels,
            place,
            `difference of ${words} from its source, magnified ${number(difference.gain)} times`,
          ),
          `difference × ${number(difference.gain)}`,
        ),
  ];
}

function numbersOf(values: readonly number[] | undefined, i: number): HTMLElement {
  if (values === undefined) return h("p", { class: "hint" }, "Its numbers are not in this page.");
  return scrollBox(
    `Numbers of point ${i}`,
    tableOf(
      values.map((_, at) => String(at)),
      [values.map(number)],
      { caption: "Its numbers, by column", numbers: [...values.keys()] },
    ),
  );
}

/** The logits at theta0 and at the candidate, label by label. */
function logits(
  run: RunDocument,
  { shown, y }: PointsDocument,
  i: number,
  [before, after]: readonly [Answer | undefined, Answer | undefined],
): HTMLElement {
  const known = [before, after].filter((answer) => answer !== undefined);
  const range = rangeWith0(known.flatMap((answer) => answer.logits.filter((v) => v !== null)));
  const bar = (answer: Answer | undefined, at: number, kind: string): Bar[] =>
    answer === undefined ? [] : [{ value: answer.logits[at] ?? 0, range, kind }];
  const rows = shown[i].map((label, at) => {
    const own = label === y[i];
    return [
      own ? h("strong", {}, wordOf(run, label)) : wordOf(run, label),
      bars(...bar(before, at, "theta0"), ...bar(after, at, own ? "own" : "candidate")),
      ...known.map((answer) => number(answer.logits[at])),
    ];
  });
  const headings = [...(before ? ["θ₀"] : []), ...(after ? ["looked at"] : [])];
  return tableOf(["label", "logits", ...headings], rows, {
    caption: `Logits of point ${i}`,
    numbers: [2, 3],
  });
}
