// The nearest point of a hyperplane inside a box, in either norm: the projection that FAB is built on.
//
// min ||z - x|| over w . z = w . x + gap, low <= z <= high. Every pixel moves along the sign of gap w_i until
// its room is used up: by min(t m_i, room_i), with m_i = 1 in l-infinity and |w_i| in l2 (the KKT conditions).
// What t > 0 gains, sum_i |w_i| min(t m_i, room_i), is concave and piecewise linear, so Newton's method climbs
// from t = 0 to |gap| exactly; pixels whose room is used up drop out, so that the passes get shorter.
// Differs from Croce & Hein, "Minimally distorted adversarial examples with a fast adaptive boundary attack"
// (ICML 2020), who sort the pixels by room: the same point, without the sort.
import type { Ball } from "./threat.ts";

/** The range of every pixel, and the norm that is made least. */
export type Box = Pick<Ball, "norm" | "low" | "high">;

/**
 * Writes the projection of x into `z` and returns its distance from x. Where the box does not reach the
 * hyperplane, z is the corner nearest to it. A pixel outside the box stays where it is or moves inwards.
 */
export type Projection = (x: Float32Array, w: Float32Array, gap: number, z: Float32Array) => number;

/** The projection of images of `size` pixels, with its working memory. */
export function hyperplaneProjection(size: number, { norm, low, high }: Box): Projection {
  const l2 = norm === "l2";
  const rates = new Float64Array(size); // |w_i| m_i
  const limits = new Float64Array(size); // the t at which the room is used up
  const roomOf = (x: Float32Array, i: number, up: number): number =>
    up > 0 ? high[i] - x[i] : x[i] - low[i];

  const solve = (x: Float32Array, w: Float32Array, gap: number): number => {
    const sign = Math.sign(gap);
    let moving = 0;
    let slope = 0;
    for (let i = 0; i < size; i++) {
      const up = sign * w[i];
      const room = roomOf(x, i, up);
      if (up === 0 || room <= 0) continue;
      const weight = Math.abs(up);
      const rate = l2 ? weight * weight : weight;
      rates[moving] = rate;
      limits[moving] = l2 ? room / weight : room;
      slope += rate;
      moving++;
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
        if (limit <= t) {
          missing -= rate * limit;
          continue;
        }
        rates[moving] = rate;
        limits[moving] = limit;
        slope += rate;
        moving++;
      }
      if (moving === before) return t;
    }
    return Number.POSITIVE_INFINITY;
  };

  return (x, w, gap, z) => {
    const t = solve(x, w, gap);
    const sign = Math.sign(gap);
    let distance = 0;
    for (let i = 0; i < size; i++) {
      const up = sign * w[i];
      const reach = l2 ? t * Math.abs(up) : t;
      const move = up === 0 ? 0 : Math.min(reach, Math.max(0, roomOf(x, i, up)));
      z[i] = x[i] + Math.sign(up) * move;
      distance = l2 ? distance + move * move : Math.max(distance, move);
    }
    return l2 ? Math.sqrt(distance) : distance;
  };
}
