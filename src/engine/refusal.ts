// Says in words about the model why onnxruntime refuses a graph; onnxruntime's own text stays in `cause`.
import { TemperError } from "../errors.ts";

const at = (op: string, name: string | undefined): string => (name ? `${op} "${name}"` : op);

const EXPORT = "see whether onnxruntime itself runs the file, and export it again";

type Reading = readonly [
  pattern: RegExp,
  what: (...parts: readonly string[]) => string,
  advice: string,
];

/** What onnxruntime's texts mean, and what to do about each. */
const readings: readonly Reading[] = [
  [
    /Could not find an implementation for (\w+)\(\d+\) node with name '(.*?)'/,
    (op, name) => `onnxruntime has no ${at(op, name)} for the type of its numbers`,
    "export the model in float32",
  ],
  [
    /No Op registered for (\S+) with domain_version of (\d+)/,
    (op, opset) => `there is no operator ${op} in operator set ${opset}`,
    "export the model with a newer opset, and with ONNX's own operators only",
  ],
  [
    /: (\S+):(\S+?)\(-?\d+\) is not a registered function/,
    (domain, op) => `the operator ${op} is of the set "${domain}", which onnxruntime does not have`,
    "export the model with ONNX's own operators only",
  ],
  [
    /Unrecognized attribute: (\w+) for operator (\w+)/,
    (attribute, op) => `${op} has no attribute ${attribute} in the operator set of the model`,
    EXPORT,
  ],
  [
    /Node \((.*?)\) Op \((\w+)\) \[(?:Shape|Type)InferenceError\]/,
    (name, op) => `the shapes at ${at(op, name)} do not fit each other`,
    EXPORT,
  ],
  [
    /while running (\S+) node\. Name:'(.*?)'/,
    (op, name) => `onnxruntime stops at ${at(op, name)}: its inputs do not fit each other`,
    EXPORT,
  ],
  [
    /Type Error:.*?(?:node |arg )\((.*?)\)/,
    (name) => `the types of numbers at "${name}" do not fit each other`,
    EXPORT,
  ],
];

/** Makes the refusal of a graph or a run of whatever onnxruntime threw. */
export function refusal(cause: unknown): TemperError {
  const words = (cause as Error).message;
  for (const [pattern, what, advice] of readings) {
    const match = pattern.exec(words);
    if (match === null) continue;
    return new TemperError("model-unsupported", `${what(...match.slice(1))}\n${advice}`, { cause });
  }
  return new TemperError("model-unsupported", `onnxruntime does not run the model\n${EXPORT}`, {
    cause,
  });
}
