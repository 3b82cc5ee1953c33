// --limit --balanced: a seeded sample of the data in place of all.
import { sample } from "../attack/sample.ts";
import type { AnyDataset } from "../data/dataset.ts";
import { TemperError } from "../errors.ts";
import { flag, wholeNumber } from "../options/kinds.ts";
import type { Flags } from "./flags.ts";

export const sampleFlags = {
  limit: {
    kind: wholeNumber(),
    group: "What goes in",
    everyday: true,
    help: "only a seeded sample of n images, with the shares of labels that DATA have",
  },
  balanced: {
    kind: flag,
    group: "What goes in",
    help: "of the sample n / labels images of each label",
  },
} as const satisfies Flags;

/** What they give. */
export interface SampleFlags {
  readonly limit?: number;
  readonly balanced?: boolean;
}

/** @throws TemperError `bad-option` */
export function checkSample({ limit, balanced }: SampleFlags): void {
  if (balanced === true && limit === undefined) {
    throw new TemperError("bad-option", "--balanced needs --limit; give both, as in --limit 1000");
  }
}

/** The data, or the sample of them that is asked for. */
export const sampled = (
  whole: AnyDataset,
  { limit, balanced, seed }: SampleFlags & { readonly seed?: number | undefined },
): AnyDataset => (limit === undefined ? whole : sample(whole, { limit, seed, balanced }));
