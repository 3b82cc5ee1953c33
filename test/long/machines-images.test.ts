// Images on a worker: of a large D those that its shards look at, of its own folder those that are the same.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Dataset } from "../../src/data/dataset.ts";
import { readPixels } from "../../src/data/pixel-file.ts";
import { writePoints } from "../../src/data/points.ts";
import { openData } from "../../src/index.ts";
import { createSupply, type Supply } from "../../src/machines/contents.ts";
import { manifestOf, pieceReader } from "../../src/machines/manifest.ts";
import { openStored } from "../../src/machines/stored-images.ts";
import { randomStream } from "../../src/tensor/random.ts";
import { onRedis, redisPath, startRedis, type TestRedis } from "../helpers/redis.ts";

const SIDE = 1000;
const SIZE = SIDE * SIDE;
const COUNT = 70;

/** More pixels than a worker takes as a whole; every image begins with its own number. */
function large(): Dataset {
  const pixels = new Uint8Array(COUNT * SIZE);
  const random = randomStream(5);
  for (let i = 0; i < COUNT; i++) {
    for (let k = 0; k < 1000; k++) pixels[i * SIZE + k] = 1 + random.below(255);
  }
  return {
    name: "large",
    shape: [1, SIDE, SIDE],
    count: COUNT,
    pixels,
    labels: new Int32Array(COUNT),
  };
}

describe.skipIf(redisPath === undefined)(`images over a queue${onRedis}`, () => {
  let redis: TestRedis;
  let client: Redis;
  let supply: Supply;
  const clients: Redis[] = [];
  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.port);
    supply = createSupply(client, "run");
    clients.push(client, client.duplicate());
    supply.serve(clients[1]).catch(() => {});
  });
  afterAll(async () => {
    for (const one of clients) one.disconnect();
    await redis.stop();
  });

  it("are those that a shard looks at, where there are many", async () => {
    const data = large();
    const manifest = await manifestOf(data);
    expect(manifest.each).toBe(1);
    supply.hold("large.pixels", pieceReader(data, manifest.each));
    const of = { client, run: "run", hash: "large", name: undefined, dataRoot: undefined };
    const stored = await openStored(manifest, of);
    expect(stored.whole).toBe(false);
    await stored.need(Int32Array.of(3, 60));
    await stored.need({ from: 10, to: 12 });
    const bytes = data.pixels as Uint8Array;
    const pixels = { file: stored.file, at: 0, type: "uint8" } as const;
    for (let i = 0; i < COUNT; i++) {
      const found = Buffer.from(readPixels(pixels, i * SIZE, i * SIZE + 1000).buffer);
      const there = [3, 60, 10, 11].includes(i);
      const wanted = there ? bytes.subarray(i * SIZE, i * SIZE + 1000) : new Uint8Array(1000);
      expect(found.equals(wanted), `image ${i}`).toBe(true);
    }
    expect(supply.sent()).toBeLessThan(4 * SIZE);
    await stored.close();
  });

  it("are refused where they are not what the manifest says", async () => {
    const data = large();
    const manifest = await manifestOf(data);
    data.pixels[5 * SIZE] ^= 1;
    supply.hold("other.pixels", pieceReader(data, manifest.each));
    const of = { client, run: "run", hash: "other", name: undefined, dataRoot: undefined };
    const stored = await openStored(manifest, of);
    await stored.need(Int32Array.of(4));
    await expect(stored.need(Int32Array.of(5))).rejects.toMatchObject({ code: "data-unreadable" });
    await stored.close();
  });

  it("come from the worker's own folder where it has the same, whatever the way to it is called", async () => {
    const drawn = await openData("digits:train[0:50]");
    const dataRoot = mkdtempSync(join(tmpdir(), "temper-root-"));
    const path = join(dataRoot, "mine.npz");
    writeFileSync(path, writePoints(drawn));
    const written = await openData(path);
    const sent = supply.sent();
    const sets = [
      ["digits:train[0:50]", drawn],
      ["/elsewhere/mine.npz", written],
      ["mine.npz", written],
    ] as const;
    for (const [name, data] of sets) {
      const manifest = await manifestOf(data);
      const hash = `own${name.length}`;
      const stored = await openStored(manifest, { client, run: "run", hash, name, dataRoot });
      const { length } = data.pixels;
      const found = readPixels({ file: stored.file, at: 0, type: manifest.type }, 0, length);
      expect(found).toEqual(data.pixels);
    }
    expect(supply.sent()).toBe(sent);
  });
});
