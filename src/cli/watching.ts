// --watch: the page of a run, served beside it while it goes on.
import { TemperError } from "../errors.ts";
import { flag } from "../options/kinds.ts";
import { serveRun } from "../report/serve.ts";
import { openInBrowser } from "./browser.ts";
import type { Context } from "./context.ts";
import type { Flags } from "./flags.ts";

/** --watch --open */
export const watchFlags = {
  watch: {
    kind: flag,
    group: "What comes out",
    everyday: true,
    help:
      "serve a page to this machine's browsers that shows the run as it goes on and can stop it; " +
      "the command ends when the page has the result",
  },
  open: {
    kind: flag,
    group: "What comes out",
    everyday: true,
    help: "with --watch: open the page in the browser",
  },
} as const satisfies Flags;

/** Milliseconds that a browser may take to ask for its page, where the run is quicker than it. */
const BROWSER = 10_000;

/** What is asked of the page of a run. */
export interface Watching {
  /** The folder of the run. */
  readonly out: string;
  readonly watch?: boolean | undefined;
  readonly open?: boolean | undefined;
  readonly resume?: boolean | undefined;
}

/** Works with the page beside it, where --watch asks for one: `work` gets the context that tells the page. */
export async function watched<R>(
  { out, watch = false, open = false, resume = false }: Watching,
  context: Context,
  work: (context: Context) => Promise<R>,
): Promise<R> {
  if (!watch) return work(context);
  const { progress, stop } = context;
  const server = await serveRun(out, { stop, replaced: !resume });
  progress.line(`page: ${server.address}`);
  if (open) openInBrowser(server.address, context);
  const update: typeof progress.update = (...how) => {
    progress.update(...how);
    server.progress(...how);
  };
  try {
    const result = await work({ ...context, progress: { ...progress, update } });
    await server.close("finished", { wait: open ? BROWSER : 0 });
    return result;
  } catch (error) {
    const stopped = error instanceof TemperError && error.code === "aborted";
    await server.close(stopped ? "stopped" : "failed");
    throw error;
  }
}
