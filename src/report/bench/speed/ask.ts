// Asks another solver, within a time limit that it cannot overrun.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { throwIfAborted } from "../../../errors.ts";
import type { Answer, Question } from "./rival.ts";

export type Outcome = Answer | { readonly kind: "over the limit" } | { readonly kind: "ended" };

const fromSource = import.meta.url.endsWith(".ts");
const entry = fileURLToPath(
  new URL(fromSource ? "./rival-process.ts" : "./rival-process.js", import.meta.url),
);

/** The answer, or what became of the process: killed after `limit` seconds, or ended by itself. */
export async function ask(
  question: Question,
  limit: number,
  signal?: AbortSignal | undefined,
): Promise<Outcome> {
  throwIfAborted(signal);
  const child = fork(entry, [], {
    serialization: "advanced",
    execArgv: fromSource ? ["--import", "tsx"] : [],
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
