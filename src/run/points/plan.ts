// The recipes standard and paper: Algorithm 1 on given points, or on points that are made as it goes on.
import { checkAttackable } from "../../attack/attackable.ts";
import { algorithm1 } from "../../correct/algorithm.ts";
import type { RivalChoice } from "../../correct/cuts.ts";
import type { Oracle } from "../../correct/oracle.ts";
import { LEAST } from "../../correct/reach.ts";
import type { AlgorithmState } from "../../correct/state.ts";
import { scorePoints } from "../../correct/violation.ts";
import { type Dataset, imagesOf } from "../../data/dataset.ts";
import { logitsOf } from "../../engine/batches.ts";
import { demandRoomForCuts } from "../../engine/cut-set.ts";
import { workOfPasses } from "../../engine/flops.ts";
import { type Model, networkOf } from "../../engine/model.ts";
import type { Network } from "../../engine/network.ts";
import { createOracle } from "../../engine/oracle.ts";
import { demandInputGradient } from "../../engine/programs.ts";
import { convolutionsInParts, type RunSize, roomForCuts } from "../../engine/room.ts";
import { shortConvolutions } from "../../engine/slices.ts";
import { processesHere } from "../../engine/workers.ts";
import { checkInputs, type PointCall, requestIn } from "../call.ts";
import { cutMeter } from "../cut-meter.ts";
import { demandRoom, taskOf } from "../fits.ts";
import { algorithmState } from "../folder/state.ts";
import { demandThetas } from "../folder/write.ts";
import { inputOf } from "../inputs.ts";
import { movingPart, wholeNetwork } from "../part.ts";
import type { Job, JobContext, Plan } from "../plan.ts";
import { ballsIn, ballsOf, certificateOf, checkBalls } from "./certified.ts";
import { type PointOptions, pointOptions, pointTable } from "./options.ts";
import { proofOf } from "./proof.ts";
import { cleanOf, createReattack, emptied } from "./reattack.ts";

/** Resolves the options, and refuses what cannot be done before anything is computed or written. */
export function planPoints(model: Model, call: PointCall): Plan<"points", AlgorithmState> {
  const network = networkOf(model);
  const request = requestIn(pointTable, call);
  checkInputs(model, call);
  const { points, origin } = call;
  const { forward: flops } = workOfPasses(network);
  const facts = { flops, points: points.count, labels: network.labels };
  const asked = pointOptions(request, facts);
  const threads = processesHere(call.workers) ?? call.threads;
  const task = taskOf(network, { ...call, points: points.count, threads }, asked);
  const size = { ...task, rivals: cutsOf(network, asked) };
  const room = roomForCuts(network, size, call.memory);
  const convolved = convolvedIn(network, asked, size, room);
  const { remake: _, ...stated } = asked;
  const options = { ...stated, ...(convolved.size > 0 && { remake: true }) };
  demandThetas(network, options.iterations);
  if (options.attack !== undefined) checkAttackable(network, options.attack, "reattack");
  const balls = ballsIn(options);
  if (balls !== undefined) checkBalls(network, points, balls);
  if (options.radius > 0) demandInputGradient(network, "radius");
  if (!options.reattack && call.anyway !== true) demandRoom(network, task);
  // Cuts of bounds are counted where they are made: they are kept as plain rows.
  if (!options.reattack && balls === undefined) {
    demandRoomForCuts(network, points.count, size.rivals, convolved);
  }
  if (convolved.size > 0) call.onNote?.(PARTS);
  const given = options.reattack ? cleanOf(points) : points;
  return {
    options,
    inputs: { points: { ...inputOf(given), ...(origin && { origin }) } },
    state: algorithmState,
    start: (context) => startPoints({ ...call, ...context, options, room, convolved }),
  };
}

const PARTS =
  "the cuts of large convolutions are kept in parts, and their rows made again where they are needed: " +
  "the same problem in less memory";

type PointRun = JobContext<AlgorithmState> &
  Pick<PointCall, "data" | "points" | "onIteration" | "onContradiction"> & {
    readonly options: PointOptions;
    /** Bytes that the cuts may take. */
    readonly room: number;
    readonly convolved: ReadonlySet<string>;
  };

