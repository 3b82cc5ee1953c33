// The process in which another solver from npm works, so that it can be killed when it takes too long.
import highsModule from "highs";
import { solveQP } from "quadprog";
import type { Answer, Question, Rival } from "./ask.ts";
import type { Dual } from "./dual.ts";

/** The package declares the types of its CommonJS form, in which the loader lies one level deeper. */
const loadHighs = highsModule as unknown as typeof highsModule.default;

type Solver = (dual: Dual) => Float64Array;

const solvers: Readonly<Record<Rival, () => Promise<Solver>>> = {
  quadprog: async () => askQuadprog,
  highs: async () => askHighs(await loadHighs()),
};

process.on("SIGINT", () => {}); // Ctrl-C reaches the whole process group; the parent decides
process.on("message", async (question: Question) => {
  const found = await answer(question);
  if (process.connected) process.send?.(found);
});

/** Answers one question; only finding the solution is timed. */
async function answer({ rival, dual }: Question): Promise<Answer> {
  const solver = await solvers[rival]();
  const from = performance.now();
  const seconds = (): number => (performance.now() - from) / 1000;
  try {
    const lambda = solver(dual);
    return { kind: "solved", seconds: seconds(), lambda };
  } catch (cause) {
    return { kind: "failed", seconds: seconds(), words: String((cause as Error).message ?? cause) };
  }
}

/** An array that begins at index 1, as quadprog's Fortran has them. */
const fromOne = (values: Iterable<number>): number[] => [0, ...values];

function askQuadprog({ gram, rhs }: Dual): Float64Array {
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
}

const term = (factor: number, name: string): string =>
  `${factor < 0 ? "-" : "+"} ${Math.abs(factor)} ${name}`;

const askHighs =
  (highs: Awaited<ReturnType<typeof loadHighs>>): Solver =>
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
    // The format wants a constraint, so it gets one that always holds. Variables are >= 0 by default.
    const { Status, Columns } = highs.solve(
      `Minimize\nobj: ${linear} + [ ${lines.join("\n")} ] / 2\nSubject To\nc: x0 >= 0\nEnd`,
      { output_flag: false },
    );
    if (Status !== "Optimal") throw new Error(Status);
    return Float64Array.from(rhs, (_, i) => Columns[`x${i}`].Primal);
  };
