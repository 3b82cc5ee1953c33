// npm run bench -- machines: the same run here and on a queue, over links of several speeds; and a simulation of more.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { Redis } from "ioredis";
import type { Context } from "../../src/cli/context.ts";
import {
  correct,
  openData,
  openModel,
  openQueue,
  openWorkers,
  TemperError,
  type Workers,
} from "../../src/index.ts";
import { redisPath, startRedis } from "../../test/helpers/redis.ts";
import { count } from "../parse.ts";
import { startProxy } from "./proxy.ts";
import { BRIDGE_HOST, type DoneShard, makeNamespaces, startWorker } from "./setups.ts";
import { simulate } from "./simulate.ts";

interface Flags {
  readonly model: string;
  readonly data: string;
  readonly iterations: number;
  readonly repeats: number;
}

/** Where the work is done. */
interface Setup {
  readonly name: string;
  readonly workers: number;
  /** Milliseconds that the way to each worker takes. */
  readonly delay?: number;
  readonly queue: boolean;
}

const setups: readonly Setup[] = [
  { name: "1 child process", workers: 1, queue: false },
  { name: "2 child processes", workers: 2, queue: false },
  { name: "queue, 1 worker", workers: 1, queue: true },
  { name: "queue, 2 workers", workers: 2, queue: true },
  { name: "queue, 2 workers, 1 ms", workers: 2, delay: 1, queue: true },
  { name: "queue, 2 workers, 10 ms", workers: 2, delay: 10, queue: true },
  { name: "queue, 4 workers (same bytes only)", workers: 4, queue: true },
];

/** What a run took. */
interface Measured {
  readonly seconds: number;
  readonly hash: string;
  readonly shards: readonly DoneShard[];
  /** Into and out of Redis. */
  readonly bytes: number;
}

const MOST_WORKERS = 4;

async function measure(flags: Flags, { progress }: Context): Promise<void> {
  if (redisPath === undefined || !existsSync(resolve("dist/cli/main.js"))) {
    throw new TemperError(
      "bad-option",
      "the bench needs redis-server, and npm run build before it",
    );
  }
  const redis = await startRedis("--bind", "0.0.0.0", "--protected-mode", "no");
  const spaces = makeNamespaces(MOST_WORKERS);
  const host = spaces === undefined ? "127.0.0.1" : BRIDGE_HOST;
  const client = new Redis(redis.port);
  progress.line(spaces === undefined ? "loopback, no namespaces" : "namespaces, tbf 1 Gbit/s");
  const found = new Map<Setup, Measured>();
  try {
    for (let repeat = 0; repeat < flags.repeats; repeat++) {
      for (const setup of setups) {
        const proxy =
          setup.delay === undefined
            ? undefined
            : await startProxy({ port: redis.port }, { delay: setup.delay, host: "0.0.0.0" });
        const port = proxy?.port ?? redis.port;
        const started = Array.from({ length: setup.queue ? setup.workers : 0 }, (_, n) =>
          startWorker(`redis://${host}:${port}/0`, spaces?.enter(n) ?? []),
        );
        const workers = setup.queue ? await openQueue(redis.url) : openWorkers(setup.workers);
        try {
          if (setup.queue) await allThere(workers, setup.workers);
          const before = await bytesOf(client);
          const run = await timed(flags, workers);
          const bytes = (await bytesOf(client)) - before;
          const shards = started.flatMap((worker) => worker.done());
          const known = found.get(setup);
          if (known === undefined || run.seconds < known.seconds) {
            found.set(setup, { ...run, bytes, shards });
          }
        } finally {
          await workers.close();
          await Promise.all(started.map((worker) => worker.stop()));
          await proxy?.close();
        }
        progress.line(row(setup, found.get(setup)!, found.get(setups[1])));
      }
    }
    const hashes = new Set([...found.values()].map(({ hash }) => hash));
    progress.line(hashes.size === 1 ? "all gave the same bytes" : "NOT the same bytes");
    for (const line of simulated(found)) progress.line(line);
  } finally {
    client.disconnect();
    spaces?.close();
    await redis.stop();
  }
}

/** Waits until so many processes are there. */
async function allThere(workers: Workers, processes: number): Promise<void> {
  for (let left = 600; left > 0 && workers.size < processes; left--) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function bytesOf(client: Redis): Promise<number> {
  const text = await client.info("stats");
  const of = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(text)?.[1]);
  return of("total_net_input_bytes") + of("total_net_output_bytes");
}

