import {
  IconArrowMerge,
  IconArrowsSplit,
  IconCopyCheck,
  IconFileDatabase,
  IconFileDiff,
  IconLayoutDashboard,
  IconLayoutGrid,
  IconListDetails,
  IconPuzzle,
  IconSubtask,
  type TablerIcon,
} from '@tabler/icons-react';
import type { Place } from '../stores/session.ts';

/** Name, picture and purpose of each place: the rail, the palette and empty places say the same. */
export const PLACE_FACTS: Readonly<
  Record<Place, { readonly name: string; readonly icon: TablerIcon; readonly purpose: string }>
> = {
  overview: { name: 'Overview', icon: IconLayoutDashboard, purpose: 'What the checkpoint is and whether it is whole.' },
  parameters: {
    name: 'Parameters',
    icon: IconListDetails,
    purpose: 'Every original parameter, which Neuron parameters and ranks it comes from, and how.',
  },
  layout: {
    name: 'Layout',
    icon: IconLayoutGrid,
    purpose: 'How a weight is spread over the ranks: which heads and rows each rank holds, and which copies.',
  },
  shards: {
    name: 'Shards',
    icon: IconFileDatabase,
    purpose: 'What each rank has stored: files, tensors and their values.',
  },
  replicas: {
    name: 'Replicas',
    icon: IconCopyCheck,
    purpose: 'Whether all copies of what ranks hold in common are equal.',
  },
  adapters: {
    name: 'Adapters',
    icon: IconPuzzle,
    purpose: 'What each LoRA adapter changes, its config in both worlds, export and merge.',
  },
  diff: {
    name: 'Diff',
    icon: IconFileDiff,
    purpose: 'Two folders of weights compared tensor by tensor: what moved, how far, and on which rank.',
  },
  consolidate: {
    name: 'Consolidate',
    icon: IconArrowMerge,
    purpose: 'Join the shards into Hugging Face weights, checked while they are copied.',
  },
  reshard: {
    name: 'Reshard',
    icon: IconArrowsSplit,
    purpose: 'Write a sharded checkpoint for other parallel sizes, or from Hugging Face weights.',
  },
  jobs: { name: 'Jobs', icon: IconSubtask, purpose: 'What is running, and what was made, with its proof.' },
};
