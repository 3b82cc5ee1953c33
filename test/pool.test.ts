// The pool: results in order, errors with their code, dead workers' shards run again, stopping at once.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { openPool, type Pool } from "../src/engine/pool.ts";
import { module } from "./helpers/crash-task.ts";

let pool: Pool | undefined;
afterEach(() => pool?.close());

const task = (name: string): { module: string; name: string } => ({ module, name });

describe.each([0, 2])("a pool of %i processes", (threads) => {
  it("answers in the order of the arguments, with the latest shared value", async () => {
    pool = openPool(threads);
    pool.share("offset", 0);
    const args = Array.from({ length: 20 }, (_, i) => i);
    expect(await pool.map(task("double"), args)).toEqual(args.map((x) => 2 * x));
    pool.share("offset", 1);
    const done: number[] = [];
    const onDone = (n: number): unknown => done.push(n);
    expect(await pool.map(task("double"), args, { onDone })).toEqual(args.map((x) => 2 * x + 1));
    expect(done).toEqual(args.map((x) => x + 1));
  });

  it("ends a map early at the first argument, in their order, that is enough", async () => {
    pool = openPool(threads);
    pool.share("offset", 0);
    const args = Array.from({ length: 30 }, (_, i) => i);
    const seen: number[] = [];
    const until = (result: number): boolean => seen.push(result) === 8;
    const expected = args.slice(0, 8).map((x) => 2 * x);
    expect(await pool.mapUntil(task("double"), args, until)).toEqual(expected);
    expect(seen).toEqual(expected);
    expect(await pool.map(task("double"), args)).toEqual(args.map((x) => 2 * x));
    expect(await pool.mapUntil(task("double"), [], until)).toEqual([]);
  });

  it("passes a refusal on with its code", async () => {
    pool = openPool(threads);
    await expect(pool.map(task("refuse"), [0])).rejects.toMatchObject({ code: "data-mismatch" });
  });

  it("does nothing once it was asked to stop", async () => {
    pool = openPool(threads);
    const signal = AbortSignal.abort();
    await expect(pool.map(task("double"), [1], { signal })).rejects.toMatchObject({
      code: "aborted",
    });
  });
});

it.each([-1, 1.5, 257, NaN, Infinity])("%s processes are refused", (threads) => {
  expect(() => openPool(threads)).toThrow(
    expect.objectContaining({
      code: "bad-option",
      message: `threads ${threads}: expected a whole number from 0 to 256`,
    }),
  );
});

describe("a worker that dies", () => {
  it("has its shard run again", async () => {
    pool = openPool(2);
    const folder = mkdtempSync(join(tmpdir(), "temper-"));
    const args = [0, 1, 2].map((x) => ({ x, marker: join(folder, `${x}`) }));
    expect(await pool.map(task("dieOnce"), args)).toEqual([0, 1, 2]);
  });

  it("or never lived is said, before and after the work came", async () => {
    const { execPath } = process;
    process.execPath = join(mkdtempSync(join(tmpdir(), "temper-")), "no-node");
    try {
      pool = openPool(2);
    } finally {
      process.execPath = execPath;
    }
    pool.share("offset", 0);
    for (let turn = 0; turn < 2; turn++) {
      await expect(pool.map(task("double"), [1, 2, 3])).rejects.toMatchObject({
        code: "worker-failed",
        message: expect.stringContaining("could not be started"),
      });
    }
  });

  it("is given up after three tries, and said", async () => {
    pool = openPool(1);
    await expect(pool.map(task("dieAlways"), [0])).rejects.toMatchObject({ code: "worker-failed" });
  });
});
