// Options that several commands share, each declared once.
import type { Command } from "commander";
import {
  type AttackName,
  type AttackRequest,
  attackNames,
  type EpsSpace,
  epsSpaces,
  type Norm,
  norms,
  type Protocol,
} from "../attack/options.ts";
import { type Augmentation, augmentations } from "../data/augment.ts";
import type { NetworkOptions } from "../engine/network.ts";
import { clipRange, count, number, numbers, oneOf, several } from "./parse.ts";

export interface CommonFlags {
  readonly json?: boolean;
  readonly seed: number;
  readonly threads?: number;
  readonly dataDir?: string;
}

/** --json --seed --threads --data-dir */
export function withCommon(command: Command): Command {
  return command
    .option("--json", "print one JSON document on stdout")
    .option("--seed <n>", "the same seed gives the same result to the bit", count(0), 0)
    .option("--threads <n>", "worker processes (default: one a core)", count())
    .option(
      "--data-dir <dir>",
      "folder of the data sets (default: TEMPER_DATA, else a cache folder)",
    );
}

export interface DataFlags {
  readonly augment?: Augmentation;
}

/** --augment */
export function withAugment(command: Command): Command {
  return command.option(
    "--augment <how>",
    "crop-flip: each image of DATA cropped (reflection padding 4) and flipped at random, once, by the seed",
    oneOf(augmentations),
  );
}

export interface ModelFlags {
  readonly mean?: number[];
  readonly std?: number[];
  readonly output?: string;
  readonly trainable?: string;
}

/** --mean --std --output */
export function withModel(command: Command): Command {
  return command
    .option(
      "--mean <a,b,c>",
      "mean per channel, or one for all, where the model wants normalised input",
      numbers,
    )
    .option("--std <a,b,c>", "standard deviation per channel, likewise", numbers)
    .option("--output <name>", "the output that holds the logits, of a model with several");
}

export const modelOptions = ({ mean, std, output, trainable }: ModelFlags): NetworkOptions => ({
  mean,
  std,
  output,
  trainable,
});

/** --trainable, for the commands that look at theta */
export function withTrainable(command: Command): Command {
  return command.option(
    "--trainable <pattern>",
    'only these tensors move: a pattern on their names ("fc*,conv2.*"), or last: the last dense layer',
  );
}

export interface AttackFlags {
  readonly norm: Norm;
  readonly epsSpace: EpsSpace;
  readonly stepSize?: number;
  readonly steps?: number;
  readonly restarts: number;
  readonly clip?: [number, number] | "none";
  readonly labels?: "true" | "predicted";
  readonly randomStart: boolean;
  readonly protocol?: Protocol;
}

/** Everything about an attack but its name and radius, which commands take once or several times. */
export function withAttack(command: Command): Command {
  return command
    .option("--norm <norm>", "norm of the ball: linf or l2", oneOf(norms), "linf")
    .option(
      "--eps-space <space>",
      "what eps and the step size are measured in: pixel, or model: its normalised units (needs --std)",
      oneOf(epsSpaces),
      "pixel",
    )
    .option(
      "--step-size <length>",
      "length of a step of PGD (default: eps / 10)",
      number({ min: 0 }),
    )
    .option(
      "--steps <n>",
      "steps of a run (default: pgd 40, apgd-*, fab-t and auto 100); of square its queries (default: 5000); " +
        "auto gives Square 50 queries a step",
      count(),
    )
    .option(
      "--restarts <n>",
      "runs of an attack (of apgd-t and fab-t: for each target); the worst is kept, an image each",
      count(),
      1,
    )
    .option("--clip <low,high|none>", "range pixels are kept in (default: 0,1)", clipRange)
    .option(
      "--labels <which>",
      "attack the true or the predicted labels (default: true)",
      oneOf(["true", "predicted"]),
    )
    .option("--no-random-start", "start PGD and APGD at the clean image")
    .option(
      "--protocol <name>",
      "cleverhans: predicted labels and no clip, as in the paper's tables",
      oneOf(["cleverhans"]),
    );
}

/** The attacks as help lists them. */
export const ATTACK_WORDS = `${attackNames.join(", ")} (AutoAttack's apgd-ce, apgd-t, fab-t and square in turn)`;

/** --attack and --eps, which may be given several times. */
export function withAttackList(command: Command): Command {
  return withAttack(
    command
      .option(
        "--attack <name>",
        `${ATTACK_WORDS}; may be given several times`,
        several(oneOf(attackNames)),
      )
      .option(
        "--eps <radius>",
        "radius of the ball; may be given several times",
        several(number({ min: 0 })),
      ),
  );
}

/** One attack as the library takes it. */
export function attackRequest(
  flags: AttackFlags & CommonFlags,
  attack: AttackName,
  eps: number,
): AttackRequest {
  const { norm, epsSpace, stepSize, steps, restarts, labels, randomStart, protocol, seed } = flags;
  const clip = flags.clip === "none" ? null : flags.clip;
  return {
    attack,
    norm,
    eps,
    epsSpace,
    stepSize,
    steps,
    restarts,
    clip,
    labels,
    randomStart,
    protocol,
    seed,
  };
}
