// Where a bench's workers are: in network namespaces of their own behind 1 Gbit/s (tbf), with a delay by a proxy.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The bridge that the namespaces hang on, and the address of this machine on it. */
const BRIDGE = "temper0";
const NET = "10.77.13";
export const BRIDGE_HOST = `${NET}.1`;

const ip = (...words: string[]): void => void execFileSync("ip", words, { stdio: "ignore" });

/** Namespaces for workers, each behind a link of 1 Gbit/s. */
export interface Namespaces {
  /** The words that a command line begins with to run in the n-th. */
  enter(n: number): readonly string[];
  close(): void;
}

/** Makes namespaces; undefined where this user or this kernel may not. */
export function makeNamespaces(count: number): Namespaces | undefined {
  const name = (n: number): string => `temper-bench-${n}`;
  const close = (): void => {
    for (let n = 0; n < count; n++) attempt(() => ip("netns", "del", name(n)));
    attempt(() => ip("link", "del", BRIDGE));
  };
  try {
    ip("link", "add", BRIDGE, "type", "bridge");
    ip("addr", "add", `${BRIDGE_HOST}/24`, "dev", BRIDGE);
    ip("link", "set", BRIDGE, "up");
    for (let n = 0; n < count; n++) {
      const [near, far] = [`tw${n}`, `tf${n}`];
      ip("netns", "add", name(n));
      ip("link", "add", near, "type", "veth", "peer", "name", far);
      ip("link", "set", far, "netns", name(n));
      ip("link", "set", near, "master", BRIDGE, "up");
      const inside = ["netns", "exec", name(n)];
      ip(...inside, "ip", "addr", "add", `${NET}.${10 + n}/24`, "dev", far);
      ip(...inside, "ip", "link", "set", far, "up");
      const rate = ["root", "tbf", "rate", "1gbit", "burst", "1mb", "latency", "50ms"];
      execFileSync("tc", ["qdisc", "add", "dev", near, ...rate]);
      ip(...inside, "tc", "qdisc", "add", "dev", far, ...rate);
    }
  } catch {
    close();
    return undefined;
  }
  return { enter: (n) => ["ip", "netns", "exec", name(n)], close };
}

function attempt(act: () => void): void {
  try {
    act();
  } catch {
    // It was not there.
  }
}

/** A shard as a worker's log tells of it. */
export interface DoneShard {
  readonly task: string;
  /** Milliseconds on the worker in all, and in the process that ran it. */
  readonly ms: number;
  readonly ran: number;
  readonly bytes: number;
}

/** A process `temper worker`. */
export interface BenchWorker {
  done(): DoneShard[];
  stop(): Promise<void>;
}

/** Starts the built command as a worker of one process, with a cache of its own. */
export function startWorker(url: string, enter: readonly string[]): BenchWorker {
  const folder = mkdtempSync(join(tmpdir(), "temper-bench-"));
  const log = join(folder, "log");
  const words = [process.execPath, resolve("dist/cli/main.js"), "worker", "--queue", url];
  const [command, ...args] = [...enter, ...words, "--processes", "1", "--log", log];
  const child: ChildProcess = spawn(command, args, {
    stdio: "ignore",
    env: { ...process.env, TEMPER_CACHE: join(folder, "kept") },
  });
  return {
    done: () =>
      readFileSync(log, "utf8")
        .split("\n")
        .flatMap((line) => (line === "" ? [] : [JSON.parse(line)]))
        .filter(({ event }) => event === "done"),
    stop: () =>
      new Promise((ended) => {
        child.once("exit", () => {
          rmSync(folder, { recursive: true, force: true });
          ended();
        });
        child.kill("SIGTERM");
      }),
  };
}
