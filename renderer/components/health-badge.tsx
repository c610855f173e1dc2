import { UnstyledButton } from '@mantine/core';
import { IconAlertOctagon, IconAlertTriangle, IconCircleCheck } from '@tabler/icons-react';
import type { CheckpointSummary } from '../../src-core/index.ts';
import { formatPlural } from '../../src-core/units.ts';
import { showPlace } from '../stores/session.ts';
import styles from './health-badge.module.css';

const HEALTH = {
  sound: { icon: IconCircleCheck, text: () => 'Sound' },
  look: { icon: IconAlertTriangle, text: (count: number) => formatPlural(count, 'warning') },
  damaged: { icon: IconAlertOctagon, text: (count: number) => formatPlural(count, 'error') },
};

/** The checkpoint's health in a word; leads to the findings. */
export function HealthBadge({ summary: { health, findings } }: { readonly summary: CheckpointSummary }) {
  const { icon: Icon, text } = HEALTH[health];
  const severity = health === 'damaged' ? 'error' : 'warning';
  const count = findings.filter((finding) => finding.severity === severity).length;
  return (
    <UnstyledButton
      className={styles.badge}
      data-health={health}
      title="Show what was found"
      onClick={() => {
        showPlace('overview');
        requestAnimationFrame(() => document.getElementById('findings')?.scrollIntoView({ block: 'start' }));
      }}
    >
      <Icon size={16} stroke={1.8} aria-hidden />
      {text(count)}
    </UnstyledButton>
  );
}
