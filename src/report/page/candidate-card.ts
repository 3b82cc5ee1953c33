// The candidate that is looked at: all that is known of it, and the command that writes its file.
import { axesOf, idOf } from "../axes.ts";
import { howLossIsKnown } from "../known-loss.ts";
import { quoted } from "../shell-word.ts";
import { commandBox, fill, h } from "./dom.ts";
import { liveToken } from "./live-address.ts";
import { onAxis, share } from "./numbers.ts";
import { candidateOf, runOf, type State, type Store } from "./store.ts";
import { nameOf } from "./words.ts";

export function candidateCard(store: Store): HTMLElement {
  const title = h("h3", {});
  const facts = h("dl", { class: "facts" });
  const command = commandBox();
  const file = h("p", {});
  store.watch(["document", "run", "candidate"], (state) => {
    const candidate = candidateOf(state);
    fill(title, nameOf(state));
    fill(
      facts,
      ...factsOf(state).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]),
    );
    command.show(commandOf(state));
    fill(file, fileLink(state));
    command.element.hidden = runOf(state).record.end === undefined;
    title.classList.toggle("on-front", candidate.front);
  });
  return h(
    "aside",
    { class: "card", "aria-live": "polite", "aria-label": "Candidate that is looked at" },
    title,
    facts,
    command.element,
    file,
  );
}

function factsOf(state: State): [string, string][] {
  const run = runOf(state);
  const candidate = candidateOf(state);
  const { record, steps } = run;
  const { front, iteration, alpha } = candidate;
  const values = axesOf(run).map((axis): [string, string] => {
    const value = onAxis(axis, axis.of(candidate));
    return [axis.label, axis.key === "loss" ? `${howLossIsKnown(candidate)}${value}` : value];
  });
  const step = steps.find((one) => one.iteration === iteration);
  const isChoice = record.end !== undefined && state.candidate === record.choice;
  const ends: [string, string][] = [
    ["on the efficient front", front ? "yes" : "no"],
    ...(step === undefined || alpha === 0
      ? []
      : [["weights that moved", share(step.moved / step.weights)] as [string, string]]),
    ...(isChoice && record.clean
      ? [["clean accuracy on DATA", share(record.clean.after)] as [string, string]]
      : []),
  ];
  return [...values, ...ends];
}

/** The call that writes this candidate's file. */
export function commandOf(state: State): string {
  const { name } = runOf(state);
  const id = idOf(candidateOf(state));
  return `temper select ${quoted(name)} --candidate ${id} --out ${fileNameOf(id)}`;
}

/** A file by this name is known for the candidate when temper evaluate has measured it. */
const fileNameOf = (id: string): string => `candidate-${id.replace(":", "-")}.onnx`;

/** On a live page, the file itself. */
function fileLink(state: State): HTMLElement | undefined {
  const { live } = state.document;
  if (live?.files !== true) return undefined;
  const id = idOf(candidateOf(state));
  return h(
    "a",
    {
      class: "button",
      href: `candidate.onnx?${liveToken()}&candidate=${id}`,
      download: fileNameOf(id),
    },
    "Download its ONNX file",
  );
}
