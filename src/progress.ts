// How far a long call is: the one shape of every onProgress.

/**
 * Is told how far a long call is, often enough for a progress bar.
 *
 * @param stage what goes on, in a few words; each stage counts anew
 * @param done how much of the stage is done, from 0 to `of`, in the stage's own unit: images, iterations, seconds
 * @param of the whole of the stage, above 0
 */
export type Progress = (stage: string, done: number, of: number) => void;
