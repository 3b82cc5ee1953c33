// What Square draws: rectangles in an image, and the changes that fill them.
import { type Frame, rowAt } from "../data/frame.ts";
import type { Random } from "../tensor/random.ts";
import type { Subject } from "./subject.ts";

/** How a norm's perturbations are drawn; all that is written lies in the ball and the range. */
export interface Squares {
  /** Writes the start into x. */
  start(x: Float32Array): void;
  /** Writes a neighbour of `best` into `trial`: it differs where a square of `share` of the image lies. */
  propose(best: Float32Array, share: number, trial: Float32Array): void;
}

/** What they are drawn for, and from. */
export interface Sampling {
  readonly subject: Pick<Subject, "clean" | "ball">;
  readonly frame: Frame;
  readonly random: Random;
}

export interface Rectangle {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
}

/** A square of about that many pixels, its side rounded by `roundSide`; where it is too high, a rectangle. */
export function squareOf(
  { rows, columns }: Frame,
  area: number,
  roundSide: (side: number) => number,
): Pick<Rectangle, "rows" | "columns"> {
  const side = roundSide(Math.sqrt(area));
  if (side <= rows) return { rows: side, columns: Math.min(side, columns) };
  return { rows, columns: Math.min(Math.max(1, Math.round(area / rows)), columns) };
}

/** Places a rectangle in the frame, anywhere with equal chances. */
export const placed = (
  frame: Frame,
  { rows, columns }: Pick<Rectangle, "rows" | "columns">,
  random: Random,
): Rectangle => ({
  rows,
  columns,
  row: random.below(frame.rows - rows + 1),
  column: random.below(frame.columns - columns + 1),
});

/** Calls `visit` for every pixel of a channel's rectangle: its index in the image and in the rectangle. */
export function eachPixel(
  frame: Frame,
  channel: number,
  at: Rectangle,
  visit: (i: number, inside: number) => void,
): void {
  for (let r = 0; r < at.rows; r++) {
    const from = rowAt(frame, channel, at.row + r) + at.column * frame.columnStride;
    for (let c = 0; c < at.columns; c++) visit(from + c * frame.columnStride, r * at.columns + c);
  }
}
