// temper bench: what was measured elsewhere, measured again; one sub-command a bench.
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addBeyond } from "./bench/beyond.ts";
import { addEvaluation } from "./bench/evaluation.ts";
import { addFigure1 } from "./bench/figure1.ts";
import { addSpeed } from "./bench/speed.ts";
import { addTable4 } from "./bench/table4.ts";
import { addTables } from "./bench/tables.ts";

export function addBench(program: Command, context: Context): void {
  const bench = program
    .command("bench")
    .summary("the paper's tables and figure recomputed, speed measured")
    .description(
      "Recomputes what the paper reports, and writes it beside the paper's figures; evaluates networks side by side. " +
        "A bench that was stopped goes on when it is called again.",
    );
  const all = [addTables, addTable4, addFigure1, addSpeed, addEvaluation, addBeyond];
  for (const add of all) add(bench, context);
}
