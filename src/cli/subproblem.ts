// How the subproblem (13) is built and solved, on the command line.
import type { Command } from "commander";
import { type Solver, solvers } from "../run/options.ts";
import { count, number, oneOf } from "./parse.ts";

export interface SubproblemFlags {
  readonly solver?: Solver;
  readonly freeShare?: number;
  readonly blockSteps?: number;
}

export function withSubproblem(command: Command): Command {
  return command
    .option(
      "--solver <name>",
      "dual: the nearest point itself. blocks: Algorithm 2, part of the weights at a time (default: dual)",
      oneOf(solvers),
    )
    .option(
      "--free-share <s>",
      "blocks: the share of each layer's weights that may move in a step; biases always may (default: 0.2)",
      number({ min: 0, max: 1 }),
    )
    .option("--block-steps <t>", "blocks: steps an iteration (default: 5)", count());
}
