#!/usr/bin/env node
// The command `temper`: words to calls, errors to exit codes.
import { Command, Option } from "commander";
import { clearRarely } from "../engine/heap.ts";
import { versions } from "../run/versions.ts";
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

/** What adds each command to the program, in the order of the help: only the one that is asked for is loaded. */
const commands: Readonly<
  Record<string, () => Promise<(program: Command, context: Context) => void>>
> = {
  demo: async () => (await import("./commands/demo.ts")).addDemo,
  data: async () => (await import("./commands/data.ts")).addData,
  correct: async () => (await import("./commands/correct.ts")).addCorrect,
  select: async () => (await import("./commands/select.ts")).addSelect,
  report: async () => (await import("./commands/report.ts")).addReport,
  serve: async () => (await import("./commands/serve.ts")).addServe,
  attack: async () => (await import("./commands/attack.ts")).addAttack,
  points: async () => (await import("./commands/points.ts")).addPoints,
  evaluate: async () => (await import("./commands/evaluate.ts")).addEvaluate,
  verify: async () => (await import("./commands/verify.ts")).addVerify,
  train: async () => (await import("./commands/train.ts")).addTrain,
  inspect: async () => (await import("./commands/inspect.ts")).addInspect,
  plan: async () => (await import("./commands/plan.ts")).addPlan,
  diff: async () => (await import("./commands/diff.ts")).addDiff,
  export: async () => (await import("./commands/export.ts")).addExport,
  worker: async () => (await import("./commands/worker.ts")).addWorker,
  queue: async () => (await import("./commands/queue.ts")).addQueue,
  cache: async () => (await import("./commands/cache.ts")).addCache,
};

/** Of all commands alike, so that it is taken out of the words before they are read. */
const VERBOSE = "--verbose";

async function createProgram(
  context: Context,
  { words, all }: ReturnType<typeof wordsOf>,
): Promise<Command> {
  const program = new Command("temper")
    .description("Corrects a trained ONNX image classifier with constraints instead of retraining.")
    .version(versions().temper)
    .option(VERBOSE, "with any command: after an error, what onnxruntime or the system said")
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .addHelpText("after", SITUATIONS);
  // What is no command is answered with the help of all, or with the nearest of them.
  const asked = Object.hasOwn(commands, words[0]) ? [words[0]] : Object.keys(commands);
  for (const name of asked) (await commands[name]())(program, context);
  for (const command of program.commands) {
    command.exitOverride().configureHelp({
      visibleOptions: (of) => visible(of, all),
      helpWidth: process.stdout.columns ?? 110,
    });
    const rest = command.options.filter(isRare).length;
    if (rest > 0 && !all) {
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

clearRarely();
const given = process.argv.slice(2);
const context = await createContext(given.includes(VERBOSE));
await endingWell(context, async () => {
  const asked = wordsOf(given.filter((word) => word !== VERBOSE));
  const program = await createProgram(context, asked);
  await program.parseAsync(await withConfig(program, asked.words), { from: "user" });
});
