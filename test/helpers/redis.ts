// A Redis server of a test's own: Debian's redis-server on a free port, in a temporary folder.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const paths = [process.env.TEMPER_REDIS, "/usr/bin/redis-server", "/usr/bin/valkey-server"];

/** The server's path; undefined where there is none, and then the tests that need it are skipped. */
export const redisPath = paths.find((path) => path !== undefined && existsSync(path));

/** What a test with a queue is called where there is no server. */
export const onRedis = redisPath === undefined ? " (skipped: no redis-server)" : "";

/** A port that nobody listens on. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Resolves once somebody listens. */
export async function listening(port: number): Promise<void> {
  for (let left = 200; left > 0; left--) {
    const there = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (there) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`nobody listens on port ${port}`);
}

/** A running server. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Kills it and starts it again on the same port, with what it had written to its folder. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** @param options more words for its command line, such as --appendonly yes */
export async function startRedis(...options: readonly string[]): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), "temper-redis-"));
  const port = await freePort();
  let server: ChildProcess;
  const start = async (): Promise<void> => {
    const words = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
    server = spawn(redisPath!, [...words, ...options], { stdio: "ignore" });
    await listening(port);
  };
  const kill = (): Promise<void> =>
    new Promise((resolve) => {
      server.once("exit", () => resolve());
      server.kill("SIGKILL");
    });
  await start();
  return {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    restart: async () => {
      await kill();
      await start();
    },
    stop: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
