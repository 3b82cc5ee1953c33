// Workers: results in order, errors with their code, dead workers' shards run again, stopping at once.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { isSame } from "../src/engine/task.ts";
import { openWorkers, type Workers } from "../src/engine/workers.ts";
import { rawWords, type TemperError } from "../src/errors.ts";
import { module } from "./helpers/crash-task.ts";

let workers: Workers | undefined;
afterEach(() => workers?.close());

const task = (name: string): { module: string; name: string } => ({ module, name });

describe.each([0, 2])("a workers of %i processes", (threads) => {
  it("answers in the order of the arguments, with the latest shared value", async () => {
    workers = openWorkers(threads);
    workers.share("offset", 0);
    const args = Array.from({ length: 20 }, (_, i) => i);
    expect(await workers.map(task("double"), args)).toEqual(args.map((x) => 2 * x));
    workers.share("offset", 1);
    const done: number[] = [];
    const onDone = (n: number): unknown => done.push(n);
    expect(await workers.map(task("double"), args, { onDone })).toEqual(args.map((x) => 2 * x + 1));
    expect(done).toEqual(args.map((x) => x + 1));
  });

  it("ends a map early at the first argument, in their order, that is enough", async () => {
    workers = openWorkers(threads);
    workers.share("offset", 0);
    const args = Array.from({ length: 30 }, (_, i) => i);
    const seen: number[] = [];
    const until = (result: number): boolean => seen.push(result) === 8;
    await workers.each(task("double"), args, until);
    expect(seen).toEqual(args.slice(0, 8).map((x) => 2 * x));
    expect(await workers.map(task("double"), args)).toEqual(args.map((x) => 2 * x));
    await workers.each(task("double"), [], until);
    expect(seen).toHaveLength(8);
  });

  it("carries what is long, there and back, to the bit", async () => {
    workers = openWorkers(threads);
    const long = (seed: number): Float32Array =>
      new Float32Array(300_000).map((_, i) => Math.sin(seed + i));
    const answer = async (name: string, expected: (x: number) => unknown): Promise<void> => {
      const args = [1, 2, 3, 4, 5];
      const answers = await workers!.map(task(name), args);
      // Comparing a million numbers one by one takes the matchers half a minute.
      expect(isSame(answers, args.map(expected))).toBe(true);
    };
    // The longer one has another place in the file than those before, and the short one none.
    const shared = [long(0), long(1), long(2), new Float32Array(500_000).fill(7)];
    for (const theta of [...shared, Float32Array.of(3), long(3)]) {
      workers.share("theta", theta);
      await answer("theta", () => theta);
      await answer("timesTheta", (x) => ({
        ...{ product: new Float64Array(theta).map((t) => x * t), theta },
        short: Float64Array.of(x),
      }));
    }
  });

  it("derives anew where a shared value is another, not where it is equal", async () => {
    workers = openWorkers(threads);
    const shared = (last: number) => ({
      file: Float32Array.of(0, 1, last),
      mean: [0.5],
      std: undefined,
    });
    const made = async (value: unknown): Promise<number> => {
      workers!.share("theta", value);
      return Math.max(
        ...(await workers!.map<number, number>(task("derivations"), [1, 2, 3, 4, 5])),
      );
    };
    const before = await made(shared(2));
    expect(await made(shared(2))).toBe(before);
    expect(await made(shared(-2))).toBe(before + 1);
    expect(await made({ ...shared(-2), mean: [0.25] })).toBe(before + 2);
    // Equal to === and other bits: a gradient may tell them apart.
    expect(await made(Float32Array.of(0))).toBe(before + 3);
    expect(await made(Float32Array.of(-0))).toBe(before + 4);
  });

  it("passes a refusal on with its code, and with what lies behind it", async () => {
    workers = openWorkers(threads);
    const error = await workers.map(task("refuse"), [0]).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "data-mismatch", message: "refused in the worker" });
    expect(rawWords(error as TemperError)).toBe("raw words");
  });

  it("does nothing once it was asked to stop", async () => {
    workers = openWorkers(threads);
    const signal = AbortSignal.abort();
    await expect(workers.map(task("double"), [1], { signal })).rejects.toMatchObject({
      code: "aborted",
    });
  });
});

it.each([-1, 1.5, 257, NaN, Infinity])("%s processes are refused", (threads) => {
  expect(() => openWorkers(threads)).toThrow(
    expect.objectContaining({
      code: "bad-option",
      message: `threads ${threads}: expected a whole number from 0 to 256`,
    }),
  );
});

describe("a worker that dies", () => {
  it("has its shard run again", async () => {
    workers = openWorkers(2);
    const folder = mkdtempSync(join(tmpdir(), "temper-"));
    const args = [0, 1, 2].map((x) => ({ x, marker: join(folder, `${x}`) }));
    expect(await workers.map(task("dieOnce"), args)).toEqual([0, 1, 2]);
    // What is in its place was told what had been shared before.
    const theta = new Float32Array(300_000).fill(5);
    workers.share("theta", theta);
    await workers.map(task("dieOnce"), [{ x: 3, marker: join(folder, "3") }]);
    const answers = await workers.map(task("theta"), [0, 1, 2, 3]);
    expect(isSame(answers, [theta, theta, theta, theta])).toBe(true);
  });

  it("or never lived is said, before and after the work came", async () => {
    const { execPath } = process;
    process.execPath = join(mkdtempSync(join(tmpdir(), "temper-")), "no-node");
    try {
      workers = openWorkers(2);
      workers.share("offset", 0);
      for (let turn = 0; turn < 2; turn++) {
        await expect(workers.map(task("double"), [1, 2, 3])).rejects.toMatchObject({
          code: "worker-failed",
          message: expect.stringContaining("could not be started"),
        });
      }
    } finally {
      process.execPath = execPath;
    }
  });

  it("is given up after three tries, and said", async () => {
    workers = openWorkers(1);
    await expect(workers.map(task("dieAlways"), [0])).rejects.toMatchObject({
      code: "worker-failed",
    });
  });
});
