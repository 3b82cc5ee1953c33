// Workers on a queue: the same results as here, whoever dies, whoever else uses it, whatever it is fed.
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Workers } from "../src/engine/workers.ts";
import { rawWords, type TemperError } from "../src/errors.ts";
import {
  correct,
  openData,
  openModel,
  type PointCall,
  type RobustCall,
  slice,
} from "../src/index.ts";
import { openQueue, type QueueOptions } from "../src/machines/command.ts";
import { lookAtQueue } from "../src/machines/look.ts";
import { keys, ownVersions } from "../src/machines/names.ts";
import { registered } from "../src/machines/registered.ts";
import { type ServeOptions, serveQueue } from "../src/machines/work.ts";
import { module } from "./helpers/crash-task.ts";
import { onRedis, redisPath, startRedis, type TestRedis } from "./helpers/redis.ts";

const own = ["double", "derivations", "dieOnce", "dieAlways", "refuse", "waitFor", "echo"];
const registry = new Map([
  ...registered,
  ...own.map((name) => [name, { module, images: () => undefined }] as const),
]);
const task = (name: string): { module: string; name: string } => ({ module, name });

let redis: TestRedis;
const open = new Set<() => Promise<void>>();
afterEach(async () => {
  for (const close of open) await close();
  open.clear();
});

/** A worker in this process, whose own processes run the shards. */
function worker(options: ServeOptions = {}): { stop(): Promise<void> } {
  const controller = new AbortController();
  const { signal } = controller;
  const served = serveQueue(redis.url, { processes: 1, registry, signal, ...options });
  served.catch(() => {});
  const stop = async (): Promise<void> => {
    open.delete(stop);
    controller.abort();
    await served;
  };
  open.add(stop);
  return { stop };
}

async function command(options: QueueOptions = {}): Promise<Workers> {
  const workers = await openQueue(redis.url, { registry, ...options });
  open.add(workers.close);
  return workers;
}

