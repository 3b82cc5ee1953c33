// The public names of temper-onnx: a table of contents.

export {
  type AttackCall,
  attack,
  type PointChoice,
  type Points,
} from "./attack/attack.ts";
export type { AttackName } from "./attack/attacks.ts";
export {
  type AttackResult,
  type CleanResult,
  type EvaluateCall,
  type Evaluation,
  evaluate,
  type Withstood,
  type WorstResult,
} from "./attack/evaluate.ts";
export { type AttackedImages, writeAttackedImages } from "./attack/images.ts";
export { keepShards, type ShardKeeper } from "./attack/kept-shards.ts";
export type { AttackOptions, AttackRequest, StatedAttack } from "./attack/options.ts";
export { type SampleOptions, sample, subset } from "./attack/sample.ts";
export type { AttackSettings, EpsSpace, Norm, Protocol } from "./attack/settings.ts";
export type { LabelShare, Share } from "./attack/share.ts";
export type { VerifyMethod, VerifyOptions, VerifyRequest } from "./bounds/options.ts";
export {
  type CountedShare,
  type Verification,
  type VerifiedImage,
  type VerifyCall,
  verify,
} from "./bounds/verify.ts";
export { writeVerification } from "./bounds/write.ts";
export type { BlocksRecord } from "./correct/blocks.ts";
export type { Candidate } from "./correct/candidates.ts";
export type { Contradiction } from "./correct/elastic.ts";
export type { LossEstimate } from "./correct/loss-sample.ts";
export type { Asked } from "./correct/oracle.ts";
export type {
  AnchorRecord,
  CentreEnd,
  CentreRecord,
  IterationRecord,
  RunEnd,
  Screened,
} from "./correct/records.ts";
export { type Augmentation, augmentations } from "./data/augment.ts";
export type { AnyDataset, Dataset, StoredDataset } from "./data/dataset.ts";
export { slice } from "./data/dataset.ts";
export { fitTo } from "./data/fit.ts";
export type { ModelUnits } from "./data/model-units.ts";
export { type DataOptions, openData } from "./data/open.ts";
export type { PixelFile } from "./data/pixel-file.ts";
export { readPoints, writePoints } from "./data/points.ts";
export type { Keys, Reading } from "./data/reading.ts";
export { type Device, devices } from "./engine/device.ts";
export { type LossName, lossNames } from "./engine/losses.ts";
export { type Model, type ModelOptions, openModel } from "./engine/model.ts";
export type { NetworkOptions } from "./engine/network.ts";
export {
  type StateDict,
  type StateDictOptions,
  type StateTensor,
  stateDict,
} from "./engine/state-dict.ts";
export { openWorkers, type Workers } from "./engine/workers.ts";
export { type ErrorCode, TemperError } from "./errors.ts";
export { openQueue, type QueueOptions } from "./machines/command.ts";
export type { QueueLog } from "./machines/events.ts";
export { type ServeOptions, serveQueue } from "./machines/work.ts";
export type { Parameter } from "./onnx/theta.ts";
export type { Beginning as ShardBeginning } from "./options/beginning.ts";
export type { Request } from "./options/table.ts";
export type { Progress } from "./progress.ts";
export { type DenseRows, denseRows } from "./qp/dense-rows.ts";
export { type GramCache, type GramColumns, gramCache } from "./qp/gram-cache.ts";
export {
  type ActiveSet,
  type Lacking,
  type NearestPointOptions,
  type NearestPointProblem,
  nearestPoint,
  type Residuals,
  type Solution,
  type SolveStatus,
} from "./qp/nearest-point.ts";
export {
  type DenseProblem,
  type DenseSolution,
  nearestPointDense,
} from "./qp/nearest-point-dense.ts";
export type { CutRows, Rows } from "./qp/rows.ts";
export type { CommonCall, CorrectCall, PointCall, RobustCall } from "./run/call.ts";
export type { Certificate, ProvenImages } from "./run/certificate.ts";
export type { CleanChange, CleanLabel, CleanRecord } from "./run/clean.ts";
export { correct } from "./run/correct.ts";
export { openRun } from "./run/folder/open.ts";
export type { RecipeName, SharedOptions } from "./run/options.ts";
export type { PointOptions, PointRequest, Solver } from "./run/points/options.ts";
export type { Proof } from "./run/points/proof.ts";
export type {
  AskedFile,
  Families,
  Family,
  Found,
  InputRecord,
  Measured,
  PointOrigin,
  RunBeginning,
  RunRecord,
  Timings,
} from "./run/record.ts";
export type { Keep, RobustOptions, RobustRequest } from "./run/robust/options.ts";
export type { PointRun, RobustRun, Run, RunOf } from "./run/run.ts";
export type { Seconds } from "./run/stopwatch.ts";
export type { ValidatedCandidate, Validation } from "./run/validate.ts";
export { type AdversariallyTrained, trainAdversarially } from "./train/adversarial.ts";
export type {
  AdversarialLook,
  AdversarialMethod,
  AdversarialOptions,
  AdversarialStep,
} from "./train/adversarial-options.ts";
export type { EpochRecord } from "./train/checkpoint.ts";
export type { Architecture } from "./train/networks.ts";
export type { TrainSettings } from "./train/plans.ts";
export type { Schedule } from "./train/schedule.ts";
export { type Trained, type TrainOptions, train } from "./train/train.ts";
