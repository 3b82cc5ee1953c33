// One correction: model, data and points in; a run out, measured on the corrected file itself.
import { candidateTheta } from "../correct/candidates.ts";
import { type AnyDataset, type Dataset, imagesOf } from "../data/dataset.ts";
import { sha256 } from "../data/verify.ts";
import { processesOn } from "../engine/device.ts";
import { type Model, networkOf } from "../engine/model.ts";
import { loadNetwork, modelFiles, type Network } from "../engine/network.ts";
import { demandCorrectable } from "../engine/telling.ts";
import { openWorkers, type Workers } from "../engine/workers.ts";
import { askFile } from "./ask.ts";
import {
  type CommonCall,
  type CorrectCall,
  isRobustCall,
  type PointCall,
  type RobustCall,
} from "./call.ts";
import { answersAt, changeOf } from "./clean.ts";
import { noWork } from "./cut-meter.ts";
import {
  CORRECTED,
  CORRECTED_DATA,
  checkFolder,
  POINTS,
  PREDICTIONS,
  RECORD,
  REPORT,
  readJson,
  recordIn,
  STATE,
  THETAS,
  TIMINGS,
} from "./folder/files.ts";
import { keepRun, type RunKeeper } from "./folder/keep.ts";
import { openRun } from "./folder/open.ts";
import { fileBytes, hashesOf, savedModel, writeRun } from "./folder/write.ts";
import { inputOf } from "./inputs.ts";
import { lookBefore } from "./look.ts";
import { machine } from "./machine.ts";
import type { Job, Plan } from "./plan.ts";
import { planPoints } from "./points/plan.ts";
import { type Family, FORMAT, type RunBeginning, type Timings } from "./record.ts";
import { planRobust } from "./robust/plan.ts";
import { createRun, layoutOf, type PointRun, type RobustRun, type Run, type RunOf } from "./run.ts";
import { createStopwatch } from "./stopwatch.ts";
import { validate } from "./validate.ts";
import { versions } from "./versions.ts";

/**
 * Corrects a classifier, and keeps the whole trade-off to choose from. The recipes standard and paper give the
 * ONNX model nearest to it that gets the points right while the loss on the data is held close (Algorithm 1);
 * the recipe robust one that withstands an attack on the data (aggregate cuts with a moving centre).
 *
 * The options of a run's record, given again with the same data and points, repeat the run byte for byte.
 *
 * @throws TemperError `bad-option`, `data-mismatch` (also where the model is no better than chance on the data,
 *   unless `anyway`), `model-unsupported` (an operator without a gradient rule), `file-exists` and
 *   `run-unreadable` (of `folder`), `worker-failed`, `aborted`
 */
export async function correct(model: Model, call: PointCall): Promise<PointRun>;
export async function correct(model: Model, call: RobustCall): Promise<RobustRun>;
export async function correct(model: Model, call: CorrectCall): Promise<Run>;
export async function correct(model: Model, call: CorrectCall): Promise<Run> {
  if (isRobustCall(call)) return carryOut(model, call, planRobust(model, call));
  const { folder, resume = false } = call;
  const begun = resume && folder !== undefined ? await asBegun(call, folder) : call;
  return carryOut(model, begun, planPoints(model, begun));
}

/** A run goes on as it began, however much memory there was then: whether it remakes its rows is in its record. */
async function asBegun(call: PointCall, folder: string): Promise<PointCall> {
  if (call.remake !== undefined || !(await recordIn(folder))) return call;
  const { options } = (await readJson(folder, RECORD)) as { readonly options?: PointCall };
  return options?.solver === "dual" ? { ...call, remake: options.remake === true } : call;
}

/** Images that tell whether a network tells labels apart. */
const FEW = 2;

/** Runs a plan: in its folder where it has one, from where an earlier run stopped, to the measured file. */
async function carryOut<F extends Family, S extends { readonly iterations: readonly unknown[] }>(
  model: Model,
  call: CommonCall & { readonly points?: Dataset | undefined },
  plan: Plan<F, S>,
): Promise<RunOf<F> | Run> {
  const network = networkOf(model);
  const workers = call.workers ?? openWorkers(call.threads ?? processesOn(network.options.device));
  try {
    const { folder } = call;
    const { attack } = plan.options;
    if (folder !== undefined) await checkFolder(folder, call);
    const few = Math.min(FEW, call.data.count);
    await demandCorrectable(network, imagesOf(call.data, 0, few), few);
    const notes = await lookBefore(workers, { ...call, network, attack });
    const beginning = beginningOf<F>(network, call, plan);
    const keeper = folder === undefined ? undefined : await keepRun(folder, beginning, call, plan);
    if (keeper?.finished === true) return await openRun(folder!);
    return await carryOn(call, plan, { network, workers, notes, beginning, keeper });
  } finally {
    if (call.workers === undefined) await workers.close();
  }
}

