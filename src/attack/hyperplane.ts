// The nearest point of a hyperplane inside a box, in either norm: the projection that FAB is built on.
//
// min ||z - x|| over w . z = w . x + gap, low <= z <= high. Every pixel moves along the sign of gap w_i until
// its room is used up: by min(t m_i, room_i), with m_i = 1 in l-infinity and |w_i| in l2 (the KKT conditions).
// What t > 0 gains, sum_i |w_i| min(t m_i, room_i), is concave and piecewise linear, so Newton's method climbs
// from t = 0 to |gap| exactly; pixels whose room is used up drop out, so that the passes get shorter.
// This differs from Croce & Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack"
// (ICML 2020), who sort the pixels by room: the same point, without the sort.
import type { Ball } from "./threat.ts";

/** The range of every pixel, and the norm that is made least. */
export type Box = Pick<Ball, "norm" | "low" | "high">;

/**
 * Writes the projection of x into `z` and returns its distance from x. Where the box does not reach the
 * hyperplane, z is the corner nearest to it. A pixel outside the box stays where it is or moves inwards.
 */
export type Projection = (x: Float32Array, w: Float32Array, gap: number, z: Float32Array) => number;

// Stands for a pixel without an end, so that no product of 0 and Infinity is ever taken.
const FAR = 1e30;

/**
 * The projection of images of `size` pixels, with its working memory. No loop branches on a pixel: which way
 * one moves, and whether its room is used up, are coin tosses, and a processor that guesses them loses more
 * time than the arithmetic takes.
 */
export function hyperplaneProjection(size: number, { norm, low, high }: Box): Projection {
  const l2 = norm === "l2";
  const ends = new Float64Array(2 * size); // low and high of each pixel, side by side
  for (let i = 0; i < size; i++) {
    ends[2 * i] = Math.max(low[i], -FAR);
    ends[2 * i + 1] = Math.min(high[i], FAR);
  }
  const rates = new Float64Array(size); // |w_i| m_i
  const limits = new Float64Array(size); // the t at which the room is used up

  /** Returns t; where the box does not reach the plane, it is the t at which the last pixel stops. */
  const solve = (x: Float32Array, w: Float32Array, gap: number): number => {
    const sign = Math.sign(gap);
    let moving = 0;
    let slope = 0;
    let farthest = 0;
    for (let i = 0; i < size; i++) {
      const weight = Math.abs(w[i]);
      const upwards = Number(sign * w[i] > 0);
      const room = (2 * upwards - 1) * (ends[2 * i + upwards] - x[i]);
      const rate = l2 ? weight * weight : weight;
      const limit = l2 ? room / weight : room;
      const moves = Number(weight !== 0) * Number(room > 0);
      rates[moving] = rate;
      limits[moving] = limit;
      slope += rate * moves;
      farthest = limit * moves > farthest ? limit : farthest;
      moving += moves;
    }
    let missing = Math.abs(gap);
    while (moving > 0) {
      const t = missing / slope;
      const before = moving;
      moving = 0;
      slope = 0;
      for (let k = 0; k < before; k++) {
        const rate = rates[k];
        const limit = limits[k];
        const spent = Number(limit <= t);
        missing -= rate * limit * spent;
        rates[moving] = rate;
        limits[moving] = limit;
        slope += rate * (1 - spent);
        moving += 1 - spent;
      }
      if (moving === before) return t;
    }
    return farthest;
  };

  return (x, w, gap, z) => {
    const t = solve(x, w, gap);
    const sign = Math.sign(gap);
    let squares = 0;
    for (let i = 0; i < size; i++) {
      const weight = Math.abs(w[i]);
      const upwards = Number(sign * w[i] > 0);
      const side = 2 * upwards - 1;
      const room = side * (ends[2 * i + upwards] - x[i]);
      const reach = t * (l2 ? weight : Number(weight !== 0));
      const short = Number(reach > room);
      const move = (room * short + reach * (1 - short)) * Number(room > 0);
      z[i] = x[i] + side * move;
      squares += move * move;
    }
    return l2 ? Math.sqrt(squares) : t; // In l-infinity the farthest pixel moves by t.
  };
}
