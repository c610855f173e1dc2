import { createStore } from 'zustand/vanilla';
import type { DiagnosticsAbout } from '../../electron/channels.ts';

/** What the dialog is open for; null while it is closed. */
export const diagnosticsDialog = createStore<{ readonly about: DiagnosticsAbout | null }>(() => ({ about: null }));

/** Opens the dialog that says what will be in a bundle. */
export function openDiagnostics(about: Partial<DiagnosticsAbout> = {}): void {
  diagnosticsDialog.setState({ about: { job: null, problem: null, ...about } });
}

export function closeDiagnostics(): void {
  diagnosticsDialog.setState({ about: null });
}
