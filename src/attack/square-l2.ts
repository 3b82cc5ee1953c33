// Square's perturbations in l2: bumps on the sphere of radius eps, moved from one window to another.
//
// This differs from Andriushchenko et al. (ECCV 2020): in a hill wider than high the rings go on to the farther edge,
// as in the authors' code, so that no pixel of a bump is zero; where rows or columns are too few for a square,
// the windows are rectangles.
import type { Random } from "../tensor/random.ts";
import {
  eachPixel,
  placed,
  type Rectangle,
  type Sampling,
  type Squares,
  squareOf,
} from "./frame.ts";
import { clamp } from "./threat.ts";

type Size = Pick<Rectangle, "rows" | "columns">;

const TINY = 1e-12;

/** (2): at Chebyshev distance d from the centre the sum of 1 / m^2 over m = d + 1 .. n + 1. */
function hill({ rows, columns }: Size, r: number, c: number): number {
  const [middleRow, middleColumn] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  const distance = Math.max(Math.abs(r - middleRow), Math.abs(c - middleColumn));
  let height = 0;
  for (let m = distance + 1; m <= Math.max(middleRow, middleColumn) + 1; m++) height += 1 / m ** 2;
  return height;
}

/** A hill in one half of the window and a pit in the other, of norm 1; the halves one over the other or abreast. */
function bumpOf({ rows, columns }: Size, abreast: boolean): Float64Array {
  const cut = Math.floor((abreast ? columns : rows) / 2);
  const halves = abreast
    ? [
        { rows, columns: cut },
        { rows, columns: columns - cut },
      ]
    : [
        { rows: cut, columns },
        { rows: rows - cut, columns },
      ];
  const values = Float64Array.from({ length: rows * columns }, (_, i) => {
    const [r, c] = [Math.floor(i / columns), i % columns];
    if ((abreast ? c : r) < cut) return hill(halves[0], r, c);
    return -(abreast ? hill(halves[1], r, c - cut) : hill(halves[1], r - cut, c));
  });
  return toLength(values, 1);
}

function normOf(values: Float64Array): number {
  let squares = 0;
  for (const v of values) squares += v * v;
  return Math.sqrt(squares);
}

function toLength(values: Float64Array, length: number): Float64Array {
  const scale = length / (normOf(values) + TINY);
  for (let i = 0; i < values.length; i++) values[i] *= scale;
  return values;
}

/** Both bumps of each size of window, made when first needed. */
function bumps(random: Random): (size: Size) => Float64Array {
  const known = new Map<string, Float64Array>();
  return (size) => {
    const coin = random.below(2) === 1;
    // One row or one column can be halved one way only.
    const abreast = size.rows === 1 || (coin && size.columns > 1);
    const key = `${size.rows} ${size.columns} ${abreast}`;
    const bump = known.get(key) ?? bumpOf(size, abreast);
    known.set(key, bump);
    return bump;
  };
}

/** Odd and at least 3, so that a hill has a centre. */
function oddSide(side: number): number {
  const rounded = Math.max(3, Math.round(side));
  return rounded % 2 === 0 ? rounded + 1 : rounded;
}

/** Algorithm 3; the start is a grid of five by five bumps. */
export function l2Squares({ subject, frame, random }: Sampling): Squares {
  const { clean, ball } = subject;
  const { eps, low, high } = ball;
  const bump = bumps(random);
  const sign = (): number => 2 * random.below(2) - 1;
  const channels = [...Array(frame.channels).keys()];
  const delta = new Float64Array(clean.length);
  /** x = clean + delta, scaled from norm `from` to the sphere, and clipped. */
  const put = (x: Float32Array, from: number): void => {
    const scale = from === 0 ? 0 : eps / from;
    for (let i = 0; i < x.length; i++) x[i] = clamp(clean[i] + scale * delta[i], low[i], high[i]);
  };

  return {
    start: (x) => {
      delta.fill(0);
      const side = (length: number): number => Math.max(1, Math.floor(length / 5));
      const tile = { rows: side(frame.rows), columns: side(frame.columns) };
      const tiles = (length: number, of: number): number => Math.min(5, Math.floor(length / of));
      const down = tiles(frame.rows, tile.rows);
      const across = tiles(frame.columns, tile.columns);
      const top = Math.floor((frame.rows - down * tile.rows) / 2);
      const left = Math.floor((frame.columns - across * tile.columns) / 2);
      for (let k = 0; k < down * across; k++) {
        const row = top + Math.floor(k / across) * tile.rows;
        const column = left + (k % across) * tile.columns;
        const values = bump(tile);
        for (const channel of channels) {
          const up = sign();
          eachPixel(frame, channel, { ...tile, row, column }, (i, inside) => {
            delta[i] = up * values[inside];
          });
        }
      }
      put(x, normOf(delta));
    },
    propose: (best, share, trial) => {
      let squares = 0;
      for (let i = 0; i < best.length; i++) {
        const d = best[i] - clean[i];
        delta[i] = d;
        squares += d * d;
      }
      const size = squareOf(frame, share * frame.rows * frame.columns, oddSide);
      const [to, from] = [placed(frame, size, random), placed(frame, size, random)];
      const values = bump(size);
      // What the clip took away comes back, a share to each channel.
      const spare = Math.max(eps ** 2 - squares, 0) / frame.channels;
      for (const channel of channels) {
        const old = new Float64Array(values.length);
        let moved = 0;
        eachPixel(frame, channel, to, (i, inside) => {
          old[inside] = delta[i];
          moved += delta[i] ** 2;
          delta[i] = 0;
        });
        eachPixel(frame, channel, from, (i) => {
          moved += delta[i] ** 2;
          delta[i] = 0;
        });
        toLength(old, 1);
        const up = sign();
        for (let i = 0; i < old.length; i++) old[i] += up * values[i];
        toLength(old, Math.sqrt(moved + spare));
        squares += spare;
        eachPixel(frame, channel, to, (i, inside) => {
          delta[i] = old[inside];
        });
      }
      put(trial, Math.sqrt(squares));
    },
  };
}