async function timed(
  { model: path, data: name, iterations }: Flags,
  workers: Workers,
): Promise<Pick<Measured, "seconds" | "hash">> {
  const model = await openModel(path);
  const data = await openData(name);
  const call = { data, recipe: "robust", attack: { eps: 0.1 }, iterations, workers } as const;
  const began = performance.now();
  const run = await correct(model, call);
  const seconds = (performance.now() - began) / 1000;
  const hash = createHash("sha256").update(JSON.stringify(run.record)).digest("hex");
  await model.close();
  return { seconds, hash };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Time, against two child processes; bytes; the share of the processes' time in which they had nothing to run. */
function row(setup: Setup, run: Measured, base: Measured | undefined): string {
  const times = base === undefined ? "" : `, ${(run.seconds / base.seconds).toFixed(2)} times`;
  const head = `${setup.name}: ${run.seconds.toFixed(2)} s${times}`;
  if (!setup.queue) return head;
  const busy = sum(run.shards.map(({ ran }) => ran)) / 1000 / (setup.workers * run.seconds);
  const waiting = `${(100 * (1 - busy)).toFixed(0)} % of the processes' time waiting`;
  return `${head}, ${(run.bytes / 1e6).toFixed(1)} MB, ${run.shards.length} shards, ${waiting}`;
}

/** The simulation with what was measured, beside it, and of many more workers on many more images. */
function simulated(found: ReadonlyMap<Setup, Measured>): string[] {
  const meanOf = ({ shards }: Measured, of: "ran" | "bytes"): number =>
    sum(shards.map((shard) => shard[of])) / shards.length;
  const one = found.get(setups[2])!;
  const shards = one.shards.length;
  const compute = meanOf(one, "ran") / 1000;
  // Each map of this recipe has some 20 shards; what one worker does not explain lies between the maps.
  const maps = Array.from({ length: Math.ceil(shards / 20) }, () => 20);
  const rest = Math.max(0, one.seconds - shards * compute) / maps.length;
  const run = { maps, bytes: meanOf(one, "bytes"), handle: 0.4e-3, between: rest };
  const place = { processes: 1, latency: 0.1e-3, bandwidth: 125e6 };
  const lines = [...found].flatMap(([setup, measured]) => {
    if (!setup.queue) return [];
    const latency = place.latency + (setup.delay ?? 0) / 1000;
    // On one machine processes slow each other down: a shard takes as long as it took there.
    const own = { ...run, compute: meanOf(measured, "ran") / 1000 };
    const told = simulate(own, { ...place, processes: setup.workers, latency });
    const [foretold, took] = [told.seconds, measured.seconds].map((x) => x.toFixed(2));
    return [`simulated ${setup.name}: ${foretold} s (measured ${took})`];
  });
  // A pass of ResNet50's gradient over 100 million images: shards of a second's work, 16 of them a sum of 205 MB.
  const large = {
    maps: [1e8 / (16 * 60)],
    compute: 16 * 8,
    bytes: 205e6,
    handle: 0.15,
    between: 60,
  };
  const losses = { maps: [1e8 / 60], compute: 1, bytes: 60, handle: 0.4e-3, between: 1 };
  for (const [name, of] of [
    ["gradient", large],
    ["losses", losses],
  ] as const) {
    for (const processes of [1, 10, 100, 1000, 10_000]) {
      const whole = { ...of, maps: of.maps.map(Math.ceil) };
      const told = simulate(whole, { processes, latency: 0.5e-3, bandwidth: 1.25e9 });
      const [w, l, c] = [told.workers, told.link, told.command].map((x) => (100 * x).toFixed(0));
      lines.push(
        `100 million images, ${name}, ${processes} processes: ${(told.seconds / 3600).toFixed(2)} h; ` +
          `busy: workers ${w} %, link ${l} %, command ${c} %`,
      );
    }
  }
  return lines;
}

export function addMachines(program: Command, context: Context): void {
  program
    .command("machines")
    .description(
      "The recipe robust here, and on a queue with 1, 2 and 4 workers in network namespaces behind 1 Gbit/s (where " +
        "root may make them), with 1 and 10 ms of delay; and a simulation of more machines.",
    )
    .option("--model <file>", "the network", "models/digits-cnnlight.onnx")
    .option("--data <data>", "its data", "digits:train")
    .option("--iterations <n>", "iterations", count(1), 4)
    .option("--repeats <n>", "of which the quickest counts", count(1), 1)
    .action((flags: Flags) => measure(flags, context));
}
