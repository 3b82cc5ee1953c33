// What a live page asks of its server, and what none should: requests by hand, and events as a browser reads them.
import { createServer, get, request } from "node:http";
import type { AddressInfo } from "node:net";
import { type Change, changed } from "../../src/report/changes.ts";
import type { LiveDocument, RunDocument } from "../../src/report/document.ts";
import type { RunServer } from "../../src/report/serve.ts";

/** What a server answers to a request that no browser would make. */
export function ask(
  { port, pathname, search }: Pick<URL, "port" | "pathname" | "search">,
  headers: Readonly<Record<string, string>> = {},
  method = "GET",
): Promise<number | undefined> {
  return new Promise((done, fail) => {
    request({ host: "127.0.0.1", port, path: pathname + search, method, headers }, (response) => {
      done(response.statusCode);
      response.destroy();
    })
      .on("error", fail)
      .end();
  });
}

/** The address of another path of the server, with its token. */
export function at({ address }: RunServer, path: string, query = ""): URL {
  const url = new URL(address);
  return new URL(`${path}${url.search}${query}`, url);
}

/** A way to a server that can be cut. */
export interface Cable {
  readonly address: string;
  /** Ends what goes through it, and lets nothing through until `mend`. */
  cut(): void;
  mend(): void;
  close(): void;
}

/** Stands between a browser and the page at an address: the server sees its own name, the browser that of the cable. */
export async function cableTo(address: string): Promise<Cable> {
  const { host, origin, port, pathname, search } = new URL(address);
  let isCut = false;
  const cable = createServer((asked, response) => {
    if (isCut) {
      response.destroy();
      return;
    }
    const { method, url: path, headers } = asked;
    const own = { ...headers, host, ...(headers.origin !== undefined && { origin }) };
    const passed = request({ host: "127.0.0.1", port, method, path, headers: own }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("error", () => response.destroy()).pipe(response);
    });
    response.on("close", () => passed.destroy());
    asked.pipe(passed.on("error", () => response.destroy()));
  });
  await new Promise<void>((done) => cable.listen(0, "127.0.0.1", done));
  const { port: here } = cable.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${here}${pathname}${search}`,
    cut: () => {
      isCut = true;
      cable.closeAllConnections();
    },
    mend: () => {
      isCut = false;
    },
    close: () => {
      cable.close();
      cable.closeAllConnections();
    },
  };
}

/** The document in a page. */
export async function documentIn(server: RunServer): Promise<{
  readonly runs: readonly RunDocument[];
  readonly live: LiveDocument;
}> {
  const html = await (await fetch(server.address)).text();
  return JSON.parse(/id="document">(.*?)<\/script>/s.exec(html)![1]);
}

export interface Told {
  readonly id: number | undefined;
  readonly event: string;
  readonly data: unknown;
}

/** Collects what a page is told, from its first event until the last or until `enough`. */
export function listen(
  url: URL,
  {
    headers = {},
    enough = () => false,
  }: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly enough?: (told: readonly Told[]) => boolean;
  } = {},
): Promise<Told[]> {
  return new Promise((done, fail) => {
    const told: Told[] = [];
    get(url, { headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const fields = new Map(
            text
              .slice(0, end)
              .split("\n")
              .map((line) => line.split(/: (.*)/s) as [string, string]),
          );
          text = text.slice(end + 2);
          const [id, event, data] = ["id", "event", "data"].map((name) => fields.get(name));
          if (event === undefined || data === undefined) continue;
          told.push({
            id: id === undefined ? undefined : Number(id),
            event,
            data: JSON.parse(data),
          });
          if (event === "end" || enough(told)) {
            response.destroy();
            done(told);
          }
        }
      });
      response.on("end", () => done(told));
    }).on("error", fail);
  });
}

/** The document after changes, as the page makes it. */
export const grown = (told: readonly Told[], from?: unknown): unknown =>
  told
    .filter(({ event }) => event === "change")
    .reduce((run, { data }) => changed(run, data as Change), from);
