// An image as channels of rows and columns, and rectangles in it.
import { imageSize } from "../data/dataset.ts";
import type { Random } from "../tensor/random.ts";

export interface Frame {
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
}

export interface Rectangle {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
}

/** The last two dimensions are rows and columns; a list of numbers is one row. */
export function frameOf(shape: readonly number[]): Frame {
  const [rows, columns] = [1, 1, ...shape].slice(-2);
  const size = imageSize(shape);
  return { channels: size / (rows * columns), rows, columns };
}

/** A square of about that many pixels , its side rounded by `roundSide`; where it is too high, a rectangle. */
export function squareOf(
  { rows, columns }: Frame,
  area: number,
  roundSide: (side: number) => number,
): Pick<Rectangle, "rows" | "columns"> {
  const side = roundSide(Math.sqrt(area));
  if (side <= rows) return { rows: side, columns: Math.min(side, columns) };
  return { rows, columns: Math.min(Math.max(1, Math.round(area / rows)), columns) };
}

/** Placed anywhere in the frame, with equal chances. */
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
  { rows, columns }: Frame,
  channel: number,
  at: Rectangle,
  visit: (i: number, inside: number) => void,
): void {
  for (let r = 0; r < at.rows; r++) {
    const from = (channel * rows + at.row + r) * columns + at.column;
    for (let c = 0; c < at.columns; c++) visit(from + c, r * at.columns + c);
  }
}
