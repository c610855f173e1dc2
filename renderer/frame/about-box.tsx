import { Modal } from '@mantine/core';
import { useStore } from 'zustand';
import { toggleAbout } from '../actions.ts';
import { session } from '../stores/session.ts';
import styles from './frame.module.css';

/** What the app is, its version and its licence. */
export function AboutBox() {
  const isOpen = useStore(session, (state) => state.isAboutOpen);
  const version = useStore(session, (state) => state.version);
  return (
    <Modal
      opened={isOpen}
      onClose={() => {
        toggleAbout(false);
      }}
      title="Shardloom"
      size="sm"
    >
      <div className={styles.about}>
        <p>Joins sharded AWS Trainium checkpoints into Hugging Face weights, byte for byte, and proves the result.</p>
        <p className="quiet">
          Version {version}. Apache License 2.0. Works without a network and sends nothing anywhere.
        </p>
      </div>
    </Modal>
  );
}
