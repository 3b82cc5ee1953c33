// The subproblems (13) of a real run, solved again: by Temper warm and cold, and by other solvers from npm.
//
// A warm solver does what the run does: it begins at the multipliers of the iteration before, and has kept the Gram
// entries and products of earlier iterations. A cold one has seen nothing.
import { throwIfAborted } from "../../src/errors.ts";
import { ask, type Outcome, type Rival, rivals } from "./ask.ts";
import { dualOf, lengthsOf, type Quality, qualityOf } from "./dual.ts";
import { type RemadeCuts, type RunProblem, remakeCuts } from "./remade.ts";

export interface QpRow {
  readonly network: string;
  readonly points: number;
  readonly iteration: number;
  /** m of (13). */
  readonly rows: number;
  readonly solver: "Temper, warm" | "Temper, cold" | Rival;
  /** The status of the answer, or why there is none. */
  readonly outcome: string;
  /** The time of the solver alone, without work on rows; null where it was not asked. */
  readonly seconds: number | null;
  /** The time of Gram entries and products: those that Temper asks for, or all of G for another solver. */
  readonly rowSeconds: number | null;
  readonly quality: Quality | null;
}

export interface QpCall extends RunProblem {
  readonly network: string;
  /** After which iterations the problem is solved again. */
  readonly at: readonly number[];
  /** How many seconds another solver may take; 0 asks none. */
  readonly limit: number;
  readonly onProgress?: ((stage: string, done: number, of: number) => void) | undefined;
}

/** With more rows G alone has hundreds of megabytes, and the others are not asked. */
const MOST_ROWS = 5000;

type About = Pick<QpRow, "network" | "points" | "iteration" | "rows">;

function wordsOf(outcome: Outcome, limit: number): string {
  if (outcome.kind === "failed") return outcome.words;
  if (outcome.kind === "over the limit") return `killed after ${limit} s`;
  return outcome.kind === "ended" ? "its process died" : outcome.kind;
}

/** Gives the same problem to the other solvers; G is formed once for all of them. */
async function askRivals(
  { rows, rhs, timed }: RemadeCuts,
  about: About,
  lengths: Float64Array,
  { limit, signal }: QpCall,
): Promise<QpRow[]> {
  if (rows.count() > MOST_ROWS) {
    const megabytes = (rows.count() ** 2 * 8) / 2 ** 20;
    const outcome = `not asked: G alone has ${megabytes.toFixed(0)} MB`;
    const none = { outcome, seconds: null, rowSeconds: null, quality: null };
    return rivals.map((solver) => ({ ...about, solver, ...none }));
  }
  const formed = await timed(() => dualOf(rows, rhs(), lengths, signal));
  const answers: QpRow[] = [];
  for (const solver of rivals) {
    const found = await ask({ rival: solver, dual: formed.result }, { limit, signal });
    const solved = found.kind === "solved";
    answers.push({
      ...about,
      solver,
      outcome: wordsOf(found, limit),
      seconds: "seconds" in found ? found.seconds : null,
      rowSeconds: formed.seconds + formed.rowSeconds,
      quality: solved
        ? qualityOf(
            rows,
            rhs(),
            lengths,
            found.lambda.map((v, i) => v / lengths[i]),
          )
        : null,
    });
  }
  return answers;
}

/** Solves the problems of the run's chosen iterations with every solver. */
export async function measureQps(call: QpCall): Promise<QpRow[]> {
  const { network, points, run, at, limit, signal, onProgress } = call;
  const cuts = remakeCuts(call);
  const warm = cuts.subproblem();
  const found: QpRow[] = [];
  const last = Math.min(Math.max(...at), run.record.iterations.length);
  try {
    for (let iteration = 1; iteration <= last; iteration++) {
      onProgress?.(`QPs, ${points.count} points`, iteration, last);
      await cuts.add(iteration);
      throwIfAborted(signal);
      const solved = { "Temper, warm": await cuts.solve(warm) };
      if (!at.includes(iteration)) continue;
      const lengths = lengthsOf(cuts.rows);
      const about = { network, points: points.count, iteration, rows: cuts.rows.count() };
      const both = { ...solved, "Temper, cold": await cuts.solve(cuts.subproblem()) };
      for (const [solver, { result, seconds, rowSeconds }] of Object.entries(both)) {
        const quality = qualityOf(cuts.rows, cuts.rhs(), lengths, result.lambda);
        const { status: outcome } = result;
        found.push({
          ...about,
          solver: solver as "Temper, cold",
          outcome,
          seconds,
          rowSeconds,
          quality,
        });
      }
      if (limit > 0) found.push(...(await askRivals(cuts, about, lengths, call)));
    }
    return found;
  } finally {
    await cuts.close();
  }
}
