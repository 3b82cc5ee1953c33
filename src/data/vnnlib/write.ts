// Writes properties as VNN-LIB 1.0, as plainly as most verifiers' readers need it.
import { digitsOf } from "./expressions.ts";
import type { Constraint, Property, Query } from "./property.ts";

/**
 * The text of a property: it reads back as the same numbers. A property of one box has its bounds as assertions of
 * their own, which every reader knows; one of several boxes is one disjunction.
 *
 * @param comment what stands at its head, line by line
 */
export function writeVnnlib(
  { inputs, outputs, queries }: Property,
  { comment = [] }: { readonly comment?: readonly string[] } = {},
): string {
  const [only] = queries;
  const declared = [
    ...Array.from({ length: inputs }, (_, i) => `(declare-const X_${i} Real)`),
    ...Array.from({ length: outputs }, (_, i) => `(declare-const Y_${i} Real)`),
  ];
  const asserted =
    queries.length === 1
      ? [...boundsOf(only).map(assertion), assertion(anyOf(only.unsafe.map(allOf)))]
      : [
          assertion(
            anyOf(
              queries.flatMap((query) =>
                query.unsafe.map((each) => joined([...boundsOf(query), ...each.map(written)])),
              ),
            ),
          ),
        ];
  return `${[...comment.map((line) => `; ${line}`), "", ...declared, "", ...asserted].join("\n")}\n`;
}

const assertion = (formula: string): string => `(assert ${formula})`;

const boundsOf = ({ lower, upper }: Query): string[] =>
  [...lower].flatMap((low, i) => [
    `(>= X_${i} ${digitsOf(low)})`,
    `(<= X_${i} ${digitsOf(upper[i])})`,
  ]);

const joined = (formulas: readonly string[]): string => `(and ${formulas.join(" ")})`;

/** VNN-COMP's own reader wants an `and` in an `or`, also around one comparison. */
const anyOf = (formulas: readonly string[]): string => `(or\n  ${formulas.join("\n  ")})`;

/** What holds everywhere is written as Y_0 <= Y_0. */
const allOf = (constraints: readonly Constraint[]): string =>
  joined(constraints.length === 0 ? ["(<= Y_0 Y_0)"] : constraints.map(written));

function written({ terms, bound }: Constraint): string {
  const [first, second] = terms;
  if (terms.length === 1 && Math.abs(first.weight) === 1) {
    return first.weight > 0
      ? `(<= Y_${first.output} ${digitsOf(bound)})`
      : `(>= Y_${first.output} ${digitsOf(0 - bound)})`;
  }
  if (terms.length === 2 && bound === 0 && first.weight === 1 && second.weight === -1) {
    return `(<= Y_${first.output} Y_${second.output})`;
  }
  const sum = terms.map(({ output, weight }) => `(* ${digitsOf(weight)} Y_${output})`);
  return `(<= ${sum.length === 1 ? sum[0] : `(+ ${sum.join(" ")})`} ${digitsOf(bound)})`;
}
