import {
  diagnose,
  openShardInput,
  planShard,
  prepareConsolidation,
  prepareMerge,
  type Diagnosis,
} from '../../src-core/app-door.ts';
import type { JobWork } from '../channels.ts';
import { mergeOptionsOf, openOptionsOf, optionsOf, shardingOf } from './previews.ts';

export interface DiagnosisRequest {
  readonly folder: string;
  /** What was to be done with it; null for a look at the checkpoint. */
  readonly work: JobWork | null;
}

/** What a report tells of a folder, with the plan of the work as it was asked for. */
export function diagnosis({ folder, work }: DiagnosisRequest): Diagnosis {
  switch (work?.kind) {
    case undefined:
      return diagnose(folder);
    case 'consolidate': {
      const { choices } = work;
      return diagnose(folder, {
        makePlan: (open) => prepareConsolidation(open(), optionsOf(choices)).plan,
      });
    }
    case 'shard': {
      const { from } = work;
      return diagnose(folder, {
        isCheckpoint: from === 'checkpoint',
        makePlan: () => planShard(openShardInput(from, folder, openOptionsOf(work)), shardingOf(work)),
      });
    }
    case 'merge':
      return diagnose(folder, { makePlan: () => prepareMerge(work.base, folder, mergeOptionsOf(work)).plan });
    case 'verify-replicas':
      return diagnose(folder, { makePlan: null });
    case 'diff':
      // Either side may hold weights of any kind.
      return diagnose(folder, { isCheckpoint: false, makePlan: null });
  }
}
