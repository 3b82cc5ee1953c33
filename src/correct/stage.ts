// The stages of Algorithm 1 that a caller may time; the algorithm itself never reads a clock.

/** `qp` and `blocks` include the Gram entries and products that they ask of the cut set. */
export type StageName = "points" | "cuts" | "qp" | "blocks" | "loss-gradient" | "candidates";

/** Runs `work` and returns what it returns; called anew for every piece of a stage, never inside another. */
export type Stage = <R>(name: StageName, work: () => R | Promise<R>) => Promise<R>;

/** Just runs the work. */
export const untimed: Stage = async (_name, work) => work();