async function startPoints(run: PointRun): Promise<Job<"points">> {
  const { network, options, convolved, workers, clock, signal, onProgress } = run;
  const sources = options.reattack ? cleanOf(run.points) : undefined;
  let stage = "";
  let onLines = false; // then the number of candidates says more than that of the images of one candidate
  const asked = ballsIn(options);
  // Attacks, bounds, and the gradient in the image of (18), go through the whole network.
  const whole = sources !== undefined || asked !== undefined || options.radius > 0;
  const part = whole ? wholeNetwork(network) : await movingPart(run);
  const balls = asked && (await ballsOf(network, run.points, asked));
  const given = async (): Promise<Dataset> =>
    sources === undefined ? part.points(run.points) : emptied(sources);
  const oracle = createOracle({
    ...(await part.data(run.data)),
    points: balls?.points ?? (await given()),
    of: balls?.network,
    loss: options.loss,
    samples: options.lossSample !== undefined,
    seed: options.seed,
    convolved,
    workers,
    signal,
    onShard: (done, of) => onLines || onProgress?.(stage, done, of),
  });
  const reattack = sources && createReattack(oracle, sources, options, { workers, signal });
  const points = (): Dataset => reattack?.points() ?? run.points;
  const meter = cutMeter(clock, run.work);
  const timed: Oracle = {
    ...oracle,
    ask: reattack?.ask,
    loss: (theta) => clock.stage("loss", () => oracle.loss(theta)), // the one loss that is asked for alone
    cutSet: () => meter.metered(oracle.cutSet()),
  };
  return {
    find: async () => {
      const found = await algorithm1(timed, {
        ...options,
        room: run.room,
        blocks: blocksOf(options),
        rivals: rivalsOf(options),
        penalty: options.penalty === "inf" ? Infinity : options.penalty,
        signal,
        state: run.state,
        onState: run.onState,
        onIteration: (record) => {
          clock.lap();
          run.onIteration?.(record);
        },
        onContradiction: run.onContradiction,
        onLine: (done, of) => {
          onLines = true;
          onProgress?.("line points", done, of);
        },
        stage: (name, work) => {
          stage = name;
          return clock.stage(name, work);
        },
      });
      await oracle.close();
      return found;
    },
    measure: async (saved, loss) => {
      const { labels, count } = points();
      // Of balls, the bounds of the file itself: what is called proven is proven of it.
      const at = asked
        ? await ballsOf(saved, points(), asked)
        : { network: saved, points: points() };
      const logits = Float64Array.from(await logitsOf(at.network, imagesOf(at.points), count));
      const { violation, corrected, wrong } = scorePoints(logits, labels, options.margin);
      return {
        ...{ measured: { violation, loss, corrected, points: count }, wrong, logits },
        ...(asked && { certificate: certificateOf(asked, { images: count, proven: corrected }) }),
      };
    },
    asked: part.data,
    proof: ({ pool, choice, iterations }, { logits }) =>
      proofOf(pool[choice], iterations, { network, options, logits, y: points().labels }),
    points,
    work: meter.work,
    close: oracle.close,
  };
}

const rivalsOf = ({ rivals }: PointOptions): RivalChoice => (rivals === "all" ? Infinity : rivals);

/** How many cuts an anchor brings for a point; at least, where that depends on what it violates. */
function cutsOf({ labels }: Network, options: PointOptions): number {
  const rivals = rivalsOf(options);
  return Math.min(labels - 1, rivals === "auto" ? LEAST : rivals);
}

/** The convolutions whose cuts are kept in parts: where that is asked for, or there is no room or time otherwise. */
function convolvedIn(
  network: Network,
  { solver, remake, certifyRadius }: PointOptions,
  size: RunSize,
  room: number,
): ReadonlySet<string> {
  // Algorithm 2 looks at single entries of the rows, which parts do not have; nor do bounds have parts.
  if (solver !== "dual" || remake === false || certifyRadius !== undefined) return new Set();
  return remake === true
    ? shortConvolutions(network, size.rivals)
    : convolutionsInParts(network, size, room);
}

/** What Algorithm 2 needs, where it is asked for. */
const blocksOf = ({ solver, freeShare, blockSteps, seed }: PointOptions) =>
  solver === "blocks" ? { freeShare: freeShare!, blockSteps: blockSteps!, seed } : undefined;
