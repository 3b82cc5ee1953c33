// Runs on a queue whose workers are killed, whose server is restarted, whose network is cut: all end, with the bytes of
// a run that needed none of it.
//
// One run of each kind by default; TEMPER_STRESS=20 makes twenty with a kill, and five of each other kind.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startProxy, type TcpProxy } from "../../bench/machines/proxy.ts";
import { writePoints } from "../../src/data/points.ts";
import { attack, openData, openModel, slice } from "../../src/index.ts";
import { type Random, randomStream } from "../../src/tensor/random.ts";
import { newFolder, temper } from "../helpers/command.ts";
import { onRedis, redisPath, startRedis, type TestRedis } from "../helpers/redis.ts";

const KILLS = Number(process.env.TEMPER_STRESS ?? 1);
const OTHERS = Math.ceil(KILLS / 4);
/** Milliseconds of a cut. */
const CUT = Number(process.env.TEMPER_CUT ?? 20_000);
const MODEL = resolve("models/digits-cnnlight.onnx");
const BYTES = ["run.json", "corrected.onnx", "thetas.npz", "points.npz"];

let reference: string;
let points: string;

const command = (out: string, ...more: string[]): string[] => [
  ...["correct", MODEL, "--data", "digits:train[0:2000]", "--points", points, "--out", out],
  ...["--iterations", "6", "--alphas", "4", "--no-report", ...more],
];

/** A process `temper worker` of its own, with a cache of its own. */
function startWorker(url: string): ChildProcess {
  const args = [resolve("dist/cli/main.js"), "worker", "--queue", url, "--processes", "1"];
  const TEMPER_CACHE = mkdtempSync(join(tmpdir(), "temper-kept-"));
  return spawn(process.execPath, args, {
    stdio: "ignore",
    env: { ...process.env, TEMPER_CACHE },
  });
}

beforeAll(async () => {
  const folder = newFolder();
  const model = await openModel(MODEL);
  const data = slice(await openData("digits:train[0:2000]"), 0, 200);
  const found = await attack(model, { data, eps: 0.1, worst: 6, steps: 10, threads: 0 });
  await model.close();
  points = join(folder, "points.npz");
  writeFileSync(points, writePoints(found.points));
  reference = join(folder, "reference");
  const { code, stderr } = await temper(command(reference, "--threads", "1"));
  expect(code, stderr).toBe(0);
});

describe.skipIf(redisPath === undefined)(`a run on a queue${onRedis}`, () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  const workers = new Set<ChildProcess>();
  const start = (url = redis.url): ChildProcess => {
    const worker = startWorker(url);
    workers.add(worker);
    return worker;
  };
  const kill = (worker: ChildProcess): void => {
    workers.delete(worker);
    worker.kill("SIGKILL");
  };
  beforeAll(async () => {
    redis = await startRedis("--appendonly", "yes");
    proxy = await startProxy(redis);
    start();
    start();
  });
  afterAll(async () => {
    for (const worker of workers) worker.kill("SIGKILL");
    await proxy.close();
    await redis.stop();
  });

  /** Runs the command; `disturb` begins with its first iteration. */
  async function sameBytes(
    url: string,
    disturb: () => Promise<void>,
  ): Promise<{ readonly stderr: string; readonly milliseconds: number }> {
    const out = join(newFolder(), "run");
    let begun = false;
    let disturbed: Promise<void> = Promise.resolve();
    const ran = await temper(command(out, "--queue", url), {
      onStderr: (text) => {
        if (begun || !/^ +1 /m.test(text)) return;
        begun = true;
        disturbed = disturb();
      },
    });
    await disturbed;
    expect(ran.code, ran.stderr).toBe(0);
    for (const name of BYTES) {
      const [a, b] = [out, reference].map((folder) => readFileSync(join(folder, name)));
      expect(a.equals(b), `${name}\n${ran.stderr}`).toBe(true);
    }
    return ran;
  }
  const moment = (random: Random, most: number): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, most * random.uniform()));

  it("gives the bytes of one without it", async () => {
    await sameBytes(redis.url, async () => {});
  });

  it.each([...Array(KILLS).keys()])("with a worker killed, %i", async (i) => {
    const random = randomStream(11, i);
    const { milliseconds } = await sameBytes(redis.url, async () => {
      await moment(random, 4000);
      const [first, second] = workers;
      kill(random.below(2) === 0 ? first : second);
      start();
    });
    console.log(`killed ${i}: ${(milliseconds / 1000).toFixed(1)} s`);
  });

  it.each([...Array(OTHERS).keys()])("with the server restarted, %i", async (i) => {
    const random = randomStream(12, i);
    const { milliseconds } = await sameBytes(redis.url, async () => {
      await moment(random, 4000);
      await redis.restart();
    });
    console.log(`restarted ${i}: ${(milliseconds / 1000).toFixed(1)} s`);
  });

  it.each([...Array(OTHERS).keys()])("with the network of one worker cut, %i", async (i) => {
    const random = randomStream(13, i);
    for (const worker of workers) kill(worker);
    const url = redis.url.replace(`${redis.port}`, `${proxy.port}`);
    start();
    start(url);
    const { milliseconds } = await sameBytes(redis.url, async () => {
      await moment(random, 3000);
      proxy.cut(CUT);
    });
    console.log(`worker cut ${i}: ${(milliseconds / 1000).toFixed(1)} s`);
  });

  it.each([...Array(OTHERS).keys()])("with the network of the command cut, %i", async (i) => {
    const random = randomStream(14, i);
    // Its own way to the server: that of a worker may still be cut.
    const way = await startProxy(redis);
    const url = redis.url.replace(`${redis.port}`, `${way.port}`);
    const { milliseconds } = await sameBytes(url, async () => {
      await moment(random, 3000);
      way.cut(CUT);
    }).finally(way.close);
    console.log(`command cut ${i}: ${(milliseconds / 1000).toFixed(1)} s`);
  });
});
