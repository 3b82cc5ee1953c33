// How quick the page of a run is, asked in the browser: until it can be used, and for each step of its slider.
import { stat } from "node:fs/promises";
import type { Browser } from "playwright-core";

/** A page as it was measured. */
export interface PageSpeed {
  readonly candidates: number;
  readonly bytes: number;
  /** Milliseconds from the request until the page is drawn and no long task runs: the median of several openings. */
  readonly interactive: number;
  /**
   * Milliseconds of a frame in which the slider moves: program, style, layout and paint. Each step is made in every
   * opening, and its median counts: what else the machine does is no part of the page.
   */
  readonly step: { readonly median: number; readonly worst: number; readonly count: number };
}

const OPENINGS = 5;
/** From 0 to 1 and back, by the step of the slider. */
const STEPS = 200;

/** Opens the page in a file several times, then moves its slider. */
export async function measurePage(
  browser: Browser,
  path: string,
  candidates: number,
): Promise<PageSpeed> {
  const openings: number[] = [];
  const rounds: number[][] = [];
  for (let opening = 0; opening < OPENINGS; opening++) {
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    await page.goto(`file://${path}`);
    openings.push((await page.evaluate(INTERACTIVE)) as number);
    rounds.push((await page.evaluate(SLIDE)) as number[]);
    await page.close();
  }
  const { size } = await stat(path);
  const frames = rounds[0].map((_, i) => medianOf(rounds.map((round) => round[i])));
  return {
    candidates,
    bytes: size,
    interactive: medianOf(openings),
    step: { median: medianOf(frames), worst: Math.max(...frames), count: frames.length },
  };
}

const medianOf = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/**
 * The end of the last task of 50 ms or more, as what is called time to interactive is defined, and not before the
 * first paint. These are programs of the browser, where this one's types do not hold.
 */
const INTERACTIVE = `new Promise((done) => {
  const tasks = [];
  const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
  observer.observe({ type: "longtask", buffered: true });
  setTimeout(() => {
    const [{ domContentLoadedEventEnd }] = performance.getEntriesByType("navigation");
    const paints = performance.getEntriesByType("paint").map(({ startTime }) => startTime);
    const ends = tasks.map(({ startTime, duration }) => startTime + duration);
    done(Math.max(domContentLoadedEventEnd, ...paints, ...ends));
  }, 1500);
})`;

/** One step a frame; a message sent in it comes when it is painted. */
const SLIDE = `new Promise((done) => {
  const slider = document.getElementById("weight");
  const frames = [];
  const channel = new MessageChannel();
  let from = 0;
  const step = () => {
    from = performance.now();
    const at = (frames.length + 1) / ${STEPS / 2};
    slider.value = String(at <= 1 ? at : 2 - at);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    channel.port2.postMessage(0);
  };
  channel.port1.onmessage = () => {
    frames.push(performance.now() - from);
    if (frames.length === ${STEPS}) done(frames);
    else requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})`;
