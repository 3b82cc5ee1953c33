// Where the time goes: seconds by stage and by iteration. Times are kept out of run.json, which must not differ
// from run to run.

/** Seconds by the name of the stage, in order of first use. */
export type Seconds = Readonly<Record<string, number>>;

/** Times as a stopwatch has them, and as it may be set to go on from them. */
export interface Times {
  /** In all iterations together and after them. */
  readonly stages: Seconds;
  /** Of each finished iteration, by stage. */
  readonly iterations: readonly Seconds[];
  /** In all. */
  readonly seconds: number;
}

export interface Stopwatch {
  /** Runs `work` and adds its time to the stage. Inside another stage it counts there too. */
  stage<R>(name: string, work: () => R | Promise<R>): Promise<R>;
  /** The same for work that does not wait. */
  measure<R>(name: string, work: () => R): R;
  /** Ends an iteration: what was spent since the last one ended is its time. */
  lap(): void;
  times(): Times;
}

const none: Times = { stages: {}, iterations: [], seconds: 0 };

/** A stopwatch that runs, on from `earlier` where a run is taken up again. */
export function createStopwatch(earlier: Times = none): Stopwatch {
  const started = performance.now();
  const spent = new Map(Object.entries(earlier.stages));
  const iterations = [...earlier.iterations];
  let atLap = new Map(spent);
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
    lap: () => {
      const since = [...spent].map(([name, s]) => [name, s - (atLap.get(name) ?? 0)] as const);
      iterations.push(Object.fromEntries(since));
      atLap = new Map(spent);
    },
    times: () => ({
      stages: Object.fromEntries(spent),
      iterations: [...iterations],
      seconds: earlier.seconds + (performance.now() - started) / 1000,
    }),
  };
}
