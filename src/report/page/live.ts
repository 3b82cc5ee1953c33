// A page that follows its run: takes in what the server tells, says where the work stands, and can stop it.
//
// What the reader has chosen stays. When the run or its server ends, the page goes on with what it has.
import { type Change, changed } from "../changes.ts";
import type { LiveStatus, ReportDocument, RunDocument } from "../document.ts";
import { fill, h } from "./dom.ts";
import { liveToken } from "./live-address.ts";
import { count } from "./numbers.ts";
import { atRun, byWeight, hasBegun, type State, type Store } from "./store.ts";

/** Milliseconds without the server until it is taken for gone: it would come back with another token. */
const PATIENCE = 10_000;

/** How the page is connected. */
type Connection = "open" | "lost" | "ended";

/**
 * The line about the run that the page follows; undefined on a page that follows none. Where there is no `store`, for
 * the run had nothing to show, `begin` shows its first document.
 */
export function liveView(
  report: ReportDocument,
  {
    begin,
    ...shown
  }: {
    readonly store: Store | undefined;
    readonly begin: (document: ReportDocument) => Store;
  },
): HTMLElement | undefined {
  const { live } = report;
  if (live === undefined) return undefined;
  let { store } = shown;
  let run: RunDocument | undefined = report.runs[0];
  let status: LiveStatus | undefined;
  let connection: Connection = "open";
  const said = h("span", { role: "status" });
  const detail = h("span", { class: "hint" });
  const stop = live.stops ? stopButton() : undefined;
  const say = (): void => {
    const [what, more] = inWords(run, status, connection);
    if (said.textContent !== what) fill(said, what); // said aloud only when it is another
    fill(detail, more);
    if (stop) stop.hidden = connection !== "open" || status?.state !== "working";
  };
  /** Shows what is known: candidates' files are there only while the server is. */
  const show = afterDrag(() => {
    if (run === undefined) return;
    const { live: _, ...plain } = report;
    const files = connection === "open" && (status?.files ?? live.files);
    const still = connection === "ended" ? {} : { live: { ...live, files } };
    const document = { ...plain, ...still, runs: [run] };
    const present = store;
    const isFirst =
      present === undefined || hasBegun(present.state().document) !== hasBegun(document);
    if (isFirst) store = begin(document);
    else keepingPlace(() => present.set(grown(present.state(), document)));
  });

  const source = new EventSource(`events?${liveToken()}&after=${live.event}`);
  const on = (name: string, take: (data: unknown) => void): void =>
    source.addEventListener(name, (event) => take(JSON.parse((event as MessageEvent).data)));
  const become = (next: Connection): void => {
    if (next === connection) return;
    connection = next;
    say();
    show();
  };
  let waiting: ReturnType<typeof setTimeout> | undefined;
  source.addEventListener("open", () => {
    clearTimeout(waiting);
    waiting = undefined;
    become("open");
  });
  source.addEventListener("error", () => {
    if (connection === "open") become("lost");
    waiting ??= setTimeout(() => {
      source.close();
      become("ended");
    }, PATIENCE);
  });
  on("change", (change) => {
    run = changed(run, change as Change) as RunDocument;
    say();
    show();
  });
  on("status", (data) => {
    const files = status?.files;
    status = data as LiveStatus;
    say();
    if (files !== status.files) show();
  });
  on("end", (data) => {
    source.close();
    status = data as LiveStatus;
    become("ended");
  });
  say();
  return h("div", { class: "live" }, said, " ", detail, h("span", { class: "spring" }), stop);
}

