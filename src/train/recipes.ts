// How the authors trained each network; for ResNet8 they do not say how long, so epochs and decay are ours.
import type { Architecture } from "./networks.ts";
import { createAdam, createMomentum, type Optimizer, type OptimizerState } from "./optimizer.ts";

export interface Schedule {
  /** Passes over the data. */
  readonly epochs: number;
  /** Images a step. */
  readonly batch: number;
  /** In the first epoch. */
  readonly learningRate: number;
  /** Factor on the learning rate after each epoch. */
  readonly decay: number;
}

export interface Recipe extends Schedule {
  readonly optimizer: (p: number, state?: OptimizerState) => Optimizer;
  /** Every image cropped and flipped by a fresh draw each epoch. */
  readonly cropFlip: boolean;
}

const mnist: Recipe = {
  epochs: 10,
  batch: 64,
  learningRate: 1e-3,
  decay: 0.7,
  optimizer: createAdam,
  cropFlip: false,
};

export const recipes: Readonly<Record<Architecture, Recipe>> = {
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
