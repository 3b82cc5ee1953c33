// How a command ends: errors become a message on stderr and an exit code.
import { CommanderError } from "commander";
import { type ErrorCode, rawWords, TemperError } from "../errors.ts";
import type { Context } from "./context.ts";

/** Ran but failed; every other refusal is wrong use or unreadable input. */
const ranButFailed: ReadonlySet<ErrorCode> = new Set([
  "worker-failed",
  "queue-unreachable",
  "download-failed",
  "aborted",
]);

function exitCode(error: unknown, verbose: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof TemperError) {
    process.stderr.write(`error: ${error.message}\n`);
    const raw = verbose ? rawWords(error) : undefined;
    if (raw !== undefined) process.stderr.write(`behind it: ${raw}\n`);
    return ranButFailed.has(error.code) ? 1 : 2;
  }
  if (/allocation failed|bad_?alloc|out of memory/i.test(String(error))) {
    process.stderr.write(
      `error: memory ran out: ${(error as Error).message}\n` +
        "give fewer --threads, fewer images or fewer points\n",
    );
    return 1;
  }
  // What the system refuses, such as a full disk, is no fault of this program: a stack trace would help nobody.
  const { syscall, message, stack } = error as NodeJS.ErrnoException;
  process.stderr.write(`error: ${syscall === undefined ? (stack ?? error) : message}\n`);
  return 1;
}

/** Runs a command; an error that ends it becomes a message, with --verbose what lies behind it, and an exit code. */
export async function endingWell(
  { progress, verbose = false }: Pick<Context, "progress"> & Partial<Pick<Context, "verbose">>,
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    progress.stop();
    process.exitCode = exitCode(error, verbose);
  }
}
