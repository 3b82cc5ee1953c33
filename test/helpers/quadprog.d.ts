// Types for the part of quadprog that the tests use; arrays start at index 1, as in its Fortran.
declare module "quadprog" {
  export function solveQP(
    Dmat: number[][],
    dvec: number[],
    Amat: number[][],
    bvec: number[],
  ): { solution: number[]; Lagrangian: number[]; message: string };
}
