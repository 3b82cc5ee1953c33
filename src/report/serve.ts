// The page of a run that goes on, served to this machine alone.
//
// Whoever else can reach the port must get nothing: not a page of another origin that a browser on this machine shows,
// and not another user. So it listens on 127.0.0.1 only; every address has a token that nobody can guess; the Host must
// be this one, for a name of a stranger may be pointed at 127.0.0.1; and where a browser says which page asks
// (Origin), it must be this one.
import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TemperError } from "../errors.ts";
import { versions } from "../run/versions.ts";
import type { LiveStatus } from "./document.ts";
import { createFeed, type Feed } from "./feed.ts";
import { type Follower, type FollowOptions, followRun } from "./follow.ts";
import { reportPage } from "./html.ts";

export interface ServeOptions extends Pick<FollowOptions, "replaced"> {
  /** Default: one that is free. */
  readonly port?: number | undefined;
  /** Ends the run; where the work goes on in this process. A page then has a button for it. */
  readonly stop?: (() => void) | undefined;
}

/** A page that is served. */
export interface RunServer {
  /** The address of the page, with its token. */
  readonly address: string;
  /** Tells the pages what goes on in this process. */
  progress(stage: string, done: number, of: number): void;
  /**
   * Tells the pages how the work ended, the finished run with it, and serves no more.
   *
   * @param wait milliseconds to wait for the first page, where a browser was asked for one
   */
  close(end: LiveStatus["state"], options?: { readonly wait?: number | undefined }): Promise<void>;
}

/** Milliseconds between two words on how far the work is. */
const EVERY = 500;

/**
 * Serves the page of a RUN folder, which need not be there yet where the work that writes it goes on in this process.
 *
 * @throws TemperError `bad-option` where the port cannot be had; `run-unreadable` of a folder that is no run
 */
export async function serveRun(
  folder: string,
  { port = 0, stop, replaced }: ServeOptions = {},
): Promise<RunServer> {
  const feed = createFeed();
  const follower = followRun(folder, { replaced, onRun: feed.put });
  const server = createServer();
  try {
    if (stop === undefined) await follower.look();
    await listen(server, port);
  } catch (error) {
    await follower.close();
    throw error;
  }
  let stage: Pick<LiveStatus, "stage" | "done" | "of"> = {};
  const status = (): LiveStatus => {
    const files = follower.hasFiles();
    if (follower.run()?.record.end !== undefined) return { state: "finished", files };
    return stop === undefined
      ? { state: "followed", files }
      : { state: "working", ...stage, files };
  };
  const { port: here } = server.address() as AddressInfo;
  const token = randomBytes(24).toString("base64url");
  const site = { here, token, routes: routesOf({ feed, follower, stop }) };
  server.on("request", (request, response) => answer(request, response, site));
  const timer = setInterval(() => feed.say(status()), EVERY);
  return {
    address: `http://127.0.0.1:${here}/?token=${token}`,
    progress: (name, done, of) => {
      stage = { stage: name, done, of };
    },
    close: async (state, { wait = 0 } = {}) => {
      for (const until = Date.now() + wait; feed.pages() === undefined && Date.now() < until; ) {
        await sleep(EVERY);
      }
      // The run may have ended before it had anything to show.
      if (feed.pages() !== undefined) await follower.look().catch(() => undefined);
      clearInterval(timer);
      await feed.end({ state, files: false });
      server.close();
      server.closeAllConnections();
      await follower.close();
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((done, refuse) => {
    server.once("error", refuse).listen(port, "127.0.0.1", done);
  }).catch((cause: Error) => {
    throw new TemperError(
      "bad-option",
      `--port ${port}: cannot listen there: ${cause.message}\nleave it out for one that is free`,
      { cause },
    );
  });
}

type Answer = (
  response: ServerResponse,
  asked: { readonly request: IncomingMessage; readonly query: URLSearchParams },
) => void | Promise<void>;

interface Site {
  readonly here: number;
  readonly token: string;
  readonly routes: ReadonlyMap<
    string,
    { readonly method: "GET" | "POST"; readonly answer: Answer }
  >;
}

/** Answers a request, once it is known for one of a page of this server. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { here, token, routes }: Site,
): Promise<void> {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  const refuse = (code: number, why: string): void => {
    response.writeHead(code, { "content-type": "text/plain; charset=utf-8" }).end(`${why}\n`);
  };
  const { host, origin } = request.headers;
  const hosts = [`127.0.0.1:${here}`, `localhost:${here}`];
  if (host === undefined || !hosts.includes(host)) return refuse(403, "not the host of this page");
  const [path, query = ""] = (request.url ?? "").split(/\?(.*)/s);
  const route = routes.get(path);
  if (route === undefined) return refuse(404, "there is nothing here");
  const { method } = route;
  if (request.method !== method) {
    response.setHeader("allow", method);
    return refuse(405, `only ${method} is answered here`);
  }
  // A browser names the page that asks, unless it loads a page or a file of its own.
  if (origin === undefined ? method === "POST" : origin !== `http://${host}`) {
    return refuse(403, "another page may not ask this");
  }
  const asked = new URLSearchParams(query);
  if (!isSame(asked.get("token") ?? "", token)) {
    return refuse(403, "the token in the address is missing or of another run");
  }
  try {
    await route.answer(response, { request, query: asked });
  } catch (error) {
    if (response.headersSent) response.destroy();
    else refuse(500, (error as Error).message);
  }
}

/** A page that is embedded could be made to press its own buttons; one that is stored shows what is no more. */
const HEADERS = {
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
};

/** Compared in a time that does not depend on how much of it is right. */
function isSame(given: string, token: string): boolean {
  const [a, b] = [given, token].map((text) => Buffer.from(text));
  return a.length === b.length && timingSafeEqual(a, b);
}

function routesOf({
  feed,
  follower,
  stop,
}: {
  readonly feed: Feed;
  readonly follower: Follower;
  readonly stop: (() => void) | undefined;
}): Site["routes"] {
  const page: Answer = async (response) => {
    const run = follower.run();
    const live = { event: feed.last(), stops: stop !== undefined, files: follower.hasFiles() };
    const { temper } = versions();
    const { html, policy } = await reportPage({ temper, runs: run ? [run] : [], live });
    response.setHeader("content-security-policy", `${policy}; frame-ancestors 'none'`);
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
  };
  // A browser that lost the connection says which event was its last; the page itself which it was made with.
  const events: Answer = (response, { request, query }) =>
    feed.connect(
      response,
      Math.max(0, Number(request.headers["last-event-id"] ?? query.get("after")) || 0),
    );
  const candidate: Answer = async (response, { query }) => {
    const id = query.get("candidate") ?? "";
    const name = `candidate-${id.replace(":", "-")}.onnx`;
    const file = (await follower.files(id, name))?.get(name);
    if (file === undefined) {
      response.writeHead(404, { "content-type": "text/plain" }).end("no such candidate\n");
      return;
    }
    response
      .writeHead(200, {
        "content-type": "application/octet-stream",
        "content-disposition": `attachment; filename="${name}"`,
        "content-length": file.length,
      })
      .end(file);
  };
  return new Map([
    ["/", { method: "GET", answer: page }],
    ["/events", { method: "GET", answer: events }],
    ["/candidate.onnx", { method: "GET", answer: candidate }],
    ...(stop === undefined
      ? []
      : [
          [
            "/stop",
            {
              method: "POST",
              answer: (response: ServerResponse) => {
                stop();
                response.writeHead(202).end();
              },
            },
          ] as const,
        ]),
  ]);
}
