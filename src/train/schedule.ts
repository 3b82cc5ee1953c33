// How the learning rate goes over a training, and the mean of theta over its end.

/**
 * How the learning rate goes over a training: `falling` is linear from the peak to 0; `triangular` rises from 0 to the
 * peak over the first 40 %, then falls to 0.
 */
export type Schedule = "falling" | "triangular";

/** All shapes of the learning rate, for refusals. */
export const schedules: readonly Schedule[] = ["falling", "triangular"];

/** Where the triangle has its peak: 2/5 of the way, as in Wong, Rice & Kolter (ICLR 2020). */
const PEAK = 0.4;

/** The factor on the peak rate after a share of the training, in [0, 1]. */
export function rateAt(schedule: Schedule, done: number): number {
  switch (schedule) {
    case "falling":
      return 1 - done;
    case "triangular":
      return done < PEAK ? done / PEAK : (1 - done) / (1 - PEAK);
  }
}

/** A mean of vectors that are added one by one. */
export interface RunningMean {
  add(vector: Float64Array): void;
  /** How many were added. */
  readonly count: number;
  /** Their mean, [p]; it is not written to again. */
  rounded(): Float32Array;
}

/**
 * The mean of the thetas over the end of a training (Polyak & Juditsky, 1992; for networks Izmailov et al., UAI 2018).
 *
 * @param p the length of theta
 */
export function createMean(p: number): RunningMean {
  const mean = new Float64Array(p);
  let count = 0;
  return {
    add: (vector) => {
      count++;
      for (let i = 0; i < p; i++) mean[i] += (vector[i] - mean[i]) / count;
    },
    get count() {
      return count;
    },
    rounded: () => Float32Array.from(mean),
  };
}
