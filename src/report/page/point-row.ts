// A point: what it was, what it is, what was changed, and what is answered to it.
import type { PointsDocument, RunDocument } from "../document.ts";
import { type Answer, answerOf } from "./answers.ts";
import { bars, rangeWith0 } from "./bars.ts";
import { type Child, fill, h, scrollBox, tableOf } from "./dom.ts";
import { whenInView } from "./in-view.ts";
import { measured, number } from "./numbers.ts";
import { captioned, picture } from "./pictures.ts";
import { differenceOf, pixelsOf } from "./pixels.ts";
import { wordOf } from "./words.ts";

/** Pixels of the screen that a picture may take. */
const SIDE = 150;

/** The row of a point; its pictures and bars are made when it comes into view. */
export interface PointRow {
  readonly element: HTMLElement;
  /** Shows what a candidate answers, and whether that is wrong, where it is known. */
  look(candidate: number, wrong: boolean | undefined): void;
}

export function pointRow(run: RunDocument, points: PointsDocument, i: number): PointRow {
  const source = points.source?.[i];
  const from = source === undefined ? "" : `, image ${source} of its data`;
  const colon = h("span", {});
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
      `${from}, label ${wordOf(run, points.y[i])}`,
      colon,
      verdict,
      margins,
    ),
    h("div", { class: "body" }, looks, answers),
  );
  return {
    element,
    look: (candidate, wrong) =>
      whenInView(element, () => {
        const asked = candidate === 0 ? [0] : [0, candidate];
        const known = asked.flatMap((one) => answerOf(run, one, i) ?? []);
        const last = known.at(-1);
        const weaker =
          known.length < asked.length
            ? " at the choice"
            : last?.atMost && !wrong
              ? " among the labels shown"
              : "";
        const proven = provenIn(run, candidate, i);
        element.classList.toggle("wrong", wrong === true);
        fill(colon, wrong !== undefined && ": ");
        fill(verdict, wrong !== undefined && `${wrong ? "wrong" : "right"}${weaker}${proven}`);
        fill(margins, marginsOf(known));
        if (!element.classList.contains("drawn")) fill(looks, ...looksOf(run, points, i));
        element.classList.add("drawn");
        fill(answers, known.length > 0 && logits(run, points, i, known));
      }),
  };
}

/** Whether the ball of a point is proven, in words; only of the choice is that known, point by point. */
function provenIn({ record }: RunDocument, candidate: number, i: number): string {
  if (candidate !== record.choice || record.certificate?.points === undefined) return "";
  return record.wrong!.includes(i) ? ", its ball not proven" : ", its ball proven";
}

/** The margin at theta0, and what it became. */
function marginsOf(answers: readonly Answer[]): string {
  const said = answers.map(
    ({ atMost, margin }) => `${atMost ? "at most " : ""}${measured(margin)}`,
  );
  if (said.length === 0) return "";
  return said.length === 1 ? `, margin at θ₀ ${said[0]}` : `, margin ${said.join(" → ")}`;
}

/** The pictures of a point, or its numbers. */
function looksOf(
  run: RunDocument,
  { pictures, values, columns, y }: PointsDocument,
  i: number,
): Child[] {
  if (pictures === undefined) return [numbersOf(values?.[i], i, columns)];
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

function numbersOf(
  values: readonly number[] | undefined,
  i: number,
  columns: readonly string[] | undefined,
): HTMLElement {
  if (values === undefined) return h("p", { class: "hint" }, "Its numbers are not in this page.");
  return scrollBox(
    `Numbers of point ${i}`,
    tableOf(
      values.map((_, at) => columns?.[at] ?? `x${at}`),
      [values.map(number)],
      { caption: "Its numbers, by column", numbers: [...values.keys()] },
    ),
  );
}

/** The logits at theta0, and at the candidate where they are known, label by label. */
function logits(
  run: RunDocument,
  { shown, y }: PointsDocument,
  i: number,
  answers: readonly Answer[],
): HTMLElement {
  const range = rangeWith0(answers.flatMap((answer) => answer.logits.filter((v) => v !== null)));
  const rows = shown[i].map((label, at) => {
    const own = label === y[i];
    const kinds = ["theta0", own ? "own" : "candidate"];
    return [
      own ? h("strong", {}, wordOf(run, label)) : wordOf(run, label),
      bars(
        ...answers.map((answer, k) => ({ value: answer.logits[at] ?? 0, range, kind: kinds[k] })),
      ),
      ...answers.map((answer) => number(answer.logits[at])),
    ];
  });
  return tableOf(["label", "logits", ...["θ₀", "looked at"].slice(0, answers.length)], rows, {
    caption: `Logits of point ${i}`,
    numbers: [2, 3],
  });
}
