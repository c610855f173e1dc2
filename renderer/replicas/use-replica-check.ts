import { useEffect, useState } from 'react';
import { useStore } from 'zustand';
import type { Job, KeptReplicaCheck } from '../../electron/channels.ts';
import { ask, problemOf } from '../bridge.ts';
import type { Problem } from '../../src-core/index.ts';
import { jobs } from '../stores/jobs.ts';

export interface KnownReplicas {
  /** The newest check of the checkpoint as it is now on disk; null if there is none. */
  readonly kept: KeptReplicaCheck | null;
  /** False until it is known whether there is one. */
  readonly isKnown: boolean;
  readonly problem: Problem | null;
  /** The check that waits or runs. */
  readonly running: Job | null;
  /** The last one, if it failed. */
  readonly failed: Job | null;
}

/** What is known about the copies in a checkpoint; follows the job that compares them. */
export function useReplicaCheck(checkpoint: number, folder: string): KnownReplicas {
  const list = useStore(jobs, (state) => state.jobs);
  const own = list.filter((job) => job.work.kind === 'verify-replicas' && job.folder === folder);
  const done = own.filter(({ state }) => state === 'done').length;
  const [state, setState] = useState<Pick<KnownReplicas, 'kept' | 'isKnown' | 'problem'>>({
    kept: null,
    isKnown: false,
    problem: null,
  });
  useEffect(() => {
    let isCurrent = true;
    ask('replicas:result', checkpoint).then(
      (kept) => {
        if (isCurrent) setState({ kept, isKnown: true, problem: null });
      },
      (error: unknown) => {
        if (isCurrent) setState({ kept: null, isKnown: true, problem: problemOf(error) });
      },
    );
    return () => {
      isCurrent = false;
    };
    // A job that has ended has left a result.
  }, [checkpoint, done]);
  return {
    ...state,
    running: own.find((job) => job.state === 'running' || job.state === 'queued') ?? null,
    failed: own[0]?.state === 'failed' ? own[0] : null,
  };
}
