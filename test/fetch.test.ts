// Fetching published data: transfers that break, mirrors that lie, archives that are hostile.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it, vi } from "vitest";
import { fetchFiles } from "../src/data/fetch.ts";
import { type Download, type KnownFile, mirrorsOf, publishedSets } from "../src/data/published.ts";
import { readTar } from "../src/data/tar.ts";
import { verifyFiles } from "../src/data/verify.ts";
import { newFolder, temper } from "./helpers/command.ts";
import { type FileServer, type Served, serve } from "./helpers/file-server.ts";

const root = mkdtempSync(join(tmpdir(), "temper-fetch-"));
const servers: FileServer[] = [];
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(root, { recursive: true });
});

const place = (): string => join(mkdtempSync(join(root, "f")), "set"); // made by the fetch
const start = async (files: Record<string, Served>): Promise<FileServer> => {
  const server = await serve(files);
  servers.push(server);
  return server;
};

const known = (name: string, bytes: Uint8Array): KnownFile => ({
  name,
  bytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
});

/** Bytes that gzip cannot shorten: the digests of a counter. */
const noise = (length: number, seed: string): Buffer =>
  Buffer.concat(
    Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
      createHash("sha256").update(`${seed}${i}`).digest(),
    ),
  ).subarray(0, length);

const plain = noise(300_000, "a");
const packed = gzipSync(plain);
const images: Download = { ...known("images.gz", packed), files: [known("images", plain)] };
const twisted = Buffer.from(packed).fill(7, 1000, 1010);
const half = packed.length >> 1;

const put = (path: string, bytes: Uint8Array): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
};

/** Whole buffers are compared at once: element by element takes seconds. */
const same = (path: string, bytes: Uint8Array): void =>
  expect(readFileSync(path).equals(bytes), path).toBe(true);

async function got(folder: string, mirrors: readonly string[], signal?: AbortSignal) {
  const steps: number[] = [];
  await fetchFiles([images], {
    folder,
    mirrors,
    signal,
    onProgress: (_file, done) => steps.push(done),
  });
  same(join(folder, "images.gz"), packed);
  return { files: readdirSync(folder), last: steps.at(-1) };
}

describe("a transfer", () => {
  const done = { files: ["images.gz"], last: packed.length };

  it("brings a file, and is not repeated", async () => {
    const folder = place();
    const { url, requests } = await start({ "images.gz": { bytes: packed } });
    expect(await got(folder, [url])).toEqual(done);
    expect(await got(folder, [url])).toEqual({ ...done, last: undefined });
    expect(requests).toEqual([["images.gz", ""]]);
  });

  it("goes on where the connection broke", async () => {
    const folder = place();
    const cut = { after: half, times: 1 };
    const { url, requests } = await start({ "images.gz": { bytes: packed, cut } });
    await expect(got(folder, [url])).rejects.toMatchObject({
      code: "download-failed",
      message: expect.stringContaining("run it again to continue"),
    });
    expect(readdirSync(folder)).toEqual(["images.gz.part"]);
    const { size } = statSync(join(folder, "images.gz.part"));
    expect(size).toBeGreaterThan(0);
    expect(await got(folder, [url])).toEqual(done);
    expect(requests[1]).toEqual(["images.gz", `bytes=${size}-`]);
  });

  it("goes on at the next mirror", async () => {
    const cut = { after: half, times: 1 };
    const first = await start({ "images.gz": { bytes: packed, cut } });
    const second = await start({ "images.gz": { bytes: packed } });
    expect(await got(place(), [first.url, second.url])).toEqual(done);
    expect(second.requests).toEqual([["images.gz", expect.stringMatching(/^bytes=[1-9]\d*-$/)]]);
  });

  it("starts over where the server ignores the range", async () => {
    const folder = place();
    put(join(folder, "images.gz.part"), packed.subarray(0, half));
    const { url } = await start({ "images.gz": { bytes: packed, ignoresRange: true } });
    expect(await got(folder, [url])).toEqual(done);
  });

  it.each([
    ["wrong", twisted.subarray(0, half)],
    ["too long", Buffer.concat([packed, packed])],
    ["complete but wrong", twisted],
  ])("starts over where the beginning is %s", async (_, beginning) => {
    const folder = place();
    put(join(folder, "images.gz.part"), beginning);
    const { url } = await start({ "images.gz": { bytes: packed } });
    expect(await got(folder, [url])).toEqual(done);
  });

  it("keeps a beginning from a server that answers with something else", async () => {
    const folder = place();
    put(join(folder, "images.gz.part"), packed.subarray(0, half));
    const login = { bytes: Buffer.from("<html>please log in"), ignoresRange: true };
    const { url } = await start({ "images.gz": login });
    await expect(got(folder, [url])).rejects.toThrow(/has 19 bytes, the published file \d+/);
    same(join(folder, "images.gz.part"), packed.subarray(0, half));
  });

  it("stops on request and goes on with the next call", async () => {
    const folder = place();
    const stalled = await start({ "images.gz": { bytes: packed, stalls: true } });
    const controller = new AbortController();
    const stopped = fetchFiles([images], {
      folder,
      mirrors: [stalled.url],
      signal: controller.signal,
      onProgress: (_file, bytes) => bytes === half && controller.abort(),
    });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
    same(join(folder, "images.gz.part"), packed.subarray(0, half));
    const { url, requests } = await start({ "images.gz": { bytes: packed } });
    expect(await got(folder, [url])).toEqual(done);
    expect(requests).toEqual([["images.gz", `bytes=${half}-`]]);
  });
});

