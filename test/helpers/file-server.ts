// A server on 127.0.0.1 that hands out planted bytes, well or badly.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Served {
  readonly bytes: Uint8Array;
  /** Answers a Range request with everything. */
  readonly ignoresRange?: boolean;
  /** Ends the connection after so many bytes, `times` times, then serves well. */
  readonly cut?: { readonly after: number; times: number };
  /** Sends the first half and then nothing. */
  readonly stalls?: boolean;
  /** Sends no length. */
  readonly chunked?: boolean;
}

export interface FileServer {
  /** Base address, ending in a slash. */
  readonly url: string;
  /** Every request so far: its path, and its range or "". */
  readonly requests: readonly (readonly [path: string, range: string])[];
  close(): void;
}

function answer(served: Served, range: string, response: ServerResponse): void {
  const { bytes, cut } = served;
  const from = served.ignoresRange ? 0 : Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0);
  const rest = bytes.subarray(from);
  if (served.chunked !== true) response.setHeader("content-length", rest.length);
  if (from > 0) {
    response.setHeader("content-range", `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
  }
  response.writeHead(from > 0 ? 206 : 200);
  if (cut !== undefined && cut.times > 0) {
    cut.times -= 1;
    // After a while: what a client has not read when the connection ends is lost to it.
    response.write(rest.subarray(0, cut.after), () => setTimeout(() => response.destroy(), 100));
  } else if (served.stalls) response.write(rest.subarray(0, rest.length >> 1));
  else response.end(rest);
}

/** Serves `files` by path without the leading slash; other paths are 404. */
export async function serve(files: Readonly<Record<string, Served>>): Promise<FileServer> {
  const requests: [string, string][] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? "").slice(1);
    const range = request.headers.range ?? "";
    requests.push([path, range]);
    if (files[path] === undefined) response.writeHead(404).end("not here");
    else answer(files[path], range, response);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
