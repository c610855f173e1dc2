import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import type { StartState } from '../../electron/channels.ts';
import { openRecent } from '../actions.ts';
import { ProblemCard } from '../components/problem-card.tsx';

/** Checkpoints that are offered: the last ones are those that a user wants. */
const OFFERED = 6;

interface FailureCardProps {
  readonly failure: NonNullable<StartState['failure']>;
  readonly actions?: ReactNode;
}

/** Why a folder was not opened; where checkpoints are in it, the way to them. */
export function FailureCard({ failure: { folder, problem }, actions }: FailureCardProps) {
  return (
    <ProblemCard
      problem={{ file: folder, isFolder: problem.file === undefined, ...problem }}
      actions={
        <>
          {problem.checkpoints?.slice(-OFFERED).map((checkpoint) => (
            <Button
              key={checkpoint}
              size="compact-xs"
              variant="default"
              title={checkpoint}
              onClick={() => void openRecent(checkpoint)}
            >
              Open {checkpoint.split(/[\\/]/).at(-1)}
            </Button>
          ))}
          {actions}
        </>
      }
    />
  );
}
