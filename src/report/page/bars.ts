// Bars in the cells of tables: the chart and its numbers are one, in any width, for eyes and for screen readers.
import { h } from "./dom.ts";

/** A bar from 0 to a value, and the range that the whole cell stands for; it holds 0. */
export interface Bar {
  readonly value: number;
  readonly range: readonly [low: number, high: number];
  /** A name in the style sheet. */
  readonly kind: string;
}

/** Bars one under the other, with a line at 0 where some of them can be negative. */
export function bars(...list: readonly Bar[]): HTMLElement {
  const [low, high] = list[0]?.range ?? [0, 1];
  return h(
    "div",
    { class: "bars", "aria-hidden": "true" },
    low < 0 && h("span", { class: "zero", style: `left:${percent(-low, low, high)}` }),
    ...list.map(({ value, range, kind }) =>
      h("span", { class: `bar ${kind}`, style: placed(value, range) }),
    ),
  );
}

const percent = (length: number, low: number, high: number): string =>
  `${((100 * length) / (high - low || 1)).toFixed(2)}%`;

function placed(value: number, [low, high]: Bar["range"]): string {
  const left = percent(Math.min(0, value) - low, low, high);
  return `margin-left:${left};width:${percent(Math.abs(value), low, high)}`;
}

/** The range that holds 0 and all of these. */
export const rangeWith0 = (values: readonly number[]): readonly [number, number] => [
  values.reduce((a, b) => Math.min(a, b), 0),
  values.reduce((a, b) => Math.max(a, b), 0),
];
