/** When a worker's new containers start in a switch: right after the public has moved, or when the watch is over. */
export const WORKER_STARTS = ["after-switch", "after-watch"] as const;
/** Whose containers of a worker run: those of the live color alone, or those of both. */
export const WORKER_FOLLOWS = ["live", "both"] as const;
/** When a job runs. */
export const JOB_MOMENTS = ["before-gate", "after-switch", "after-watch", "after-way-back"] as const;

export type WorkerStart = (typeof WORKER_STARTS)[number];
export type WorkerFollow = (typeof WORKER_FOLLOWS)[number];
export type JobMoment = (typeof JOB_MOMENTS)[number];

/** How long a job may take where nothing is said, in seconds. */
export const JOB_SECONDS = 600;
