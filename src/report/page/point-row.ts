// A point: what it was, what it is, what was changed, and what is answered to it.
import type { PointsDocument, RunDocument } from "../document.ts";
import { type Answer, answerOf } from "./answers.ts";
import { bars, rangeWith0 } from "./bars.ts";
import { type Child, fill, h, tableOf } from "./dom.ts";
import { whenInView } from "./in-view.ts";
import { number } from "./numbers.ts";
import { captioned, picture } from "./pictures.ts";
import { differenceOf, pixelsOf } from "./pixels.ts";
import { wordOf } from "./words.ts";

/** The row of a point; its pictures and bars are made when it comes into view. */
export interface PointRow {
  readonly element: HTMLElement;
  /** Shows what a candidate answers. */
  look(candidate: number, wrong: boolean): void;
}

export function pointRow(run: RunDocument, points: PointsDocument, i: number): PointRow {
  const source = points.source?.[i];
  const from = source === undefined ? "" : `, image ${source} of its data`;
  const verdict = h("span", { class: "verdict" });
  const title = h(
    "p",
    { class: "title" },
    h("strong", {}, `Point ${i}`),
    `${from}, label ${wordOf(run, points.y[i])} `,
    verdict,
  );
  const looks = h("div", { class: "looks" });
  const answers = h("div", { class: "answers" });
  const body = h("div", { class: "body" }, looks, answers);
  const element = h(
    "li",
    { class: "point", id: `point-${i}`, "data-point": i, "data-label": points.y[i] },
    title,
    body,
  );
  let drawn = false;
  return {
    element,
    look: (candidate, wrong) => {
      element.classList.toggle("wrong", wrong);
      fill(verdict, wrong ? "wrong" : "right");
      whenInView(element, () => {
        if (!drawn) fill(looks, ...looksOf(run, points, i));
        drawn = true;
        fill(answers, ...answersOf(run, points, i, candidate));
      });
    },
  };
}

/** The pictures of a point, or its numbers. */
function looksOf(run: RunDocument, { pictures, values, y }: PointsDocument, i: number): Child[] {
  if (pictures === undefined) return [numbersOf(values?.[i], i)];
  const k = pictures.images.indexOf(i);
  if (k < 0)
    return [h("p", { class: "hint" }, "Its picture is not among those kept in this page.")];
  const words = `point ${i}, label ${wordOf(run, y[i])}`;
  const point = pixelsOf(pictures.pixels, pictures, k);
  const itself = captioned(picture(point, pictures, words), "point");
  if (pictures.clean === undefined) return [itself];
  const clean = pixelsOf(pictures.clean, pictures, k);
  const difference = differenceOf(clean, point);
  return [
    captioned(picture(clean, pictures, `source of ${words}`), "source"),
    itself,
    difference === undefined
      ? h("p", { class: "hint" }, "The point is its source.")
      : captioned(
          picture(
            difference.pixels,
            pictures,
            `difference of ${words} from its source, magnified ${number(difference.gain)} times`,
          ),
          `difference × ${number(difference.gain)}`,
        ),
  ];
}

function numbersOf(values: readonly number[] | undefined, i: number): HTMLElement {
  if (values === undefined) return h("p", { class: "hint" }, "Its numbers are not in this page.");
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": `Numbers of point ${i}` },
    tableOf(
      values.map((_, at) => String(at)),
      [values.map(number)],
      { caption: "Its numbers, by column", numbers: [...values.keys()] },
    ),
  );
}

/** The logits at theta0 and at the candidate, label by label, and the margins. */
function answersOf(
  run: RunDocument,
  { shown, y }: PointsDocument,
  i: number,
  candidate: number,
): Child[] {
  const before = answerOf(run, 0, i);
  const after = candidate === 0 ? undefined : answerOf(run, candidate, i);
  const known = [before, after].filter((answer) => answer !== undefined);
  const range = rangeWith0(known.flatMap(({ logits }) => logits.filter((v) => v !== null)));
  const bar = (answer: Answer, at: number, kind: string) => ({
    value: answer.logits[at] ?? 0,
    range,
    kind,
  });
  const rows = shown[i].map((label, at) => [
    label === y[i] ? h("strong", {}, wordOf(run, label)) : wordOf(run, label),
    bars(
      ...(before ? [bar(before, at, "theta0")] : []),
      ...(after ? [bar(after, at, label === y[i] ? "own" : "candidate")] : []),
    ),
    ...known.map(({ logits }) => number(logits[at])),
  ]);
  const margin = (answer: Answer): string =>
    `${answer.atMost ? "at most " : ""}${number(answer.margin)}`;
  const headings = [...(before ? ["θ₀"] : []), ...(after ? ["looked at"] : [])];
  return [
    tableOf(
      ["label", "", ...headings],
      [...rows, [h("em", {}, "margin"), "", ...known.map(margin)]],
      { caption: "Logits", numbers: [2, 3] },
    ),
  ];
}