describe.skipIf(redisPath === undefined)(`a queue${onRedis}`, () => {
  const events: string[] = [];
  let two: ReturnType<typeof worker>[] = [];
  beforeAll(async () => {
    redis = await startRedis();
    two = [worker({ onEvent: (event) => void events.push(event) }), worker()];
    open.clear();
  });
  afterAll(async () => {
    await Promise.all(two.map(({ stop }) => stop()));
    await redis.stop();
  });

  it("answers in the order of the arguments, with the latest shared value, and ends early", async () => {
    const workers = await command();
    workers.share("offset", 0);
    const args = Array.from({ length: 60 }, (_, i) => i);
    const done: number[] = [];
    const onDone = (n: number): unknown => done.push(n);
    const twice = args.map((x) => 2 * x);
    expect(await workers.map(task("double"), args, { onDone })).toEqual(twice);
    expect(done).toEqual(args.map((x) => x + 1));
    const seen: number[] = [];
    await workers.each<number, number>(task("double"), args, (x) => seen.push(x) === 8);
    expect(seen).toEqual(twice.slice(0, 8));
    workers.share("offset", 1);
    expect(await workers.map(task("double"), args)).toEqual(args.map((x) => 2 * x + 1));
    expect(await workers.map(task("double"), [])).toEqual([]);
    const other = await command();
    other.share("offset", 100);
    const both = await Promise.all([workers, other].map((each) => each.map(task("double"), args)));
    expect(both[0][3]).toBe(7);
    expect(both[1][3]).toBe(106);
  });

  it("derives anew where a shared value is another, not where it is equal", async () => {
    const workers = await command();
    const made = async (last: number): Promise<number> => {
      workers.share("theta", Float32Array.of(1, last));
      return Math.max(...(await workers.map<number, number>(task("derivations"), [1, 2, 3])));
    };
    const before = await made(2);
    expect(await made(2)).toBe(before);
    expect(await made(3)).toBe(before + 1);
  });

  it("passes large arguments and results, and refusals with their code", async () => {
    const workers = await command();
    const large = Float64Array.from({ length: 6e5 }, (_, i) => Math.sin(i));
    const [back] = await workers.map<Float64Array, Float64Array>(task("echo"), [large]);
    const own = Buffer.from(back.buffer, back.byteOffset, back.byteLength);
    expect(Buffer.compare(own, Buffer.from(large.buffer))).toBe(0);
    const error = await workers.map(task("refuse"), [0]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "data-mismatch", message: "refused in the worker" });
    expect(rawWords(error as TemperError)).toBe("raw words");
  });

  it("gives the bytes of a run without it, data and model by their hashes", async () => {
    const data = await openData("digits:train[0:600]");
    const e = { eps: 0.1, steps: 3 };
    const robust: RobustCall = {
      ...{ data, recipe: "robust", attack: e, iterations: 2, every: 1 },
      ...{ sources: 30, judged: 20, lossSample: 40, groups: 5 },
    };
    // Of the last layer alone: the values before it are made by the workers too.
    const points: PointCall = { data, points: slice(data, 0, 3), iterations: 2, alphas: 2 };
    for (const [call, trainable] of [[robust, undefined] as const, [points, "last"] as const]) {
      const model = await openModel("models/digits-cnnlight.onnx", { trainable });
      const here = await correct(model, { ...call, threads: 0 });
      process.env.TEMPER_CACHE = mkdtempSync(join(tmpdir(), "temper-kept-"));
      const workers = await command();
      const there = await correct(model, { ...call, workers });
      expect(JSON.stringify(there.record)).toBe(JSON.stringify(here.record));
      expect(there.bytes(there.choice)).toEqual(here.bytes(here.choice));
      await model.close();
    }
  });

  it("runs a shard again whose process died", async () => {
    const workers = await command();
    const folder = mkdtempSync(join(tmpdir(), "temper-"));
    const args = [0, 1].map((x) => ({ x, marker: join(folder, `${x}`) }));
    expect(await workers.map(task("dieOnce"), args)).toEqual([0, 1]);
  });

  it("keeps a few shards a process in flight, and drops what nobody waits for", async () => {
    const workers = await command();
    const go = join(mkdtempSync(join(tmpdir(), "temper-")), "go");
    const controller = new AbortController();
    const { signal } = controller;
    const args = Array.from({ length: 50 }, () => go);
    const stopped = workers.map(task("waitFor"), args, { signal });
    stopped.catch(() => {});
    await expect.poll(async () => (await lookAtQueue(redis.url)).active).toBeGreaterThan(0);
    const { waiting, active } = await lookAtQueue(redis.url);
    expect(waiting + active).toBeLessThanOrEqual(6);
    controller.abort();
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    writeFileSync(go, "");
    await expect.poll(() => events.includes("unwanted")).toBe(true);
    await expect.poll(async () => (await lookAtQueue(redis.url)).active).toBe(0);
    expect(existsSync(go)).toBe(true);
  });

  it("gives an argument again that the storage has lost, also one that two shards have", async () => {
    const [busy, workers] = [await command(), await command()];
    const go = join(mkdtempSync(join(tmpdir(), "temper-")), "go");
    const first = busy.map(task("waitFor"), Array(4).fill(go));
    await expect.poll(async () => (await lookAtQueue(redis.url)).active).toBe(4);
    const large = new Float64Array(1e4).fill(0.1);
    const echoed = workers.map(task("echo"), [large, large]);
    await expect.poll(async () => (await lookAtQueue(redis.url)).waiting).toBe(2);
    const client = new Redis(redis.port);
    expect(await client.unlink(await client.keys(keys.part("*", 0)))).toBeGreaterThan(0);
    client.disconnect();
    writeFileSync(go, "");
    await first;
    expect(await echoed).toEqual([large, large]);
  });

  it("says which versions do not belong together, on either side", async () => {
    const client = new Redis(redis.port);
    const strange = { temper: "9.9.9", onnxruntime: "1.2.3" };
    const word = { id: "x", host: "elsewhere", pid: 1, versions: strange, since: 0 };
    const notes: string[] = [];
    try {
      await client.sadd(keys.workers, "x");
      await client.set(keys.worker("x"), JSON.stringify({ ...word, kind: "", processes: 1 }));
      await command({ onNote: (note) => void notes.push(note) });
      const { temper } = ownVersions();
      expect(notes.join()).toContain("elsewhere (process 1) is of Temper 9.9.9 with onnxruntime");
      expect(notes.join()).toContain(`this is Temper ${temper}`);
      for (const close of open) await close();
      await client.sadd(keys.runs, "x");
      await client.set(keys.run("x"), JSON.stringify({ ...word, maps: [] }));
      await expect(serveQueue(redis.url, { processes: 1 })).rejects.toThrow(
        new RegExp(`Temper 9.9.9 with onnxruntime 1.2.3, this worker of Temper ${temper}`),
      );
    } finally {
      await client.del(keys.run("x"), keys.worker("x"));
      client.disconnect();
    }
  });

  it("is refused with a reason where nobody is there, or the password is wrong", async () => {
    await expect(openQueue("redis://127.0.0.1:1/0")).rejects.toMatchObject({
      code: "queue-unreachable",
      message: expect.stringContaining("127.0.0.1:1"),
    });
    process.env.TEMPER_QUEUE_PASSWORD = "hush-hush";
    try {
      const refused = openQueue(redis.url.replace("//", "//ada@"));
      await expect(refused).rejects.toMatchObject({ code: "queue-unreachable" });
      await expect(refused).rejects.not.toThrow(/hush/);
    } finally {
      delete process.env.TEMPER_QUEUE_PASSWORD;
    }
  });
});
