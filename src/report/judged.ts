// What judges the candidates of a run, in words: points, images that are attacked, or images that are proven.
import type { RunDocument } from "./document.ts";

export interface JudgedWords {
  /** Whose violation it is, and what is right of them. */
  readonly of: string;
  readonly right: string;
  /** An accuracy of images; undefined where points are counted. */
  readonly accuracy?: string;
}

/** The words for a run's options. */
export function judgedBy(options: RunDocument["record"]["options"]): JudgedWords {
  if (options.recipe !== "robust") {
    return options.certifyRadius === undefined
      ? { of: "the points", right: "points right" }
      : { of: "the bounds of the points' balls", right: "balls proven" };
  }
  if (options.certify !== true) {
    const right = "judging images right";
    return { of: "the judging images", right, accuracy: "attacked accuracy" };
  }
  const of = "the bounds of the judging images";
  return { of, right: "judging images proven", accuracy: "proven accuracy" };
}
