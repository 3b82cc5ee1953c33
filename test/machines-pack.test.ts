// Values as bytes between machines: what went in comes out, to the bit, and hostile bytes are refused.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { queueAddress } from "../src/machines/connect.ts";
import { manifestOf, packManifest, unpackManifest } from "../src/machines/manifest.ts";
import { pack, unpack } from "../src/machines/pack.ts";
import { refusePlaces } from "../src/machines/registered.ts";
import { noise } from "./helpers/small.ts";

const numbers = fc.oneof(
  fc.float32Array({ maxLength: 5 }),
  fc.float64Array({ maxLength: 5 }),
  fc.int32Array({ maxLength: 5 }),
  fc.uint8Array({ maxLength: 5 }),
  fc.bigInt64Array({ maxLength: 5 }),
);
const { value: values } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    ...[
      fc.double(),
      fc.string({ unit: "binary" }),
      fc.boolean(),
      fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
      numbers,
    ],
    ...[fc.constant(null), fc.constant(undefined)],
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 4, noNullPrototype: true }),
    fc.array(fc.tuple(fc.string(), tie("value"))).map((pairs) => new Map(pairs)),
  ),
}));

describe("a value as bytes", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(values, (value) => {
        expect(unpack(pack(value))).toStrictEqual(value);
      }),
    );
  });

  it("holds long arrays as views of its bytes, and short ones as copies, wherever the bytes lie", () => {
    const given = { odd: "x", short: Int8Array.of(1, 2, 3), long: new Float64Array(600).fill(0.1) };
    const packed = pack(given);
    for (const offset of [0, 3, 8]) {
      const place = Buffer.alloc(packed.length + offset);
      packed.copy(place, offset);
      const back = unpack<typeof given>(place.subarray(offset));
      expect(back).toStrictEqual(given);
      expect(back.long.buffer === place.buffer).toBe(offset % 8 === 0);
      expect(back.short.buffer === place.buffer).toBe(false);
    }
  });

  it("keeps a name that objects have a meaning for as a property, and touches nobody's prototype", () => {
    const given = JSON.parse('{"__proto__":{"polluted":1}}');
    const back = unpack<Record<string, unknown>>(pack(given));
    expect(Object.keys(back)).toEqual(["__proto__"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["a head longer than all", Buffer.from([255, 255, 255, 255, 0])],
    ["no JSON", bytesOf("{")],
    ["numbers beyond the end", bytesOf('["t","Float64Array",0,1000000000000]')],
    ["numbers before the beginning", bytesOf('["t","Uint8Array",-4,1]')],
    ["an array of another kind", bytesOf('["t","constructor",0,0]')],
    ["a list without its letter", bytesOf("[1]")],
    ["depth", bytesOf('["l",['.repeat(200) + "]]".repeat(200))],
    ["no bigint", bytesOf('["i","0x1"]')],
  ])("is refused where it is %s", (_, bytes) => {
    expect(() => unpack(bytes)).toThrow(expect.objectContaining({ code: "data-unreadable" }));
  });

  it("never throws anything else, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (tail) => {
        try {
          unpack(Buffer.concat([Buffer.from([tail.length >> 1, 0, 0, 0]), tail]));
        } catch (error) {
          expect(error).toMatchObject({ code: "data-unreadable" });
        }
      }),
    );
  });
});

/** A head with no numbers behind it. */
function bytesOf(head: string): Buffer {
  const before = Buffer.alloc(4);
  before.writeUInt32LE(Buffer.byteLength(head));
  return Buffer.concat([before, Buffer.from(head)]);
}

describe("what a queue names", () => {
  it("is no file of this machine, and no place in one", () => {
    const data = { shape: [1], pixels: { file: "/etc/passwd", at: 0, type: "uint8" } };
    expect(() => refusePlaces({ data: [data] })).toThrow(/"file"/);
    expect(() => refusePlaces(new Map([["x", { at: 2 ** 40 }]]))).toThrow(/"at"/);
    expect(() => refusePlaces({ x: { module: "file:///tmp/x.js", name: "x" } })).toThrow(
      /"module"/,
    );
    refusePlaces({ at: undefined, x: new Float32Array(2) });
  });

  it("is a data set whose numbers agree", async () => {
    const manifest = await manifestOf(noise(9, 1, [2, 3]));
    expect(unpackManifest(packManifest(manifest))).toEqual(manifest);
    const wrong = [
      { count: 10 },
      { count: 2 ** 52 },
      { shape: [2, -3] },
      { each: 0 },
      { type: "file" as "uint8" },
      { labels: new Int32Array(8) },
      { hashes: new Uint8Array(31) },
    ];
    for (const part of wrong) {
      const bytes = packManifest({ ...manifest, ...part });
      expect(() => unpackManifest(bytes), JSON.stringify(part)).toThrow(/contradicts itself/);
    }
  });
});

describe("the address of a queue", () => {
  it("says host, port, database, user and TLS", () => {
    expect(queueAddress("rediss://ada@queue.example:7000/3")).toEqual({
      ...{ host: "queue.example", port: 7000, db: 3, username: "ada", tls: true },
    });
    expect(queueAddress("redis://[::1]")).toMatchObject({ host: "::1", port: 6379, db: 0 });
  });

  it.each([
    "queue:6379",
    "http://queue",
    "redis:///0",
    "redis://queue/zero",
    "redis://queue/0?password=hush",
    "redis://:hush@queue/0",
  ])("%s is refused, and a secret in it is not repeated", (url) => {
    const refusal = (): unknown => queueAddress(url);
    expect(refusal).toThrow(expect.objectContaining({ code: "bad-option" }));
    expect(refusal).not.toThrow(/hush/);
  });
});

describe("the examples of machines", () => {
  const read = (name: string): string => readFileSync(join("examples/machines", name), "utf8");
  const flags = ["working.ts", "commands/worker.ts", "correct-flags.ts", "shared-flags.ts"]
    .map((name) => readFileSync(join("src/cli", name), "utf8"))
    .join();

  /** The words of every command line of temper's that a document holds. */
  const linesIn = (value: unknown): string[][] => {
    if (typeof value !== "object" || value === null) return [];
    if (Array.isArray(value) && /^(worker|correct)$/.test(value[0])) return [value];
    return Object.values(value).flatMap(linesIn);
  };

  it.each(["compose.yaml", "kubernetes.yaml"])("%s has command lines that there are", (name) => {
    const documents = parseAllDocuments(read(name), { merge: true });
    if (!Array.isArray(documents)) throw new Error(`${name} is empty`);
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    const lines = documents.flatMap((document) => linesIn(document.toJS()));
    expect(lines.some(([word]) => word === "worker")).toBe(true);
    for (const word of lines.flat().filter((one) => one.startsWith("--"))) {
      expect(flags).toMatch(new RegExp(`\\b${word.slice(2)}\\b`));
    }
    const queue = lines.flatMap((line) => line.filter((_, i) => line[i - 1] === "--queue"));
    expect(queue.map((url) => queueAddress(url).port)).toEqual(queue.map(() => 6379));
  });

  it("run what is published here, and not as root", () => {
    const { name, version } = JSON.parse(readFileSync("package.json", "utf8"));
    expect(read("Dockerfile")).toContain(`${name}@${version}`);
    expect(read("Dockerfile")).toMatch(/^USER node$/m);
  });
});
