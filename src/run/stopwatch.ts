// Where the time goes: seconds by stage. Times are kept out of run.json, which must not differ from run to run.

export interface Stopwatch {
  /** Runs `work` and adds its time to the stage. */
  stage<R>(name: string, work: () => R | Promise<R>): Promise<R>;
  /** The same for work that does not wait. A part of a stage: its time counts there too. */
  measure<R>(name: string, work: () => R): R;
  /** Seconds of each stage so far, in order of first use. */
  seconds(): Record<string, number>;
  /** Seconds since the start. */
  total(): number;
}

export function createStopwatch(): Stopwatch {
  const started = performance.now();
  const spent = new Map<string, number>();
  const add = (name: string, from: number): void => {
    spent.set(name, (spent.get(name) ?? 0) + (performance.now() - from) / 1000);
  };
  return {
    stage: async (name, work) => {
      const from = performance.now();
      try {
        return await work();
      } finally {
        add(name, from);
      }
    },
    measure: (name, work) => {
      const from = performance.now();
      try {
        return work();
      } finally {
        add(name, from);
      }
    },
    seconds: () => Object.fromEntries(spent),
    total: () => (performance.now() - started) / 1000,
  };
}
