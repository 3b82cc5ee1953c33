// Square's perturbations in l-infinity: every pixel at clean - eps or clean + eps, a square of one sign a channel.
import { eachPixel, placed, type Sampling, type Squares, squareOf } from "./frame.ts";

/**
 * Algorithm 2: a square of -2 eps or 2 eps, added and projected. From pixels at the ball's edge that leads to
 * its edge again, so the edges, cut to the range, are written at once. The start is vertical stripes.
 */
export function linfSquares({ subject, frame, random }: Sampling): Squares {
  const { clean, ball } = subject;
  const edge = (sign: number): Float32Array => {
    const x = clean.map((v) => v + sign * ball.eps);
    ball.project(x);
    return x;
  };
  const edges = [edge(-1), edge(1)];
  const anyEdge = (): Float32Array => edges[random.below(2)];
  return {
    start: (x) => {
      for (let channel = 0; channel < frame.channels; channel++) {
        for (let column = 0; column < frame.columns; column++) {
          const stripe = { row: 0, column, rows: frame.rows, columns: 1 };
          const to = anyEdge();
          eachPixel(frame, channel, stripe, (i) => {
            x[i] = to[i];
          });
        }
      }
    },
    propose: (best, share, trial) => {
      trial.set(best);
      const area = share * frame.rows * frame.columns;
      const window = placed(
        frame,
        squareOf(frame, area, (side) => Math.max(1, Math.round(side))),
        random,
      );
      for (let channel = 0; channel < frame.channels; channel++) {
        const to = anyEdge();
        eachPixel(frame, channel, window, (i) => {
          trial[i] = to[i];
        });
      }
    },
  };
}
