// temper bench: what was measured elsewhere, measured again; one sub-command a bench.
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addEvaluation } from "./bench/evaluation.ts";
import { addFigure1 } from "./bench/figure1.ts";
import { addTable4 } from "./bench/table4.ts";
import { addTables } from "./bench/tables.ts";

export function addBench(program: Command, context: Context): void {
  const bench = program
    .command("bench")
    .summary("recompute the paper's tables and figure")
    .description(
      "Recomputes what the paper reports, and writes it beside the paper's figures; evaluates networks side by side. " +
        "A bench that was stopped goes on when it is called again.",
    );
  for (const add of [addTables, addTable4, addFigure1, addEvaluation]) add(bench, context);
}
