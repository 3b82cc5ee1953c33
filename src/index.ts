// The public names of temper-onnx: a table of contents.

export {
  type AttackCall,
  attack,
  type PointChoice,
  type Points,
} from "./attack/attack.ts";
export {
  type AttackResult,
  type CleanResult,
  type EvaluateCall,
  type Evaluation,
  evaluate,
} from "./attack/evaluate.ts";
export type { AttackName, AttackOptions, AttackRequest } from "./attack/options.ts";
export type { Dataset } from "./data/dataset.ts";
export { slice } from "./data/dataset.ts";
export { openData } from "./data/open.ts";
export { readPoints, writePoints } from "./data/points.ts";
export { type Model, openModel } from "./engine/model.ts";
export type { NetworkOptions as ModelOptions } from "./engine/network.ts";
export { type ErrorCode, TemperError } from "./errors.ts";
export type { Parameter } from "./onnx/theta.ts";
export { denseRows } from "./qp/dense-rows.ts";
export { nearestPoint } from "./qp/nearest-point.ts";
export { correct } from "./run/correct.ts";
export { openRun } from "./run/open.ts";
export type { CorrectOptions, Recipe } from "./run/options.ts";
export type { Run, RunRecord } from "./run/record.ts";
export { type EpochRecord, type TrainOptions, train } from "./train/train.ts";
