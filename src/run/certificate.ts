// What is proven of the saved file of a correction, as the record says it.
import type { EpsSpace } from "../attack/settings.ts";
import type { BoundMethod } from "../bounds/differences.ts";

/** What is proven of a saved file: that so many images keep their label in the whole ball around them. */
export interface Certificate {
  /** By what bounds, widened by what float32 may round in any order of summation. */
  readonly method: BoundMethod;
  /** The norm of the balls. */
  readonly norm: "linf";
  /** Their radius. */
  readonly eps: number;
  /** What the radius is measured in. */
  readonly epsSpace: EpsSpace;
  /** The range of pixels, by which they are cut; null is no range. */
  readonly clip: readonly [low: number, high: number] | null;
  /** The points that had to be right in their balls, with `certifyRadius`; `wrong` has those that are not proven. */
  readonly points?: ProvenImages;
  /** Of the recipe robust, the images that judge, of which no cut was made. */
  readonly judging?: ProvenImages;
  /** Of the recipe robust, held-out data, where some were given. */
  readonly validation?: ProvenImages;
}

/** Images, and how many of them are proven right. */
export interface ProvenImages {
  /** How many images there are. */
  readonly images: number;
  /** How many of them are proven right, in their whole balls. */
  readonly proven: number;
}
