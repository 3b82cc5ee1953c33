// What the pages of a run are told while it goes on: numbered changes of its document, and where the work stands.
//
// Changes are kept, so that a page whose connection was lost gets those that it missed. How far the work is has no
// number: only the last word of it counts.
import type { ServerResponse } from "node:http";
import { changeOf } from "./changes.ts";
import type { LiveStatus, RunDocument } from "./document.ts";

export interface Feed {
  /** The number of the last change. */
  last(): number;
  /** Tells the pages what is new in the document. */
  put(run: RunDocument): void;
  /** Tells them where the work stands, where that is another word than the last. */
  say(status: LiveStatus): void;
  /** Tells a page all that came after the change of this number, and from now on what is new. */
  connect(response: ServerResponse, after: number): void;
  /** How many pages are connected; undefined where none ever was. */
  pages(): number | undefined;
  /** The last word; done when every page has it. */
  end(status: LiveStatus): Promise<void>;
}

/** A page that has gone to sleep is not waited for, in milliseconds. */
const PATIENCE = 2000;

export function createFeed(): Feed {
  const log: string[] = [];
  const pages = new Set<ServerResponse>();
  let run: RunDocument | undefined;
  let visited = false;
  let status = "";
  const send = (text: string): void => {
    for (const page of pages) page.write(text);
  };
  return {
    last: () => log.length,
    put: (next) => {
      const change = changeOf(run, next);
      run = next;
      if (change === undefined) return;
      log.push(eventOf("change", change, log.length + 1));
      send(log[log.length - 1]);
    },
    say: (next) => {
      const text = eventOf("status", next);
      if (text === status) return;
      status = text;
      send(status);
    },
    connect: (page, after) => {
      page.writeHead(200, { "content-type": "text/event-stream" });
      page.write(["retry: 1000\n\n", ...log.slice(after), status].join(""));
      visited = true;
      pages.add(page);
      page.on("close", () => pages.delete(page));
    },
    pages: () => (visited ? pages.size : undefined),
    end: async (last) => {
      const told = [...pages].map(
        (page) => new Promise<unknown>((done) => page.on("close", done).end(eventOf("end", last))),
      );
      let timer: NodeJS.Timeout | undefined;
      const waited = new Promise((done) => {
        timer = setTimeout(done, PATIENCE);
      });
      await Promise.race([Promise.all(told), waited]);
      clearTimeout(timer);
    },
  };
}

/** An event in the form of text/event-stream. JSON has no line breaks. */
const eventOf = (event: string, data: unknown, id?: number): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
