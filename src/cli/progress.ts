// Progress on stderr: a bar with rate and time left on a terminal, a plain line now and then elsewhere.
import type { SingleBar } from "cli-progress";

export interface Progress {
  /** Where a stage stands; a new stage name starts a new bar. */
  update(stage: string, done: number, of: number): void;
  /** A line that stays. */
  line(text: string): void;
  stop(): void;
}

// Off a terminal, one line a stage every so often is enough to see that work goes on.
const PLAIN_INTERVAL_MS = 15_000;

const quiet: Progress = {
  update: () => {},
  line: (text) => process.stderr.write(`${text}\n`),
  stop: () => {},
};

function plain(): Progress {
  let last = Date.now();
  return {
    ...quiet,
    update: (stage, done, of) => {
      if (Date.now() - last < PLAIN_INTERVAL_MS) return;
      last = Date.now();
      process.stderr.write(`${stage}: ${done} of ${of}\n`);
    },
  };
}

async function bars(): Promise<Progress> {
  const { Presets, SingleBar } = await import("cli-progress");
  let bar: SingleBar | undefined;
  let present = "";
  let started = 0;
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
    present = "";
  };
  return {
    update: (stage, done, of) => {
      if (stage !== present) {
        stop();
        present = stage;
        started = Date.now();
        bar = new SingleBar(
          {
            format: `${stage.padEnd(16)} {bar} {percentage}%  {rate}/s  {eta_formatted} left`,
            stream: process.stderr,
            clearOnComplete: true,
            hideCursor: true,
          },
          Presets.shades_classic,
        );
        bar.start(of, 0, { rate: "-" });
      }
      const seconds = (Date.now() - started) / 1000;
      bar?.update(done, { rate: seconds > 0 ? Math.round(done / seconds) : "-" });
    },
    line: (text) => {
      stop();
      process.stderr.write(`${text}\n`);
    },
    stop,
  };
}

/** Progress for this process's stderr. */
export async function createProgress(): Promise<Progress> {
  return process.stderr.isTTY ? bars() : plain();
}
