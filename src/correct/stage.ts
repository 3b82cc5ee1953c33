// The stages of Algorithm 1 that a caller may time; the algorithm itself never reads a clock.

/** `qp` includes the Gram entries and products that the solver asks of the cut set. */
export type StageName = "points" | "cuts" | "qp" | "loss-gradient" | "candidates";

/** Runs `work` and returns what it returns; called anew for every piece of a stage, never inside another. */
export type Stage = <R>(name: StageName, work: () => R | Promise<R>) => Promise<R>;

export const untimed: Stage = async (_name, work) => work();
