// Asks another solver for the solution of one dual, within a time limit that it cannot overrun.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { throwIfAborted } from "../../src/errors.ts";
import type { Dual } from "./dual.ts";

export const rivals = ["quadprog", "highs"] as const;
export type Rival = (typeof rivals)[number];

export interface Question {
  readonly rival: Rival;
  readonly dual: Dual;
}

export type Answer =
  | { readonly kind: "solved"; readonly seconds: number; readonly lambda: Float64Array }
  /** The solver gave up; `words` are its own. */
  | { readonly kind: "failed"; readonly seconds: number; readonly words: string };

export type Outcome = Answer | { readonly kind: "over the limit" } | { readonly kind: "ended" };

export interface AskOptions {
  /** How many seconds the solver may take, the start of its process included. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
  /** The module that the process runs, which answers a question; default: the real solvers. */
  readonly entry?: URL | undefined;
}

const rivalProcess = new URL("./rival-process.ts", import.meta.url);

/** The answer, or what became of the process: killed after `limit` seconds, or ended by itself. */
export async function ask(
  question: Question,
  { limit, signal, entry = rivalProcess }: AskOptions,
): Promise<Outcome> {
  throwIfAborted(signal);
  const child = fork(fileURLToPath(entry), [], {
    serialization: "advanced",
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const stop = (): boolean => child.kill("SIGKILL");
  signal?.addEventListener("abort", stop);
  let timer: NodeJS.Timeout | undefined;
  try {
    const outcome = await new Promise<Outcome>((resolve) => {
      timer = setTimeout(() => resolve({ kind: "over the limit" }), 1000 * limit);
      child.once("message", (found) => resolve(found as Answer));
      child.once("exit", () => resolve({ kind: "ended" }));
      child.once("error", () => resolve({ kind: "ended" }));
      child.send(question);
    });
    throwIfAborted(signal);
    return outcome;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    stop();
  }
}
