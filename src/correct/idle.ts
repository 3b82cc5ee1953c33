// Cuts that have been idle for long are given up where there is no room for more.
//
// A cut that is left out only loosens (13): it holds for fewer thetas than were excluded before. What then violates a
// point is seen on the network itself, and cut again at the new anchor, so nothing is lost but perhaps an iteration.
// Cuts (8) stay: there is one an anchor, and each is needed wherever the loss is at its limit.
//
// Differs from the paper, which keeps every cut.
import type { ActiveSet } from "../qp/problem.ts";
import type { Cuts } from "./cuts.ts";

/** A cut is idle when so many solves after it was last active (or made) have not used it. */
const IDLE = 2;

/** What must be known to go on: by the rows' numbers. */
export interface IdleState {
  /** Bytes that the cuts may take. */
  readonly room: number;
  /** The iteration in which each row was last active, or made. */
  readonly since: readonly number[];
  /** The rows that were given up. */
  readonly dropped: readonly number[];
}

export interface IdleCuts {
  /** After iteration k: gives up the cuts idle longest, until another iteration's have room; returns how many. */
  after(k: number, active: ActiveSet): number;
  /** Gives up again what an earlier run had given up of the cuts that there are by now. */
  again(): void;
  state(): IdleState;
}

/** @param room bytes that the cuts may take; that of an earlier run, which is taken up again, goes before */
export function watchIdle(cuts: Cuts, room: number, state?: IdleState): IdleCuts {
  const since = [...(state?.since ?? [])];
  const dropped = new Set(state?.dropped);
  const limit = state?.room ?? room;
  let before = 0;

  const drop = (rows: readonly number[]): void => {
    for (const r of rows) dropped.add(r);
    cuts.drop(rows);
  };
  return {
    after: (k, { rows }) => {
      for (let r = since.length; r < cuts.list.length; r++) since.push(k);
      for (const r of rows) since[r] = k;
      const brought = cuts.rows.bytes() - before;
      const first = dropped.size;
      // Those that have been idle for longest go first, all of one age together.
      for (let age = k; age >= IDLE && cuts.rows.bytes() + brought > limit; age--) {
        const isOld = (r: number): boolean =>
          since[r] === k - age && cuts.list[r].point !== "loss" && !dropped.has(r);
        const old = [...since.keys()].filter(isOld);
        if (old.length > 0) drop(old);
      }
      before = cuts.rows.bytes();
      return dropped.size - first;
    },
    again: () => {
      const there = [...dropped].filter((r) => r < cuts.list.length && !cuts.dropped.has(r));
      if (there.length > 0) cuts.drop(there);
      before = cuts.rows.bytes();
    },
    state: () => ({ room: limit, since: [...since], dropped: [...dropped] }),
  };
}