describe("a mirror", () => {
  it.each<[string, Served]>([
    ["with a wrong checksum", { bytes: twisted }],
    ["without an end", { bytes: Buffer.concat([packed, packed]), chunked: true }],
    ["with too little", { bytes: packed.subarray(0, half), chunked: true }],
  ])("%s gives way to the next", async (_, served) => {
    const [bad, good] = [
      await start({ "images.gz": served }),
      await start({ "images.gz": { bytes: packed } }),
    ];
    expect((await got(place(), [bad.url, good.url])).files).toEqual(["images.gz"]);
    expect(good.requests).toEqual([["images.gz", ""]]);
  });

  it("is named with its reason where all of them fail, and nothing is left", async () => {
    const folder = place();
    const [lying, empty, gone] = [
      await start({ "images.gz": { bytes: twisted } }),
      await start({}),
      await start({}),
    ];
    gone.close();
    const failed = got(folder, [lying.url, empty.url, gone.url]);
    const said = await failed.catch(({ code, message }) => ({ code, message }));
    expect(said).toMatchObject({ code: "download-failed" });
    const { message } = said as { message: string };
    expect(message).toContain(`${lying.url} (the checksum is wrong)`);
    expect(message).toContain(`${empty.url} (HTTP status 404)`);
    expect(message).toMatch(new RegExp(`${gone.url} \\(.*ECONNREFUSED`));
    expect(message).toContain(`download it by hand into ${folder}, or set --data-dir`);
    expect(message.split("\n").length).toBeLessThanOrEqual(3);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is not asked about a folder that cannot be made", async () => {
    const { url, requests } = await start({ "images.gz": { bytes: packed } });
    const file = place();
    put(file, packed);
    await expect(got(join(file, "set"), [url])).rejects.toMatchObject({ code: "file-missing" });
    expect(requests).toEqual([]);
  });

  it("is replaced by TEMPER_MIRROR", () => {
    const [mnist, cifar10] = publishedSets;
    vi.stubEnv("TEMPER_MIRROR", "http://proxy/data/");
    expect([mirrorsOf(mnist), mirrorsOf(cifar10)]).toEqual([
      ["http://proxy/data/mnist/"],
      ["http://proxy/data/cifar10/"],
    ]);
    vi.unstubAllEnvs();
    expect(mirrorsOf(mnist)).toEqual(mnist.mirrors);
  });
});

