#!/usr/bin/env node
// The command `temper`: words to calls, errors to exit codes.
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { type ErrorCode, TemperError } from "../errors.ts";
import { addAttack } from "./commands/attack.ts";
import { addBench } from "./commands/bench.ts";
import { addCorrect } from "./commands/correct.ts";
import { addData } from "./commands/data.ts";
import { addDemo } from "./commands/demo.ts";
import { addEvaluate } from "./commands/evaluate.ts";
import { addInspect } from "./commands/inspect.ts";
import { addSelect } from "./commands/select.ts";
import { addTrain } from "./commands/train.ts";
import { type Context, createContext } from "./context.ts";

/** Ran but failed; every other refusal is wrong use or unreadable input. */
const ranButFailed: ReadonlySet<ErrorCode> = new Set([
  "worker-failed",
  "download-failed",
  "aborted",
]);

function createProgram(context: Context): Command {
  const { version } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  ) as { version: string };
  const program = new Command("temper")
    .description("Corrects a trained ONNX image classifier with constraints instead of retraining.")
    .version(version)
    .exitOverride()
    .configureHelp({ sortSubcommands: false });
  for (const add of [
    addDemo,
    addData,
    addCorrect,
    addSelect,
    addAttack,
    addEvaluate,
    addTrain,
    addInspect,
    addBench,
  ])
    add(program, context);
  for (const command of program.commands) command.exitOverride();
  return program;
}

function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof TemperError) {
    process.stderr.write(`error: ${error.message}\n`);
    return ranButFailed.has(error.code) ? 1 : 2;
  }
  process.stderr.write(`error: ${(error as Error).stack ?? error}\n`);
  return 1;
}

const context = createContext();
try {
  await createProgram(context).parseAsync();
} catch (error) {
  context.progress.stop();
  process.exitCode = exitCode(error);
}
