// How the authors trained each network; for ResNet8 they do not say how long, so epochs and decay are ours.
import { seedRow } from "../attack/options.ts";
import { length, wholeNumber } from "../options/kinds.ts";
import type { Table } from "../options/table.ts";
import type { Architecture } from "./networks.ts";
import { createAdam, createMomentum, type Optimizer, type OptimizerState } from "./optimizer.ts";

/** What decides the result of a training, resolved. */
export interface TrainSettings {
  /** Passes over the data, 1 or more. Default 10, of resnet8 20. */
  readonly epochs: number;
  /** Images of a step, 1 or more. Default 64. */
  readonly batch: number;
  /** The learning rate of the first epoch, 0 or more. Default 1e-3, of resnet8 0.01. */
  readonly learningRate: number;
  /** Factor on the learning rate after each epoch, 0 or more. Default 0.7, of resnet8 0.9. */
  readonly decay: number;
  /** A whole number, 0 or more, default 0; the same seed gives the same bytes. */
  readonly seed: number;
}

/** How a network is trained where nothing else is stated. */
export interface TrainingPlan extends Omit<TrainSettings, "seed"> {
  /** The optimizer for p parameters, fresh or from the state of one that stopped. */
  readonly optimizer: (p: number, state?: OptimizerState) => Optimizer;
  /** Whether every image is cropped and flipped by a fresh draw each epoch. */
  readonly cropFlip: boolean;
}

const mnist: TrainingPlan = {
  epochs: 10,
  batch: 64,
  learningRate: 1e-3,
  decay: 0.7,
  optimizer: createAdam,
  cropFlip: false,
};

export const plans: Readonly<Record<Architecture, TrainingPlan>> = {
  cnnlight: mnist,
  cnn: mnist,
  resnet8: {
    epochs: 20,
    batch: 64,
    learningRate: 0.01,
    decay: 0.9,
    optimizer: createMomentum,
    cropFlip: true,
  },
};

const group = "Training";

/** The options of a training; what is not stated is as in the plan of the network. */
export const trainTable: Table<TrainSettings, TrainingPlan> = {
  epochs: {
    kind: wholeNumber(),
    group,
    everyday: true,
    help: "passes over the data",
    default: (_, plan) => plan.epochs,
  },
  batch: {
    kind: wholeNumber(),
    group,
    help: "images a step",
    default: (_, plan) => plan.batch,
  },
  learningRate: {
    kind: length("<rate>"),
    group,
    help: "in the first epoch",
    default: (_, plan) => plan.learningRate,
  },
  decay: {
    kind: length("<factor>"),
    group,
    help: "factor on the learning rate after each epoch",
    default: (_, plan) => plan.decay,
  },
  seed: seedRow,
};