describe("what is there", () => {
  it.each([
    ["plain", "images", plain],
    ["packed by another gzip", "images.gz", gzipSync(plain, { level: 1 })],
  ])("and right, %s, is left alone without a request", async (_, name, bytes) => {
    const folder = place();
    put(join(folder, name), bytes);
    const { url, requests } = await start({});
    await fetchFiles([images], { folder, mirrors: [url] });
    expect(requests).toEqual([]);
    expect(await verifyFiles(images.files, folder)).toEqual([
      { name: "images", path: join(folder, name), bytes: bytes.length, state: "right" },
    ]);
  });

  it.each([
    ["images", plain.subarray(1)],
    ["images.gz", twisted],
    ["images.gz", packed.subarray(0, half)],
  ])("and wrong is kept beside its replacement (%s)", async (name, bytes) => {
    const folder = place();
    put(join(folder, name), bytes);
    expect(await verifyFiles(images.files, folder)).toMatchObject([{ state: "wrong" }]);
    const { url } = await start({ "images.gz": { bytes: packed } });
    expect((await got(folder, [url])).files).toEqual(["images.gz", `${name}.wrong`]);
    same(join(folder, `${name}.wrong`), bytes);
    expect(await verifyFiles(images.files, folder)).toMatchObject([{ state: "right" }]);
  });
});

