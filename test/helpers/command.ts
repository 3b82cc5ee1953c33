// Runs the built command and the benches as a user does, without a terminal.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const entry = resolve("dist/cli/main.js");
if (!existsSync(entry)) throw new Error("dist/cli/main.js is missing: run npm run build first");

const root = mkdtempSync(join(tmpdir(), "temper-cli-"));
process.on("exit", () => rmSync(root, { recursive: true, force: true }));

/** An empty folder, gone when the tests end. */
export const newFolder = (): string => mkdtempSync(join(root, "f"));

/** No data set of the machine is found, and no colour is asked for. */
const env = {
  ...process.env,
  TEMPER_DATA: "",
  XDG_CACHE_HOME: newFolder(),
  FORCE_COLOR: undefined,
};

export interface Ran {
  /** Exit code, or null where a signal ended the command. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What it left in its working folder. */
  readonly files: readonly string[];
  readonly milliseconds: number;
  /** The process group, where `interrupt` was given: it may be asked whether anyone is left. */
  readonly group: number;
}

export interface RunOptions {
  /** Working folder, an empty one unless given. */
  readonly cwd?: string;
  /**
   * Ctrl-C once there is output on stderr, or once there are worker processes: SIGINT to the whole
   * process group, as a terminal sends it.
   */
  readonly interrupt?: "on output" | "with workers";
  /** SIGKILL, which nothing can prepare for, when this fires. */
  readonly kill?: AbortSignal;
  /** Told all that stderr holds, whenever there is more of it. */
  readonly onStderr?: (text: string) => void;
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Closes the reading end of stdout at once, as `head` does when it has seen enough. */
  readonly deaf?: boolean;
}

/** Linux tells who has children; elsewhere three seconds are time enough to start some. */
function afterWorkersStart(pid: number, act: () => void): void {
  const list = `/proc/${pid}/task/${pid}/children`;
  if (!existsSync(list)) setTimeout(act, 3000);
  else if (readFileSync(list, "utf8") !== "") setTimeout(act, 300);
  else setTimeout(() => afterWorkersStart(pid, act), 50);
}

/** The command line `temper ...args`; `milliseconds` counts from the start or from the interrupt. */
export const temper = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  run([entry, ...args], options);

/** The command line `npm run bench -- ...args`, in the clone as npm runs it; results go where --out says. */
export const bench = (args: readonly string[]): Promise<Ran> =>
  run(["--import", "tsx", "bench/main.ts", ...args], { cwd: resolve(".") });

function run(args: readonly string[], options: RunOptions): Promise<Ran> {
  const { cwd = newFolder(), interrupt, kill, deaf, onStderr, env: more } = options;
  return new Promise((done, fail) => {
    let from = performance.now();
    const child = spawn(process.execPath, args, {
      cwd,
      env: { ...env, ...more },
      stdio: ["ignore", "pipe", "pipe"],
      detached: interrupt !== undefined,
    });
    const group = child.pid ?? 0;
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        texts[name] += text;
        if (name === "stderr") onStderr?.(texts.stderr);
      });
    }
    kill?.addEventListener("abort", () => child.kill("SIGKILL"));
    if (deaf) child.stdout.destroy();
    const press = (): void => {
      from = performance.now();
      process.kill(-group, "SIGINT");
    };
    if (interrupt === "with workers") afterWorkersStart(group, press);
    if (interrupt === "on output") child.stderr.once("data", press);
    child.on("error", fail);
    child.on("close", (code) => {
      const milliseconds = performance.now() - from;
      done({ code, ...texts, files: readdirSync(cwd), milliseconds, group });
    });
  });
}
