// The process that reads Parquet files: one answer a question, until its parent ends.
import { TemperError } from "../errors.ts";
import type { Answer, Question } from "./parquet-process.ts";
import { readShard } from "./parquet-shard.ts";

async function answerTo({ path, keys }: Question): Promise<Answer> {
  try {
    return { shard: await readShard(path, keys) };
  } catch (error) {
    if (error instanceof TemperError) return { code: error.code, message: error.message };
    return {
      code: "data-unreadable",
      message: `${path}: cannot be read: ${(error as Error).message}\nfetch it again`,
    };
  }
}

process.on("message", async (question: Question) => {
  process.send?.(await answerTo(question));
});
process.send?.("ready");
