import {
  IconArrowMerge,
  IconLayoutDashboard,
  IconListDetails,
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
  consolidate: {
    name: 'Consolidate',
    icon: IconArrowMerge,
    purpose: 'Join the shards into Hugging Face weights, checked while they are copied.',
  },
  jobs: { name: 'Jobs', icon: IconSubtask, purpose: 'What is running, and what was made, with its proof.' },
};
