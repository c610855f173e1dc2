import { app, session } from 'electron';
import type { WebContents } from 'electron';

/** Pages stay where they are, open no windows, and get no permission for anything. */
export function denyEverythingElse(allowedOrigin: string): void {
  app.on('web-contents-created', (_event, contents) => {
    confine(contents, allowedOrigin);
  });
  session.defaultSession.setPermissionRequestHandler((_contents, _permission, decide) => {
    decide(false);
  });
  session.defaultSession.setPermissionCheckHandler(() => false);
  session.defaultSession.setDevicePermissionHandler(() => false);
}

function confine(contents: WebContents, allowedOrigin: string): void {
  const stay = (event: { url: string; preventDefault: () => void }) => {
    if (!event.url.startsWith(`${allowedOrigin}/`)) event.preventDefault();
  };
  contents.on('will-frame-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
  });
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}
