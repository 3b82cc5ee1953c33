// What a run notes of the data sets it was given.
import { type AnyDataset, hashDataset } from "../data/dataset.ts";
import type { InputRecord } from "./record.ts";

/** Enough to tell whether another data set is the same. */
export const inputOf = (set: AnyDataset): InputRecord => ({
  sha256: hashDataset(set),
  count: set.count,
  ...(set.augment === undefined ? {} : { augment: set.augment }),
  ...(set.reading === undefined ? {} : { reading: set.reading }),
  ...(set.classes === undefined ? {} : { classes: set.classes }),
});
