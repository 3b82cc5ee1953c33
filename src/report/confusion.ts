// What the answers on clean images became: which label is taken for which other, before and after.
import type { Predictions } from "../run/clean.ts";
import type { SetDocument } from "./document.ts";

/** The wrong answers of a data set, counted by true label and answer, and the images that were right and are not. */
export function confusionOf({ y, before, after }: Predictions): Omit<SetDocument, "pictures"> {
  const counts = new Map<string, [number, number, number, number]>();
  const count = (label: number, answer: number, at: 2 | 3): void => {
    if (label === answer) return;
    const key = `${label} ${answer}`;
    const entry = counts.get(key) ?? [label, answer, 0, 0];
    entry[at]++;
    counts.set(key, entry);
  };
  const flipped: [number, number, number][] = [];
  for (const [i, label] of y.entries()) {
    count(label, before[i], 2);
    count(label, after[i], 3);
    if (before[i] === label && after[i] !== label) flipped.push([i, label, after[i]]);
  }
  return { confusion: [...counts.values()], flipped };
}
