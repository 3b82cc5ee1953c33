// What an attack may do to an image, and with how much effort: everything that is stated of it but its name.

/** Norms of the ball: `linf` bounds the largest change of a pixel, `l2` the Euclidean norm of all changes. */
export const norms = ["linf", "l2"] as const;
/** The norm of the ball that an attack stays in: `linf` or `l2`. */
export type Norm = (typeof norms)[number];

/**
 * Where defaults come from: `honest` attacks the true labels and keeps pixels in [0, 1]; `cleverhans` attacks the
 * labels that the network predicts and clips nothing, as in the paper's tables.
 */
export const protocols = ["honest", "cleverhans"] as const;
/** Where the defaults of an attack come from: `honest` or `cleverhans`. */
export type Protocol = (typeof protocols)[number];

/** What eps is measured in: `pixel` units, or the units of the `model`, each the std of its channel. */
export const epsSpaces = ["pixel", "model"] as const;
/** What eps is measured in: `pixel` or `model`. */
export type EpsSpace = (typeof epsSpaces)[number];

/** The settings of an attack, fully stated but for the seed of its random numbers. */
export interface StatedSettings {
  /** The norm of the ball. Default `linf`. */
  readonly norm: Norm;
  /** Radius of the ball, 0 or more, in the units of `epsSpace`. It has no default. */
  readonly eps: number;
  /**
   * What eps and the step are measured in. Default `pixel`. `model` means its normalised units, each the std of its
   * channel; the model must then have been opened with a std.
   */
  readonly epsSpace: EpsSpace;
  /** Length of one step of PGD, 0 or more. Default eps / 10; the other attacks choose theirs. */
  readonly stepSize: number;
  /**
   * Steps of a run, 1 or more; of Square its queries. Default 40 for PGD, 5000 for Square, 100 for the others; in
   * auto Square has 50 queries a step. FGSM takes one step whatever is stated.
   */
  readonly steps: number;
  /** Runs against one image, 1 or more; APGD-T and FAB-T make as many for each target. Default 1. */
  readonly restarts: number;
  /** The range that pixels are kept in, low below high, or null for none. Default [0, 1]. */
  readonly clip: readonly [low: number, high: number] | null;
  /** Whether FGSM and PGD lead away from the true labels or from the network's own. Default `true`. */
  readonly labels: "true" | "predicted";
  /** Whether PGD and APGD start at a random image of the ball, or at the clean one. Default true. */
  readonly randomStart: boolean;
  /**
   * Default `honest`. `cleverhans` changes two defaults to those of the paper's tables: `labels` to `predicted`,
   * and `clip` to null.
   */
  readonly protocol: Protocol;
}

/** The settings of an attack, fully stated. */
export interface AttackSettings extends StatedSettings {
  /** A whole number, default 0; the same seed gives the same images. */
  readonly seed: number;
}
