// The one error class of Temper and the closed list of its codes.

/**
 * Why a call was refused. Failure to *solve* is never an error but a status in the result; an error
 * means that the call could not be understood or its input could not be used.
 */
export type ErrorCode =
  | "file-missing" // a path that does not exist or cannot be read
  | "file-exists" // an output that must not be overwritten
  | "model-unreadable" // not ONNX, truncated, or outside the limits
  | "model-unsupported" // readable ONNX with an operator, attribute, type or shape we have no rule for
  | "data-unreadable" // a data file that is not what its name says
  | "data-mismatch" // data whose shape, labels or values do not fit the model
  | "bad-option" // an option out of range, or options that contradict each other
  | "run-unreadable" // a RUN folder that is incomplete or was changed
  | "download-failed" // no mirror gave a published file with the right checksum
  | "worker-failed" // a worker process died more often than a shard may be tried
  | "aborted"; // the caller's AbortSignal fired

/** Thrown for misuse. `message` says what, what was given, and what to do, in at most three lines. */
export class TemperError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TemperError";
    this.code = code;
  }
}

/** Throws `aborted` when the caller asked to stop; long loops call it between two steps. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new TemperError("aborted", "stopped on request");
}

/**
 * Refuses an option unless `holds`.
 *
 * @param option the option's name as the command line writes it
 * @throws TemperError `bad-option` naming the option, what was given and what is expected
 */
export function demand(holds: boolean, option: string, given: unknown, expected: string): void {
  if (!holds) throw new TemperError("bad-option", `${option} ${given}: expected ${expected}`);
}
