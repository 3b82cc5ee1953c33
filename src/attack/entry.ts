// What an attack is: a record of what it asks for and what it costs, with the function that runs it on an image.
import type { Random } from "../tensor/random.ts";
import type { AttackSettings } from "./settings.ts";
import type { AttackRun, Subject } from "./subject.ts";

interface Traits {
  readonly name: string;
  /** Steps of a run where the user states none. */
  readonly steps: number;
  /** Whether it follows gradients; an attack that does not asks for logits alone. */
  readonly usesGradients: boolean;
  /**
   * Whether it attacks images that are wrong when clean too and returns where it ends, as the paper's tables count.
   * Every other attack leaves wrong images alone and stops at the first misclassified image.
   */
  readonly attacksAll: boolean;
  /** Whether an image may take thousands of passes: its shards are smaller, so that all processes end together. */
  readonly slow: boolean;
}

/** One attack by itself. */
export interface SingleAttack extends Traits {
  /**
   * Names its random streams, behind image and restart; undefined adds no number. It is the attack's own and
   * never changes: the images of a seed hang on it.
   */
  readonly stream: number | undefined;
  /** Whether it is led towards one rival after the other, instead of away from the label. */
  readonly targeted: boolean;
  /** The fewest labels that its loss is defined for. */
  readonly leastLabels: number;
  /** Takes one step from the clean image: no restarts, no chance, and weaker than any other use of gradients. */
  readonly oneStep?: true;
  /** Whether little but the number of steps limits it: evaluation then tries twice as many on some images. */
  readonly limitedBySteps: boolean;
  /** How often the image goes through the network in a step. */
  readonly passesAStep: number;
  /** What it spends on an image, in words; `rivals` is how many labels a targeted attack is led towards. */
  effort(settings: AttackSettings, rivals: number): string;
  /** One attempt on one image; nothing is done before its first question is asked for. */
  run(subject: Subject, settings: AttackSettings, attempt: Attempt): AttackRun;
}

/** Several attacks, one after the other, on the images that are still right. */
export interface Ensemble extends Traits {
  /**
   * Its attacks in order, for a model of so many labels, and how many steps each has for one of the ensemble's.
   */
  parts(labels: number): readonly { readonly attack: SingleAttack; readonly stepsEach: number }[];
}

export type AttackEntry = SingleAttack | Ensemble;

/** One attempt: which restart it is, from 0, against which rival, and where its random numbers come from. */
export interface Attempt {
  readonly restart: number;
  /** The rival to be led towards, of a targeted attack; else the true label. */
  readonly target: number;
  readonly random: Random;
}
