#!/usr/bin/env node
// The command `temper`: words to calls, errors to exit codes.
import { Command, Option } from "commander";
import { versions } from "../run/versions.ts";
import { addAttack } from "./commands/attack.ts";
import { addCache } from "./commands/cache.ts";
import { addCorrect } from "./commands/correct.ts";
import { addData } from "./commands/data.ts";
import { addDemo } from "./commands/demo.ts";
import { addDiff } from "./commands/diff.ts";
import { addEvaluate } from "./commands/evaluate.ts";
import { addExport } from "./commands/export.ts";
import { addInspect } from "./commands/inspect.ts";
import { addPlan } from "./commands/plan.ts";
import { addPoints } from "./commands/points.ts";
import { addQueue } from "./commands/queue.ts";
import { addReport } from "./commands/report.ts";
import { addSelect } from "./commands/select.ts";
import { addServe } from "./commands/serve.ts";
import { addTrain } from "./commands/train.ts";
import { addVerify } from "./commands/verify.ts";
import { addWorker } from "./commands/worker.ts";
import { withConfig } from "./config.ts";
import { type Context, createContext } from "./context.ts";
import { endingWell } from "./exit.ts";
import { isRare } from "./flags.ts";

const SITUATIONS = `
Which of these is yours?

  You want to see it work:         temper demo
  You have inputs it gets wrong:   temper correct model.onnx --data train.npz --points wrong.npz --out RUN
  You want to know what it takes:  temper plan model.onnx --data train.npz
  You want it robust in general:   temper correct model.onnx --data train.npz --recipe robust --eps 0.03 --out RUN
  You want to look at a run:       temper report RUN
  You want to know how it stands:  temper evaluate model.onnx --data test.npz --attack auto --eps 0.03

"temper COMMAND --help" shows the options that people use, "temper COMMAND --help all" all of them.`;

/** Of all commands alike, so that it is taken out of the words before they are read. */
const VERBOSE = "--verbose";

function createProgram(context: Context, everything: boolean): Command {
  const program = new Command("temper")
    .description("Corrects a trained ONNX image classifier with constraints instead of retraining.")
    .version(versions().temper)
    .option(VERBOSE, "with any command: after an error, what onnxruntime or the system said")
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .addHelpText("after", SITUATIONS);
  for (const add of [
    addDemo,
    addData,
    addCorrect,
    addSelect,
    addReport,
    addServe,
    addAttack,
    addPoints,
    addEvaluate,
    addVerify,
    addTrain,
    addInspect,
    addPlan,
    addDiff,
    addExport,
    addWorker,
    addQueue,
    addCache,
  ])
    add(program, context);
  for (const command of program.commands) {
    command.exitOverride().configureHelp({
      visibleOptions: (of) => visible(of, everything),
      helpWidth: process.stdout.columns ?? 110,
    });
    const rest = command.options.filter(isRare).length;
    if (rest > 0 && !everything) {
      command.addHelpText("after", `\n--help all shows ${rest} more options.`);
    }
  }
  return program;
}

/** The options that help lists: the everyday ones, or all; help itself comes last. */
const visible = (command: Command, everything: boolean): Option[] => [
  ...command.options.filter((option) => everything || !isRare(option)),
  new Option("--help [all]", "show this, or all options"),
];

/**
 * The words of the command line, and whether every option is to be listed: `--help` without `all` lists the everyday
 * ones. Where no help is asked for all are listed, so that a misspelt option is answered with the nearest of all.
 */
function wordsOf(argv: readonly string[]): { readonly words: string[]; readonly all: boolean } {
  const at = argv.findIndex((word) => word === "--help" || word === "-h");
  const asked = at >= 0 || argv[0] === "help";
  const all = at >= 0 && argv[at + 1] === "all";
  return { words: argv.filter((_, i) => !(all && i === at + 1)), all: all || !asked };
}

const given = process.argv.slice(2);
const context = createContext(given.includes(VERBOSE));
await endingWell(context, async () => {
  const { words, all } = wordsOf(given.filter((word) => word !== VERBOSE));
  const program = createProgram(context, all);
  await program.parseAsync(await withConfig(program, words), { from: "user" });
});
