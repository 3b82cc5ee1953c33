// The rows of the study: what each changes in the robust recipe, and what one would do in its place.
import type { RobustRequest } from "../../src/index.ts";

/** What a row changes in the recipe that all rows start from; `clip` belongs to its attack. */
export type Change = Omit<Partial<RobustRequest>, "recipe" | "attack" | "seed"> & {
  readonly clip?: readonly [low: number, high: number];
};

export interface Row {
  readonly name: string;
  /** What the row is, for whoever reads the table. */
  readonly words: string;
  readonly how:
    | { readonly kind: "robust"; readonly change: Change }
    /** The standard recipe on so many random sources, which are attacked again at every trial point. */
    | { readonly kind: "reattack"; readonly sources: number }
    /** Adversarial training for so many times the seconds that the row `fresh` of the same seed took. */
    | { readonly kind: "adversarial"; readonly times: number };
  /** Whether its accuracy is drawn over time. */
  readonly drawn: boolean;
  /** Whether it is one of the two that are compared, with several seeds and under AutoAttack. */
  readonly main: boolean;
}

const robust = (name: string, words: string, change: Change): Row => ({
  name,
  words,
  how: { kind: "robust", change },
  drawn: false,
  main: false,
});

const reattack = (sources: number): Row => ({
  name: `reattack-${sources}`,
  words: `--reattack --random ${sources}`,
  how: { kind: "reattack", sources },
  drawn: false,
  main: false,
});

const adversarial = (name: string, words: string, times: number): Row => ({
  name,
  words,
  how: { kind: "adversarial", times },
  drawn: true,
  main: times === 1,
});

/** The row whose seconds adversarial training is given. */
export const fresh: Row = {
  ...robust("fresh", "recipe robust, fresh sources", {}),
  drawn: true,
  main: true,
};

export const studyRows: readonly Row[] = [
  fresh,
  adversarial("adversarial", "adversarial training, as many seconds", 1),
  adversarial("adversarial-half", "adversarial training, half the seconds", 0.5),
  adversarial("adversarial-double", "adversarial training, twice the seconds", 2),
  robust("sources-10", "--random 10", { random: 10 }),
  robust("sources-50", "--random 50", { random: 50 }),
  robust("sources-200", "--random 200", { random: 200 }),
  robust("sources-2000", "--random 2000", { random: 2000 }),
  reattack(10),
  reattack(50),
  reattack(200),
  robust("groups-20", "--groups 20", { groups: 20 }),
  robust("groups-300", "--groups 300", { groups: 300 }),
  robust("share-0.1", "--share 0.1", { share: 0.1 }),
  robust("share-0.5", "--share 0.5", { share: 0.5 }),
  robust("cap-0.02", "--step-cap 0.02", { stepCap: 0.02 }),
  robust("cap-0.08", "--step-cap 0.08", { stepCap: 0.08 }),
  robust("margin-0.5", "--margin 0.5", { margin: 0.5 }),
  robust("margin-2", "--margin 2", { margin: 2 }),
  robust("slack-0.02", "--loss-slack 0.02", { lossSlack: 0.02 }),
  robust("keep-clean", "--keep clean", { keep: "clean" }),
  robust("keep-robust", "--keep robust", { keep: "robust" }),
  robust("clipped", "--clip 0,1", { clip: [0, 1] }),
];
