// npm run bench: what was measured elsewhere, measured again; one sub-command a bench.
import { Command } from "commander";
import { createContext } from "../src/cli/context.ts";
import { endingWell } from "../src/cli/exit.ts";
import { addBeyond } from "./beyond/command.ts";
import { addEvaluation } from "./evaluation/command.ts";
import { addFigure1 } from "./figure1.ts";
import { addMachines } from "./machines/command.ts";
import { addPage } from "./report/command.ts";
import { addSpeed } from "./speed/command.ts";
import { addTable4 } from "./table4.ts";
import { addTables } from "./tables/command.ts";

const context = await createContext();
const program = new Command("npm run bench --")
  .description(
    "Recomputes what the paper reports, and writes it beside the paper's figures; evaluates networks side by side. " +
      "A bench that was stopped goes on when it is called again.",
  )
  .exitOverride()
  .configureHelp({ sortSubcommands: false });
for (const add of [
  addTables,
  addTable4,
  addFigure1,
  addSpeed,
  addEvaluation,
  addBeyond,
  addPage,
  addMachines,
])
  add(program, context);
await endingWell(context, () => program.parseAsync());
