// What a run's candidates answer to the points: the logits that the page draws as bars.
import { type Dataset, imagesOf } from "../data/dataset.ts";
import type { Model } from "../engine/model.ts";
import type { AnswersDocument } from "./document.ts";

/** Labels of a point that are shown: all where there are no more, else the true one and the strongest. */
const SHOWN = 12;
/** Numbers that the answers of all candidates may hold; theta0 and the choice are always there. */
const BUDGET = 20_000;

/** The logits of the points at candidates: the first two whatever they take, more while they are few. */
export async function answersOf(
  model: Model,
  points: Dataset,
  candidates: readonly { readonly candidate: number; readonly theta: () => Float32Array }[],
): Promise<{ readonly shown: number[][]; readonly answers: AnswersDocument[] }> {
  const { labels } = model;
  const each = points.count * Math.min(labels, SHOWN);
  const taken = candidates.slice(0, Math.max(2, Math.floor(BUDGET / each)));
  const x = imagesOf(points);
  const logits: Float32Array[] = [];
  for (const { theta } of taken) {
    const there = await model.withParameters(theta());
    logits.push(await there.logits(x, points.count).finally(there.close));
  }
  const shown = Array.from(points.labels, (y, i) =>
    shownOf(
      y,
      logits.slice(0, 2).map((all) => all.subarray(i * labels, (i + 1) * labels)),
    ),
  );
  const answers = taken.map(({ candidate }, of) => ({
    candidate,
    logits: shown.map((list, i) => list.map((l) => finite(logits[of][i * labels + l]))),
  }));
  return { shown, answers };
}

/** The labels to show of a point: the true one and the strongest of each candidate, by number. */
function shownOf(y: number, rows: readonly Float32Array[]): number[] {
  const strongest = rows.flatMap((row) =>
    Array.from(row.keys())
      .toSorted((a, b) => row[b] - row[a])
      .slice(0, SHOWN / rows.length),
  );
  const all = rows[0].length <= SHOWN ? [...rows[0].keys()] : [y, ...strongest];
  return [...new Set(all)].slice(0, SHOWN).toSorted((a, b) => a - b);
}

/** Five digits; JSON has no word for what is not finite. */
const finite = (value: number): number | null =>
  Number.isFinite(value) ? Number(value.toPrecision(5)) : null;
