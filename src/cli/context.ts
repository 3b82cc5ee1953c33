// What every command shares at run time: output streams, progress, and Ctrl-C as an AbortSignal.
import { createProgress, type Progress } from "./progress.ts";

export interface Context {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Stops as Ctrl-C does. */
  stop(): void;
  /** Whether a refusal is followed by the words of whoever refused first, such as onnxruntime. */
  readonly verbose: boolean;
  /** Results go to stdout. */
  print(text: string): void;
  /** With --json, the one document on stdout; nothing else is printed there. */
  printJson(document: unknown): void;
}

export async function createContext(verbose = false): Promise<Context> {
  const controller = new AbortController();
  process.once("SIGINT", () => controller.abort());
  // A reader that stops early, such as `head`, is no failure: the command goes on and writes its files.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") return;
    process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
    process.exitCode = 1;
  });
  return {
    progress: await createProgress(),
    signal: controller.signal,
    stop: () => controller.abort(),
    verbose,
    print: (text) => process.stdout.write(`${text}\n`),
    printJson: (document) => process.stdout.write(`${JSON.stringify(document, null, 2)}\n`),
  };
}

/** Says each note once, whichever part of the work comes upon it. */
export function noting({ progress }: Pick<Context, "progress">): (note: string) => void {
  const said = new Set<string>();
  return (note) => {
    if (!said.has(note)) progress.line(`note: ${note}`);
    said.add(note);
  };
}
