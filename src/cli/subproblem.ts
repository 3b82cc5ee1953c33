// How the subproblem (13) is built and solved, on the command line.
import type { Command } from "commander";
import { type CutChoice, cutChoices } from "../correct/cuts.ts";
import { type Solver, solvers } from "../run/options.ts";
import { count, countOr, number, oneOf, penalty } from "./parse.ts";

export interface SubproblemFlags {
  readonly radius?: number;
  readonly lossSlack?: number;
  readonly penalty?: number | "inf";
  readonly cuts?: CutChoice;
  readonly rivals?: number | "all";
  readonly solver?: Solver;
  readonly freeShare?: number;
  readonly blockSteps?: number;
}

export function withSubproblem(command: Command): Command {
  return command
    .option(
      "--radius <rho>",
      "robust cuts (18): ask every cut in the ball of this radius in pixels (default: 0)",
      number({ min: 0 }),
    )
    .option(
      "--loss-slack <delta>",
      "let the training loss rise by this much (default: 0; robust, a large network: 0.03)",
      number({ min: 0 }),
    )
    .option(
      "--penalty <c>",
      "elastic cuts: the price of a unit of violation, or inf: hard until they contradict each other (default: inf)",
      penalty,
    )
    .option(
      "--cuts <which>",
      "all: cut every rival of every point in each iteration. violated: only those not yet met " +
        "(default: all; --reattack: violated)",
      oneOf(cutChoices),
    )
    .option(
      "--rivals <k>",
      "cut only against the k strongest rivals of a point, or all (default: all)",
      countOr("all"),
    )
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
