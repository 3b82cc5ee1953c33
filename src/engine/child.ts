// The entry of a worker process: it takes shared values and tasks from the parent, one at a time.
import { fstatSync } from "node:fs";
import { failureOf } from "../errors.ts";
import type { FromChild, ToChild } from "./children.ts";
import { clearRarely } from "./heap.ts";
import { heldNumbers } from "./held.ts";
import { leaveLong } from "./long-answers.ts";
import { ANSWERS } from "./scratch.ts";
import { createTaskState, type TaskFunction } from "./task.ts";

clearRarely();
const state = createTaskState();
/** Whether this process was given a file: what stands in for one takes everything and keeps nothing. */
const leaves = fstatSync(ANSWERS).isFile();
const reply = (message: FromChild): void => {
  // A parent that was killed closed the channel; this process then ends by itself.
  if (process.connected) process.send?.(message);
};

// Ctrl-C reaches the whole process group; the parent decides when its workers end. When the channel to
// the parent closes nothing keeps this process alive, and it ends by itself.
process.on("SIGINT", () => {});
process.on("message", async (message: ToChild) => {
  if (message.kind === "share") {
    state.set(message.key, message.value);
    return;
  }
  if (message.kind === "held") {
    state.set(message.key, heldNumbers(message));
    return;
  }
  const { id, task, arg } = message;
  try {
    const run = (await import(task.module))[task.name] as TaskFunction<unknown, unknown>;
    const result = await run(state, arg);
    reply({ kind: "done", id, ...(leaves ? leaveLong(ANSWERS, result) : { result }) });
  } catch (error) {
    reply({ kind: "failed", id, ...failureOf(error as Error) });
  }
});

// Most tasks run a network: what they need is there before the first of them comes.
void import("./tasks.ts");
