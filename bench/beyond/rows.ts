// The rows of the study: what each changes in the robust recipe, and what one would do in its place.

import type { RobustRequest } from "../../src/index.ts";
import { type Keep, keeps } from "../../src/run/robust/options.ts";
import { type Training, trainingNamed, weightsOf } from "./trainings.ts";

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
    | {
        readonly kind: "adversarial";
        readonly times: number;
        /** How it is trained; absent: PGD with the recipe's own attack and nothing else stated. */
        readonly training?: Training | undefined;
      };
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
  ...keeps.map((keep) => robust(`keep-${keep}`, `--keep ${keep}`, { keep })),
  robust("clipped", "--clip 0,1", { clip: [0, 1] }),
];

/** A row of the study by its name; a training may be made of other parts than those of the list. */
export function rowNamed(name: string): Row | undefined {
  const known = studyRows.find((row) => row.name === name);
  if (known !== undefined) return known;
  const training = trainingNamed(name);
  if (training === undefined) return undefined;
  const { words } = training;
  return {
    ...adversarial(name, words, 1),
    how: { kind: "adversarial", times: 1, training },
    drawn: false,
    main: false,
  };
}

/**
 * The rows of two fronts, clean against attacked accuracy: the recipe with each `keep`, and a training with four
 * weights of the attacked images. All of them have several seeds.
 *
 * @param usual the recipe's own `keep` for the network, which the row `fresh` has
 */
export function frontRows(training: Training, usual: Keep): Row[] {
  const recipe = keeps.map((keep) => (keep === usual ? fresh : rowNamed(`keep-${keep}`)!));
  const trained = weightsOf(training).map((name) => rowNamed(name)!);
  return [...recipe, ...trained].map((row) => ({ ...row, main: true }));
}
