// A queue with users, with TLS, with a shard that kills every worker, with commands that died, and with hostile jobs.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openQueue } from "../../src/machines/command.ts";
import { lookAtQueue } from "../../src/machines/look.ts";
import { keys, ownVersions, PREFIX, queueName } from "../../src/machines/names.ts";
import { registered } from "../../src/machines/registered.ts";
import { serveQueue } from "../../src/machines/work.ts";
import { temper } from "../helpers/command.ts";
import { module } from "../helpers/crash-task.ts";
import {
  freePort,
  listening,
  onRedis,
  redisPath,
  startRedis,
  type TestRedis,
} from "../helpers/redis.ts";

const task = (name: string): { module: string; name: string } => ({ module, name });
const none = (): undefined => undefined;
const registry = new Map([
  ...registered,
  ...["double", "dieAlways", "echo"].map((name) => [name, { module, images: none }] as const),
]);

/** Runs a map with one worker; either may have its own address. */
async function doubled(url: string, count: number, workerUrl = url): Promise<number[]> {
  const controller = new AbortController();
  const served = serveQueue(workerUrl, { processes: 1, registry, signal: controller.signal });
  const workers = await openQueue(url, { registry });
  workers.share("offset", 1);
  const args = Array.from({ length: count }, (_, i) => i);
  try {
    return await workers.map<number, number>(task("double"), args);
  } finally {
    await workers.close();
    controller.abort();
    await served;
  }
}

describe.skipIf(redisPath === undefined)(`a queue${onRedis}`, () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it("serves a user who may do no more than docs/machines.md says, with a password from the environment", async () => {
    const client = new Redis(redis.port);
    const words = "reset on >hush-hush ~temper:* resetchannels +@all -@admin -@dangerous +info";
    await client.call("ACL", "SETUSER", "temper", ...words.split(" "));
    client.disconnect();
    const url = redis.url.replace("//", "//temper@");
    await expect(openQueue(url)).rejects.toMatchObject({ code: "queue-unreachable" });
    const file = join(mkdtempSync(join(tmpdir(), "temper-")), "password");
    writeFileSync(file, "hush-hush\n");
    process.env.TEMPER_QUEUE_PASSWORD_FILE = file;
    try {
      expect(await doubled(url, 5)).toEqual([1, 3, 5, 7, 9]);
      expect(await lookAtQueue(url)).toMatchObject({ workers: [], waiting: 0 });
    } finally {
      delete process.env.TEMPER_QUEUE_PASSWORD_FILE;
    }
  });

  it("is found over TLS, by a certificate that is checked", async () => {
    const folder = mkdtempSync(join(tmpdir(), "temper-tls-"));
    const [key, certificate] = ["key.pem", "cert.pem"].map((name) => join(folder, name));
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject];
    execFileSync("openssl", [...made, "-keyout", key, "-out", certificate], { stdio: "ignore" });
    const port = await freePort();
    const tls = await startRedis(
      ...["--tls-port", `${port}`, "--tls-cert-file", certificate, "--tls-key-file", key],
      ...["--tls-auth-clients", "no"],
    );
    try {
      await listening(port);
      const url = `rediss://localhost:${port}/0`;
      const trusted = await temper(["queue", url], { env: { NODE_EXTRA_CA_CERTS: certificate } });
      expect(trusted.stderr).toBe("");
      expect(trusted.stdout).toMatch(/^0 workers, 0 commands/);
      const { code, stderr } = await temper(["queue", url]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/cannot be used: .*certificate/);
    } finally {
      await tls.stop();
    }
  });

  it("gives up a shard that kills every worker, and lists it with the reason", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const served = serveQueue(redis.url, { processes: 1, registry, signal });
    const workers = await openQueue(redis.url, { registry });
    await expect(workers.map(task("dieAlways"), [0])).rejects.toMatchObject({
      code: "worker-failed",
      message: expect.stringContaining("ended 3 times"),
    });
    await workers.close();
    const { failed } = await lookAtQueue(redis.url);
    expect(failed).toMatchObject([{ task: "dieAlways", reason: expect.stringMatching(/ended 3/) }]);
    controller.abort();
    await served;
  });

  it("drops the shards of a command that died, and those that are not Temper's", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const client = new Redis(redis.port, { maxRetriesPerRequest: null });
    const { Queue } = await import("bullmq");
    const queue = new Queue(queueName(ownVersions()), { connection: client, prefix: PREFIX });
    const of = { map: 1, versions: ownVersions(), shared: {}, arg: { inline: "AAAA" } };
    const word = { id: "alive", host: "h", pid: 1, versions: ownVersions(), since: 0, maps: [1] };
    await client.set(keys.run("alive"), JSON.stringify(word));
    await queue.add("echo", { ...of, run: "dead" });
    await queue.add("echo", { ...of, run: "alive" });
    await queue.add("constructor", { ...of, run: "alive" });
    const path = { hash: "../../etc/passwd", bytes: 10 };
    await queue.add("echo", { ...of, run: "alive", shared: { theta: path } });
    const large = { hash: "0".repeat(64), bytes: 2 ** 50 };
    await queue.add("echo", { ...of, run: "alive", shared: { theta: large } });
    const events: [string, unknown][] = [];
    const served = serveQueue(redis.url, {
      ...{ processes: 1, registry, signal },
      onEvent: (event, { message }) => void events.push([event, message]),
    });
    const failed = (): unknown[] =>
      events.filter(([event]) => event === "failed").map(([, m]) => m);
    await expect.poll(() => failed().length, { timeout: 60_000 }).toBe(4);
    expect(events.filter(([event]) => event === "unwanted")).toHaveLength(1);
    expect(failed().join()).toMatch(/is damaged, or not from Temper/);
    expect(failed().join()).toMatch(/the task "constructor", which there is not/);
    expect(failed().join()).toMatch(/not what it was to be/);
    expect(failed().join()).toMatch(/twice, need 2100000 GB of memory/);
    controller.abort();
    await served;
    await queue.close();
    await client.del(keys.run("alive"));
    client.disconnect();
  });

  it("shows no password to those who list processes, in a log, or in a message", async () => {
    const log = join(mkdtempSync(join(tmpdir(), "temper-")), "log");
    const url = redis.url.replace("//", "//:hush-hush@");
    const refused = await temper(["worker", "--queue", url, "--log", log]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).not.toMatch(/hush/);
    expect(existsSync(log)).toBe(true);
    const model = resolve("models/digits-cnnlight.onnx");
    const both = ["evaluate", model, "--data", "digits:test", "--threads", "1", "--queue", url];
    expect((await temper(both)).stderr).toMatch(/leave --threads out/);
  });
});
