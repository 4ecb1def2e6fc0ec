/** What a slow step tells while it is under way. */

export interface ProgressEvent {
  /** What is being done, as a phrase: `building kube-apiserver, kube-scheduler`. */
  readonly step: string;
  readonly state: 'started' | 'running' | 'done';
  readonly elapsedMs: number;
  /** The latest detail, such as a size or a line of the tool. */
  readonly detail?: string;
}

export type Progress = (event: ProgressEvent) => void;
