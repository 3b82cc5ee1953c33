// One dual solved with another solver from npm.
//
// The packages are development dependencies of Temper, so they may be absent; that is an answer too.
import type { Dual } from "./dual.ts";

export const rivals = ["quadprog", "highs"] as const;
export type Rival = (typeof rivals)[number];

export interface Question {
  readonly rival: Rival;
  readonly dual: Dual;
}

export type Answer =
  | { readonly kind: "solved"; readonly seconds: number; readonly lambda: Float64Array }
  /** With the solver's words. */
  | { readonly kind: "failed"; readonly seconds: number; readonly words: string }
  | { readonly kind: "absent" };

/** What is asked of the packages; neither brings types that fit. */
interface Quadprog {
  solveQP(
    D: number[][],
    d: number[],
    A: number[][],
    b: number[],
  ): { readonly solution: number[]; readonly message: string };
}
interface Highs {
  solve(
    problem: string,
    options: object,
  ): { readonly Status: string; readonly Columns: Record<string, { readonly Primal: number }> };
}

type Solver = (dual: Dual) => Float64Array;

/** Arrays that begin at index 1, as in its Fortran. */
const fromOne = (values: Iterable<number>): number[] => [0, ...values];

const askQuadprog =
  ({ solveQP }: Quadprog): Solver =>
  ({ gram, rhs }) => {
    const m = rhs.length;
    const square = (at: (i: number, j: number) => number): number[][] =>
      Array.from({ length: m + 1 }, (_, i) =>
        Array.from({ length: m + 1 }, (_, j) => (i > 0 && j > 0 ? at(i - 1, j - 1) : 0)),
      );
    const { solution, message } = solveQP(
      square((i, j) => gram[i * m + j]),
      fromOne(rhs.map((b) => -b)),
      square((i, j) => (i === j ? 1 : 0)),
      new Array(m + 1).fill(0),
    );
    if (message !== "") throw new Error(message);
    return Float64Array.from(solution.slice(1));
  };

const term = (factor: number, name: string): string =>
  `${factor < 0 ? "-" : "+"} ${Math.abs(factor)} ${name}`;

const askHighs =
  (highs: Highs): Solver =>
  ({ gram, rhs }) => {
    const m = rhs.length;
    const lines = Array.from(rhs, (_, i) => {
      const terms: string[] = [];
      for (let j = i; j < m; j++) {
        const square = j === i ? `x${i} ^2` : `x${i} * x${j}`;
        terms.push(term((j === i ? 1 : 2) * gram[i * m + j], square));
      }
      return terms.join(" ");
    });
    const linear = Array.from(rhs, (b, i) => term(b, `x${i}`)).join(" ");
    // A constraint that always holds: the format wants one. Variables are >= 0 by default.
    const { Status, Columns } = highs.solve(
      `Minimize\nobj: ${linear} + [ ${lines.join("\n")} ] / 2\nSubject To\nc: x0 >= 0\nEnd`,
      { output_flag: false },
    );
    if (Status !== "Optimal") throw new Error(Status);
    return Float64Array.from(rhs, (_, i) => Columns[`x${i}`].Primal);
  };

/** By a variable, so that a build without the packages does not look for them. */
const load = async (name: string): Promise<unknown> => {
  const loaded = await import(name);
  return loaded.default ?? loaded;
};

async function solverOf(rival: Rival): Promise<Solver> {
  const loaded = await load(rival);
  return rival === "quadprog"
    ? askQuadprog(loaded as Quadprog)
    : askHighs(await (loaded as () => Promise<Highs>)());
}

/** Answers one question; only finding the solution is timed. */
export async function answer({ rival, dual }: Question): Promise<Answer> {
  let solver: Solver;
  try {
    solver = await solverOf(rival);
  } catch {
    return { kind: "absent" };
  }
  const from = performance.now();
  const seconds = (): number => (performance.now() - from) / 1000;
  try {
    const lambda = solver(dual);
    return { kind: "solved", seconds: seconds(), lambda };
  } catch (cause) {
    return { kind: "failed", seconds: seconds(), words: String((cause as Error).message ?? cause) };
  }
}
