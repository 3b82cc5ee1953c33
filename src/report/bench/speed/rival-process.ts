// The entry of a process of its own in which another solver works, so that it can be killed when it takes too long.
import { answer, type Question } from "./rival.ts";

process.on("SIGINT", () => {}); // Ctrl-C reaches the whole process group; the parent decides
process.on("message", async (question: Question) => {
  const found = await answer(question);
  if (process.connected) process.send?.(found);
});
