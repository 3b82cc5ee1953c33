// The page of a run that goes on: followed in its folder, served to this machine alone.
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attack, correct, type Model, openData, openModel, openRun } from "../src/index.ts";
import { changed, changeOf } from "../src/report/changes.ts";
import type { LiveStatus, RunDocument } from "../src/report/document.ts";
import { followRun } from "../src/report/follow.ts";
import { gatherRun } from "../src/report/gather.ts";
import { type RunServer, serveRun } from "../src/report/serve.ts";
import type { PointCall } from "../src/run/call.ts";
import { temper } from "./helpers/command.ts";
import { ask, at, documentIn, grown, listen, type Told } from "./helpers/live-page.ts";

const MODEL = resolve("models/digits-cnnlight.onnx");
const newFolder = (): string => join(mkdtempSync(join(tmpdir(), "temper-")), "run");

let model: Model;
let call: PointCall;
/** A finished run. */
const finished = newFolder();

beforeAll(async () => {
  model = await openModel(MODEL);
  const data = await openData("digits:train[0:300]");
  const found = await attack(model, { data, eps: 0.1, worst: 4, steps: 5, threads: 0 });
  const paths = { model: MODEL, data: data.name };
  call = { data, points: found.points, iterations: 4, alphas: 3, threads: 0, paths };
  await correct(model, { ...call, folder: finished });
});
afterAll(() => model.close());

const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("a change", () => {
  it("makes of one JSON document the other, and travels as JSON", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => {
        const [a, b] = [asJson(before), asJson(after)];
        const change = changeOf(a, b);
        expect(change === undefined ? a : changed(a, asJson(change) as typeof change)).toEqual(b);
      }),
    );
  });

  it("holds what is new alone, and shares the rest", () => {
    const pool = Array.from({ length: 9000 }, (_, i) => ({ iteration: i, loss: i, front: true }));
    const next = [
      ...pool.with(7, { ...pool[7], front: false }),
      { iteration: 9000, loss: 1, front: true },
    ];
    const change = changeOf({ pool, name: "run" }, { pool: next, name: "run" })!;
    expect(JSON.stringify(change).length).toBeLessThan(150);
    const { pool: made } = changed({ pool }, change) as { pool: typeof pool };
    expect(made).toEqual(next);
    expect(made[8]).toBe(pool[8]);
    expect(changeOf(next, pool)).toMatchObject({ length: 9000 });
  });
});

