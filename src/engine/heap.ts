// How much garbage a process lets gather before it is cleared away.
//
// Arrays of numbers lie outside V8's heap and yet count towards the limit at which V8 marks all of it, by threads on
// every core. Our heaps hold some 20 MB, whose limit is 24 MB more: what one iteration of the moving centre passes
// through three times over. With a limit of four times the heap a run on a queue took three quarters of the time
// (docs/machines.md); two and a half times is as fast in processes of this machine, and a correction of 1,000 labels
// takes 0.49 GB in place of 0.52.
import { setFlagsFromString } from "node:v8";

/** Has this process clear its heap less often: for programs of our own, not for what a library is loaded into. */
export const clearRarely = (): void => setFlagsFromString("--heap-growing-percent=150");