/** Where the work stands: what is said aloud, and what changes too often for that. */
function inWords(
  run: RunDocument | undefined,
  status: LiveStatus | undefined,
  connection: Connection,
): [string, string] {
  const at = iterationOf(run);
  const finished = run?.record.end !== undefined;
  const none = run === undefined || run.record.pool.length === 0;
  if (connection === "lost") return ["Connection lost, trying again.", at];
  if (connection === "ended") {
    const whole = "What is here stays, and needs no server.";
    if (finished) return ["The run has finished.", whole];
    if (status?.state === "stopped") {
      return ["The run was stopped.", `${at}. The same command with --resume goes on with it.`];
    }
    if (status?.state === "failed") return ["The run has failed; its terminal says why.", whole];
    return ["The command that served this page has ended.", whole];
  }
  if (finished) return ["The run has finished.", ""];
  const { stage, done, of } = status ?? {};
  // A stage that is at its end is over; the next may say nothing of itself.
  const part = stage === undefined || done === of ? "" : `${stage} ${count(done)} of ${count(of)}`;
  if (status?.state === "followed") {
    const written = run?.timings && new Date(run.timings.date).toLocaleTimeString();
    return [
      none ? "No iteration is done yet." : "The run is not finished.",
      [at, written && `written at ${written}`].filter(Boolean).join(", "),
    ];
  }
  return [
    none ? "No iteration is done yet." : "Running.",
    [at, part].filter((text) => text !== "").join("; "),
  ];
}

function iterationOf(run: RunDocument | undefined): string {
  if (run === undefined || run.record.pool.length === 0) return "";
  const { iterations, options } = run.record;
  return `iteration ${count(iterations.length)} of ${count(options.iterations)}`;
}

/** The state with another document, and the reader's choice as it was. */
function grown(state: State, document: ReportDocument): Partial<State> {
  const { pool } = document.runs[0].record;
  const present = state.document.runs[0].record.pool;
  if (pool.length < present.length) return atRun(document, 0); // the folder holds another run
  // A run that has begun may be written again before it has a candidate to choose.
  if (state.weight === undefined || pool.length === 0) return { document };
  return { document, ...byWeight({ ...state, document }, state.weight) };
}

/** What a redraw makes anew stays open, and keeps the focus. Rows of tables that are made in view see to theirs. */
function keepingPlace(redraw: () => void): void {
  const before = placesIn();
  const open = new Map(
    [...before].map(([place, element]) => [place, element.hasAttribute("open")]),
  );
  const focused = document.activeElement;
  redraw();
  for (const [place, element] of placesIn()) {
    const was = before.get(place);
    if (was === undefined || was === element) continue;
    element.toggleAttribute("open", open.get(place));
    if (was === focused) element.focus({ preventScroll: true });
  }
}

/** All that can be opened or have the focus, by its section and its number among its like there. */
function placesIn(): Map<string, HTMLElement> {
  const places = new Map<string, HTMLElement>();
  const counts = new Map<string, number>();
  const all = "main :is(details, summary, a, button, input, select, [tabindex])";
  for (const element of document.querySelectorAll<HTMLElement>(all)) {
    if (element.closest(".rows") !== null) continue;
    const kind = `${element.closest("section")?.id} ${element.tagName}`;
    const n = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, n);
    places.set(`${kind} ${n}`, element);
  }
  return places;
}

/** Asks once more before it stops the run. */
function stopButton(): HTMLElement {
  const box = h("span", { class: "stop" });
  const button = (text: string, onclick: () => void) =>
    h("button", { type: "button", onclick }, text);
  const offer = (): void => fill(box, button("Stop the run", ask));
  const ask = (): void => {
    const yes = button("Stop it", () => {
      fill(box, "Stopping …");
      fetch(`stop?${liveToken()}`, { method: "POST" }).catch(offer);
    });
    fill(box, "It can go on later, with --resume. ", yes, " ", button("Let it run", offer));
    yes.focus();
  };
  offer();
  return box;
}

/** Calls at once, but while a pointer is down when it is up again: what is dragged over must not change under it. */
function afterDrag(act: () => void): () => void {
  let isDown = false;
  let waits = false;
  addEventListener(
    "pointerdown",
    () => {
      isDown = true;
    },
    true,
  );
  for (const name of ["pointerup", "pointercancel"]) {
    addEventListener(
      name,
      () => {
        isDown = false;
        if (waits) setTimeout(act); // after those who listen to the drag
        waits = false;
      },
      true,
    );
  }
  return () => {
    waits = isDown;
    if (!isDown) act();
  };
}