/** A member as tar writes it; `size` may lie. */
function member(name: string, bytes: Uint8Array, { type = "0", size = bytes.length } = {}): Buffer {
  const block = Buffer.alloc(512 + Math.ceil(bytes.length / 512) * 512);
  block.write(name, 0, "latin1");
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  block.write(type, 156, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  block.set(bytes, 512);
  return block;
}

const end = Buffer.alloc(1024);
const [one, two] = [noise(1000, "1"), noise(1024, "2")];
const members = [
  member("set/", Buffer.alloc(0), { type: "5" }),
  member("../../x", noise(700, "x")),
  member("/etc/x", one),
  member("../set/one.bin", one),
  member("set/one.bin", Buffer.alloc(0), { type: "2" }), // a link of that name
  member("set/one.bin", one),
  member("set/one.bin", noise(1000, "again")),
  member("set/readme.html", noise(10, "r")),
  member("set/two.bin", two),
  end,
];

describe("an archive", () => {
  const sizes = new Map([
    ["set/one.bin", 1000],
    ["set/two.bin", 1024],
  ]);
  async function read(archive: Uint8Array, chunk = 333): Promise<Record<string, Buffer>> {
    async function* chunks() {
      for (let at = 0; at < archive.length; at += chunk) yield archive.subarray(at, at + chunk);
    }
    const found: Record<string, Buffer> = {};
    for await (const { name, bytes } of readTar(chunks(), sizes)) found[name] = Buffer.from(bytes);
    return found;
  }

  it.each([1, 511, 512, 100_000])(
    "gives the files that were asked for, in chunks of %i",
    async (chunk) => {
      const found = await read(Buffer.concat(members), chunk);
      expect(found).toEqual({ "set/one.bin": one, "set/two.bin": two });
    },
  );

  const whole = Buffer.concat(members);
  it.each<[string, Uint8Array, RegExp]>([
    ["cut in a file", whole.subarray(0, -1024 - 600), /is cut short/],
    ["cut in a header", whole.subarray(0, -1024 - 1024 - 100), /is cut short/],
    ["cut in what is skipped", Buffer.concat(members.slice(0, 2)).subarray(0, -1), /is cut short/],
    ["cut between two files", Buffer.concat(members.slice(0, 8)), /has no set\/two.bin/],
    ["empty", Buffer.alloc(0), /has no set\/one.bin, set\/two.bin/],
    ["no tar", noise(2000, "t"), /has a header without a size/],
    [
      "with a file of another size",
      member("set/one.bin", one, { size: 2 ** 33 - 1 }),
      /has 8589934591 bytes in set\/one.bin, not 1000/,
    ],
  ])("%s is refused", async (_, archive, said) => {
    await expect(read(archive)).rejects.toThrow(said);
  });

  const archive = gzipSync(whole);
  const files = [known("one.bin", one), known("two.bin", two)];
  const item: Download = { ...known("set.tar.gz", archive), tarFolder: "set", files };

  it("is fetched, unpacked under our names and removed", async () => {
    const folder = place();
    put(join(folder, "one.bin"), two); // wrong
    const { url, requests } = await start({ "set.tar.gz": { bytes: archive } });
    await fetchFiles([item], { folder, mirrors: [url] });
    expect(readdirSync(folder)).toEqual(["one.bin", "one.bin.wrong", "two.bin"]);
    same(join(folder, "one.bin"), one);
    same(join(folder, "two.bin"), two);
    expect(readdirSync(dirname(folder))).toEqual(["set"]); // ../ led nowhere
    expect(requests).toHaveLength(1);
    await fetchFiles([item], { folder, mirrors: [url] });
    expect(requests).toHaveLength(1);
  });

  it("brought by hand is used, without a request, and kept", async () => {
    const folder = place();
    put(join(folder, "set.tar.gz"), archive);
    await fetchFiles([item], { folder, mirrors: [] });
    expect(readdirSync(folder)).toEqual(["one.bin", "set.tar.gz", "two.bin"]);
  });

  it("with other bytes in a file leaves no file of that name", async () => {
    const folder = place();
    const other = { ...item, files: [known("one.bin", noise(1000, "other"))] };
    const { url } = await start({ "set.tar.gz": { bytes: archive } });
    const failed = fetchFiles([other], { folder, mirrors: [url] });
    await expect(failed).rejects.toThrow(/set.tar.gz.part: .*the checksum of one.bin is wrong/);
    expect(existsSync(join(folder, "one.bin"))).toBe(false);
  });
});

describe("temper data", () => {
  it("lists what is missing and what is wrong, as text and as JSON", async () => {
    const dir = newFolder();
    const path = join(dir, "mnist", "t10k-labels-idx1-ubyte.gz");
    put(path, packed);
    const json = await temper(["data", "--json", "--data-dir", dir]);
    expect(json).toMatchObject({ code: 0, stderr: "" });
    const { folder, sets } = JSON.parse(json.stdout);
    expect(folder).toBe(dir);
    expect(
      sets.map(({ name, files }: { name: string; files: [] }) => [name, files.length]),
    ).toEqual([
      ["mnist", 4],
      ["cifar10", 6],
    ]);
    const missing = { name: "train-images-idx3-ubyte", path: null, bytes: null, state: "missing" };
    expect(sets[0].files[0]).toEqual(missing);
    expect(sets[0].files[3]).toMatchObject({ path, bytes: packed.length, state: "wrong" });

    const { stdout } = await temper(["data", "--data-dir", dir]);
    expect(stdout).toMatch(
      new RegExp(`mnist +t10k-labels-idx1-ubyte.gz +${packed.length} +wrong\n`),
    );
    expect(stdout).toContain("temper data cifar10 fetches the rest\n");
  });

  it("fails with exit code 1 where the mirror has other bytes, and leaves nothing", async () => {
    const name = "train-images-idx3-ubyte.gz";
    const wrong = Buffer.alloc(9_912_422); // of the right length: only the checksum tells
    const { url, requests } = await start({ [`mnist/${name}`]: { bytes: wrong } });
    const dir = newFolder();
    const args = ["data", "mnist", "--json", "--data-dir", dir];
    const env = { ...process.env, TEMPER_MIRROR: url };
    const ran: unknown = await promisify(execFile)("node", ["dist/cli/main.js", ...args], {
      env,
    }).catch((failure) => failure);
    expect(ran).toMatchObject({ code: 1, stdout: "" });
    expect((ran as { stderr: string }).stderr).toMatch(
      new RegExp(`^error: ${name} could not be fetched from ${url}mnist/ \\(the checksum is wrong`),
    );
    expect(requests).toEqual([[`mnist/${name}`, ""]]);
    expect(readdirSync(join(dir, "mnist"))).toEqual([]);
  });

  it("knows two sets", async () => {
    const { code, stderr } = await temper(["data", "mnits"]);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("choices are mnist, cifar10"),
    });
  });
});