describe("a server", () => {
  let server: RunServer;
  let stopped = 0;
  beforeAll(async () => {
    server = await serveRun(finished, { stop: () => stopped++ });
    while ((await documentIn(server)).runs.length === 0)
      await new Promise((f) => setTimeout(f, 50));
  });
  afterAll(() => server.close("finished"));

  it("answers this machine alone, at an address with a token", async () => {
    const { hostname, port, search } = new URL(server.address);
    expect(hostname).toBe("127.0.0.1");
    expect(search).toMatch(/^\?token=[\w-]{32}$/);
    expect(existsSync("/proc/net/tcp") ? listenersOf(Number(port)) : ["0100007F"]).toEqual([
      "0100007F",
    ]);
  });

  it("serves the page with a policy and is not stored", async () => {
    const response = await fetch(server.address);
    expect(response.status).toBe(200);
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    const policy = /script-src 'sha256-[^']+'; .*connect-src 'self'.*frame-ancestors 'none'$/;
    expect(headers["content-security-policy"]).toMatch(policy);
    const { runs, live } = await documentIn(server);
    expect(live).toEqual({ event: 1, stops: true, files: true });
    expect(runs).toEqual([asJson(await gatherRun(finished))]);
  });

  it("refuses who has no token, or another", async () => {
    for (const path of ["/", "/events", "/candidate.onnx"]) {
      expect(await ask(new URL(path, server.address)), path).toBe(403);
      expect(await ask(new URL(`${path}?token=wrong`, server.address)), path).toBe(403);
    }
    const { origin } = new URL(server.address);
    expect(await ask(new URL("/stop", server.address), { origin }, "POST")).toBe(403);
    expect(stopped).toBe(0);
  });

  it("refuses another Host, behind which a stranger's name may stand", async () => {
    const { port } = new URL(server.address);
    for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1", "127.0.0.1:1"]) {
      expect(await ask(at(server, "/"), { host }), host).toBe(403);
    }
    expect(await ask(at(server, "/"), { host: `localhost:${port}` })).toBe(200);
  });

  it("lets no page of another origin stop the run or listen, and its own only by POST", async () => {
    const { origin } = new URL(server.address);
    const evil = { origin: "http://evil.example" };
    expect(await ask(at(server, "/stop"), evil, "POST")).toBe(403);
    expect(await ask(at(server, "/stop"), { origin: "null" }, "POST")).toBe(403);
    expect(await ask(at(server, "/stop"), {}, "POST")).toBe(403);
    expect(await ask(at(server, "/stop"), { origin })).toBe(405);
    expect(await ask(at(server, "/events"), evil)).toBe(403);
    expect(stopped).toBe(0);
    expect(await ask(at(server, "/stop"), { origin }, "POST")).toBe(202);
    expect(stopped).toBe(1);
  });

  it("has nothing elsewhere, and answers no other method", async () => {
    for (const path of ["/run.json", "/../run.json", "/events/", "/favicon.ico"]) {
      const { port, search } = new URL(server.address);
      expect(await ask({ port, pathname: path, search }), path).toBe(404);
    }
    expect(await ask(at(server, "/"), {}, "POST")).toBe(405);
    expect(await ask(at(server, "/events"), {}, "DELETE")).toBe(405);
  });

  it("hands out the file of each candidate, and of no other", async () => {
    const run = await openRun(finished);
    for (const candidate of [run.pool[0], run.pool[2], run.choice]) {
      const id = `${candidate.iteration}:${candidate.step}`;
      const response = await fetch(at(server, "/candidate.onnx", `&candidate=${id}`));
      expect(response.headers.get("content-disposition")).toContain(".onnx");
      const bytes = new Uint8Array(await response.arrayBuffer());
      expect(Buffer.from(bytes).equals(run.bytes(candidate)), id).toBe(true);
    }
    for (const id of ["99:1", "../run.json", ""]) {
      expect(await ask(at(server, "/candidate.onnx", `&candidate=${id}`)), id).toBe(404);
    }
  });

  it("that follows a run without being its process stops nothing", async () => {
    const other = await serveRun(finished);
    const { origin } = new URL(other.address);
    expect(await ask(at(other, "/stop"), { origin }, "POST")).toBe(404);
    expect((await documentIn(other)).live.stops).toBe(false);
    await other.close("followed");
    await expect(fetch(other.address)).rejects.toThrow();
  });

  it("says what is wrong with a folder that holds no run, and with a port that is taken", async () => {
    await expect(serveRun(newFolder())).rejects.toMatchObject({ code: "run-unreadable" });
    const port = Number(new URL(server.address).port);
    await expect(serveRun(finished, { port })).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringContaining(`--port ${port}`),
    });
  });
});

/** The addresses that something listens on at a port, as Linux writes them. */
function listenersOf(port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return ["tcp", "tcp6"].flatMap((name) =>
    [...readFileSync(`/proc/net/${name}`, "utf8").matchAll(/^ *\d+: (\w+):(\w+) \w+:\w+ 0A/gm)]
      .filter(([, , at]) => at === hex)
      .map(([, address]) => address),
  );
}

