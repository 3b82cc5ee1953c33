// What a candidate answers to the points, as far as the page knows it.
import type { Conflict } from "../../correct/conflict.ts";
import type { PointsDocument, RunDocument } from "../document.ts";

/** The answers to one point. */
export interface Answer {
  /** Of its shown labels; null for one that is not finite. */
  readonly logits: readonly (number | null)[];
  /** f_y less the strongest other shown label; null where a logit is not finite. */
  readonly margin: number | null;
  /** Whether another label that is not shown may be stronger. */
  readonly atMost: boolean;
}

/** The answer of a candidate, by its index in the pool, to point i; undefined where it was not kept. */
export function answerOf(run: RunDocument, candidate: number, i: number): Answer | undefined {
  const { points, labels, record } = run;
  const logits = points?.answers.find((one) => one.candidate === candidate)?.logits[i];
  if (points === undefined || logits === undefined) return undefined;
  const shown = points.shown[i];
  // The strongest labels of theta0 and of the choice are shown, so their margins are exact.
  const exact = shown.length === labels.length || candidate === 0 || candidate === record.choice;
  return { logits, margin: marginOf(logits, shown.indexOf(points.y[i])), atMost: !exact };
}

function marginOf(logits: readonly (number | null)[], at: number): number | null {
  const known = logits.filter((v) => v !== null);
  const own = logits[at];
  if (own === null || known.length < logits.length) return null;
  return own - known.reduce((most, v, l) => (l === at ? most : Math.max(most, v)), -Infinity);
}

/**
 * The points that are wrong: at this candidate where its answers are known, else at the choice; undefined where
 * neither is known yet.
 */
export function wrongAt(run: RunDocument, candidate: number): ReadonlySet<number> | undefined {
  const { points, record } = run;
  const of = [candidate, record.choice].find((one) => isKnown(points, one));
  // Of a run that bounds balls, `wrong` has what is not proven, which may well be right.
  const isRecorded = record.wrong !== undefined && record.certificate?.points === undefined;
  if (of !== candidate && isRecorded) return new Set(record.wrong);
  if (of === undefined) return undefined;
  return new Set(
    (points?.y ?? []).flatMap((_, i) => ((answerOf(run, of, i)?.margin ?? 0) > 0 ? [] : [i])),
  );
}

/** Whether the answers of a candidate were kept. */
export const isKnown = (points: PointsDocument | undefined, candidate: number): boolean =>
  points?.answers.some((one) => one.candidate === candidate) ?? false;

/** Points whose cuts excluded each other, or the loss; the same once. */
export function contradictionsIn({ record }: Pick<RunDocument, "record">): readonly Conflict[] {
  const groups = new Map(
    (record.contradictions ?? []).map(({ points, loss }) => [
      `${points.join()} ${loss}`,
      { points, loss },
    ]),
  );
  return [...groups.values()].filter(({ points }) => points.length > 0);
}