/** The work itself, after the look at model and data. */
async function carryOn<F extends Family, S extends { readonly iterations: readonly unknown[] }>(
  call: CommonCall,
  plan: Plan<F, S>,
  begun: {
    readonly network: Network;
    readonly workers: Workers;
    readonly notes: readonly string[];
    readonly beginning: RunBeginning<F>;
    readonly keeper: RunKeeper<S> | undefined;
  },
): Promise<RunOf<F>> {
  const { network, workers, notes, beginning, keeper } = begun;
  const { folder, data, validation: held, signal, onProgress, paths = {} } = call;
  const clock = createStopwatch(keeper?.timings);
  let job: Job<F> | undefined;
  const timings = (): Timings => ({
    ...clock.times(),
    machine: machine(),
    processes: workers.size,
    ...(job?.work() ?? noWork),
    date: new Date().toISOString(),
    paths,
  });
  try {
    job = await plan.start({
      ...{ network, workers, clock, signal, onProgress },
      state: keeper?.state,
      work: keeper?.timings,
      onState: keeper && ((state) => keeper.keep(state, timings())),
    });
    const { measure, asked, proof: prove, points } = job;
    const { anchors, ...found } = await job.find();
    const { theta0 } = network;
    const { loss } = plan.options;
    const layout = layoutOf(plan.options, network);
    const chosen = found.pool[found.choice];
    const theta = candidateTheta(chosen, theta0, anchors, layout);
    const corrected = modelFiles(network, theta, CORRECTED);
    const { saved, after, measured } = await clock.stage("check", async () => {
      const { file, externalData } = savedModel(corrected);
      const saved = await loadNetwork(file, network.options, externalData);
      const onImages = (done: number, of: number): void => onProgress?.("check", done, of);
      const at = { network: saved, data, loss, workers, signal, onImages };
      const after = await answersAt(saved.theta0, at);
      const measured = await measure(saved, after.loss);
      return { saved, after, measured: await askFile({ saved, points: points(), data }, measured) };
    });
    const front = found.pool.filter((candidate) => candidate.front);
    const by = { loss, workers, signal };
    const before = async (set: AnyDataset): Promise<Int32Array> =>
      (await answersAt(theta0, { ...by, ...(await asked(set)) })).labels;
    const heldBefore = held && (await clock.stage("clean", () => before(held)));
    const at = { ...by, layout, anchors, onProgress };
    const validation =
      held &&
      (await clock.stage("validate", async () =>
        validate(front, { ...at, theta0, before: heldBefore!, ...(await asked(held)) }),
      ));
    const predictions = await clock.stage("clean", async () => ({
      data: { y: data.labels, before: await before(data), after: after.labels },
      validation: held && {
        y: held.labels,
        before: heldBefore!,
        after: (await answersAt(saved.theta0, { ...by, network: saved, data: held })).labels,
      },
    }));
    const proof = prove?.(found, measured);
    const [start] = found.pool; // its numbers are finite: the algorithms refuse a theta0 whose own are not
    const files = fileBytes({
      ...{ corrected, points: points(), theta0, anchors },
      predictions: {
        data: { ...predictions.data, images: data },
        validation: predictions.validation && { ...predictions.validation, images: held! },
      },
    });
    const record = {
      ...beginning,
      files: beginning.files.filter((name) => name !== STATE),
      ...found,
      before: {
        violation: start.violation!,
        loss: start.loss!,
        corrected: start.corrected,
        points: measured.measured.points,
      },
      after: measured.measured,
      distance: chosen.distance,
      notes: [...notes, ...workers.notes()],
      clean: {
        ...changeOf(predictions.data),
        ...(predictions.validation && { validation: changeOf(predictions.validation) }),
      },
      ...(proof && { proof }),
      ...(measured.certificate && { certificate: measured.certificate }),
      ...(validation && { validation }),
      wrong: measured.wrong,
      asked: measured.asked,
      hashes: hashesOf(files),
    };
    const parts = { record, timings: timings(), network, theta0, anchors, files };
    if (folder !== undefined) {
      await writeRun(folder, parts);
      await keeper?.drop();
    }
    return createRun<F>(parts);
  } finally {
    await job?.close();
  }
}

/** What the run is of, before anything is computed. */
function beginningOf<F extends Family>(
  network: Network,
  { data, validation, points }: Pick<CommonCall, "data" | "validation"> & { points?: unknown },
  { options, inputs }: Pick<Plan<F, never>, "options" | "inputs">,
): RunBeginning<F> {
  return {
    format: FORMAT,
    versions: versions(),
    options,
    network: network.options,
    inputs: {
      model: { sha256: sha256(network.file), parameters: network.theta0.length },
      data: inputOf(data),
      ...inputs,
      ...(validation && { validation: inputOf(validation) }),
    },
    files: [
      ...[RECORD, TIMINGS, CORRECTED],
      ...(network.externalData.size === 0 ? [] : [CORRECTED_DATA]),
      ...(points === undefined ? [] : [POINTS]),
      ...[THETAS, PREDICTIONS, REPORT, STATE],
    ],
  };
}
