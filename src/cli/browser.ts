// The system's browser, asked for one page.
import { spawn } from "node:child_process";
import type { Context } from "./context.ts";

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: "open", win32: "explorer" };

/** Opens an address in the browser; where there is none, a line says so, for the address was printed. */
export function openInBrowser(address: string, { progress }: Pick<Context, "progress">): void {
  const opener = OPENERS[process.platform] ?? "xdg-open";
  const failed = (why: string): void =>
    progress.line(`note: no browser was opened (${opener}: ${why})`);
  const child = spawn(opener, [address], { stdio: "ignore", detached: true });
  child.on("error", ({ message }) => failed(message));
  // Windows' explorer ends with 1 whatever it does.
  child.on("exit", (code) => {
    if (code !== 0 && opener !== "explorer") failed(`exit code ${code}`);
  });
  child.unref();
}
