// temper serve: the page of a run, served to this machine's browsers.
import { once } from "node:events";
import type { Command } from "commander";
import { flag, wholeNumber } from "../../options/kinds.ts";
import { serveRun } from "../../report/serve.ts";
import { openInBrowser } from "../browser.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { workFlags } from "../shared-flags.ts";

interface Flags {
  readonly port?: number;
  readonly open?: boolean;
}

async function run(folder: string, { port, open = false }: Flags, context: Context): Promise<void> {
  const { signal } = context;
  const server = await serveRun(folder, { port });
  context.print(server.address);
  context.progress.line("Ctrl-C ends it");
  if (open) openInBrowser(server.address, context);
  if (!signal.aborted) await once(signal, "abort");
  await server.close("followed");
}

export function addServe(program: Command, context: Context): void {
  const command = program
    .command("serve")
    .summary("the page of a run, also of one that goes on")
    .description(
      "Serves the page of a RUN to browsers of this machine, and prints its address, until Ctrl-C. A finished run is " +
        "shown with the ONNX file of every candidate; of one that goes on, in whatever process, the page shows each " +
        "iteration when it is on disk. It stops no run: correct --watch serves a page that can.",
    )
    .argument("<run>", "folder written by temper correct");
  addFlags(command, {
    port: {
      kind: wholeNumber(1),
      group: "Work",
      help: "the port to listen on",
      usual: "a free one",
    },
    open: { kind: flag, group: "What comes out", help: "open the page in the browser" },
    config: workFlags.config,
  })
    .addHelpText("after", "\nExample:\n  temper serve RUN --open")
    .action((folder: string, flags: Flags) => run(folder, flags, context));
}