describe("a run that is followed", () => {
  /** Stops the run in a folder, once `when` holds of a progress or of an iteration. */
  async function stopWhen(folder: string, when: (stage: string, done: number) => boolean) {
    const controller = new AbortController();
    const look = (stage: string, done: number): void => {
      if (when(stage, done)) controller.abort();
    };
    const { signal } = controller;
    const resume = existsSync(folder);
    const onIteration = ({ iteration }: { readonly iteration: number }): void =>
      look("iteration", iteration);
    const stopped = correct(model, {
      ...call,
      folder,
      resume,
      signal,
      onIteration,
      onProgress: look,
    });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
  }

  it("is shown as far as it is on disk, and at its end as the finished folder", async () => {
    const folder = newFolder();
    const shown: RunDocument[] = [];
    const follower = followRun(folder, { onRun: (run) => shown.push(run) });
    await expect(follower.look()).rejects.toMatchObject({ code: "run-unreadable" });
    expect(follower.run()).toBeUndefined();

    await stopWhen(folder, () => true);
    await follower.look();
    const none = follower.run()!;
    expect(none.record).toMatchObject({ iterations: [], pool: [] });
    expect(none.points?.pictures?.images).toHaveLength(4);
    expect(none.points?.answers).toEqual([]);

    await stopWhen(folder, (stage, done) => stage === "iteration" && done === 2);
    await follower.look();
    const two = follower.run()!;
    const now = [0, two.record.choice];
    expect(two.points?.answers.map(({ candidate }) => candidate)).toEqual(now);
    expect(two.record.end).toBeUndefined();
    expect(two.record.iterations).toHaveLength(2);
    expect(two.record.pool).toHaveLength(1 + 2 * 3);
    expect(two.record.pool.filter(({ loss }) => loss === null)).toHaveLength(2 * 2);
    expect(two.record.pool[two.record.choice].front).toBe(true);
    expect(two.points?.pictures?.images).toHaveLength(4);

    await stopWhen(folder, (stage, done) => stage === "line points" && done === 4);
    await follower.look();
    const lines = follower.run()!.record.pool;
    expect(lines).toHaveLength(1 + 4 * 3);
    // Those of the last two iterations are on disk.
    expect(lines.filter((c) => c.loss === null && c.lossAtLeast === undefined).length).toBe(4);

    const half = await follower.files("2:1", "model.onnx");
    const run = await correct(model, { ...call, folder, resume: true });
    await follower.look();
    const whole = await gatherRun(folder);
    expect(follower.run()).toEqual(whole);
    expect(whole.steps.slice(0, 2)).toEqual(two.steps);
    expect(whole.points?.answers[0]).toEqual(two.points?.answers[0]);
    expect(whole.layers).toEqual(two.layers);
    const candidate = run.pool.find((c) => c.iteration === 2 && c.step === 1)!;
    for (const files of [half, await follower.files("2:1", "model.onnx")]) {
      expect(Buffer.from(files!.get("model.onnx")!).equals(run.bytes(candidate))).toBe(true);
    }
    expect(await follower.files("2:7", "model.onnx")).toBeUndefined();
    await follower.close();
    expect(new Set(shown).size).toBe(shown.length);
  });

  it("is not shown as the one before it in the folder, which it replaces", async () => {
    const follower = followRun(finished, { replaced: true });
    await follower.look();
    expect(follower.run()).toBeUndefined();
    await follower.close();
  });

  it("tells a page what is new, and one that lost its connection what it missed", async () => {
    const folder = newFolder();
    await stopWhen(folder, (stage, done) => stage === "iteration" && done === 1);
    const server = await serveRun(folder);
    const page = await documentIn(server);
    expect(page.live.event).toBe(1);
    const patient = listen(at(server, "/events", "&after=0"));
    const { state } = (await listen(at(server, "/events", "&after=1"), { enough: () => true }))[0]
      .data as LiveStatus;
    expect(state).toBe("followed");

    await stopWhen(folder, (stage, done) => stage === "iteration" && done === 3);
    const isChange = ({ event }: Told): boolean => event === "change";
    const before = await listen(at(server, "/events", "&after=1"), {
      enough: (told) => (grown(told, page.runs[0]) as RunDocument).record.iterations.length === 3,
    });
    const half = grown(before, page.runs[0]) as RunDocument;
    // Neither the candidates that were there nor the pictures are told again.
    expect(JSON.stringify(before).length).toBeLessThan(JSON.stringify(half).length / 2);

    await correct(model, { ...call, folder, resume: true });
    const { id } = before.findLast(isChange)!;
    const after = await listen(at(server, "/events", "&after=1"), {
      headers: { "last-event-id": String(id) },
      enough: (told) => (grown(told, half) as RunDocument).record.end !== undefined,
    });
    expect(after.find(isChange)!.id).toBe(id! + 1);
    const whole = asJson(await gatherRun(folder));
    expect(grown(after, half)).toEqual(whole);

    await server.close("followed");
    const all = await patient;
    expect(grown(all)).toEqual(whole);
    expect(all.at(-1)).toMatchObject({ event: "end", data: { state: "followed", files: false } });
  });
});

describe.concurrent("the command", () => {
  it("correct --watch prints an address and ends with the run where no page is open", async () => {
    const points = join(finished, "points.npz");
    const { code, stdout, stderr } = await temper([
      ...["correct", MODEL, "--data", "digits:train[0:200]", "--points", points],
      ...["--iterations", "2", "--alphas", "2", "--threads", "1", "--out", "RUN", "--watch"],
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain("written to RUN");
    expect(stderr).toMatch(/^page: http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32}$/m);
  });

  it("serve prints the address, and ends by Ctrl-C", async () => {
    const { code, stdout } = await temper(["serve", finished], { interrupt: "on output" });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32}\n$/);
  });

  it("refuses what it cannot do, before anything is served", async () => {
    const none = await temper(["serve", newFolder()]);
    expect(none).toMatchObject({ code: 2, stdout: "" });
    expect(none.stderr).toContain("is not a run");
    const open = await temper([
      ...["correct", MODEL, "--data", "digits:train", "--worst", "4", "--eps", "0.1"],
      ...["--out", "RUN", "--open"],
    ]);
    expect(open).toMatchObject({ code: 2, files: [] });
    expect(open.stderr).toContain("--watch");
  });
});
