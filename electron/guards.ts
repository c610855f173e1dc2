import { app, session } from 'electron';
import type { Session, WebContents } from 'electron';

/**
 * Pages stay where they are, open no windows, load nothing that the app does not bring, save nothing, and get no permission
 * for anything. The page's own policy forbids most of this already; this holds where that has a hole.
 */
export function denyEverythingElse(allowedOrigin: string): void {
  app.on('web-contents-created', (_event, contents) => {
    confine(contents, allowedOrigin);
  });
  const { defaultSession } = session;
  defaultSession.setPermissionRequestHandler((_contents, _permission, decide) => {
    decide(false);
  });
  defaultSession.setPermissionCheckHandler(() => false);
  defaultSession.setDevicePermissionHandler(() => false);
  defaultSession.on('will-download', (event) => {
    event.preventDefault();
  });
  cutOff(defaultSession, allowedOrigin);
}

/**
 * Takes the network away from pages: no name is found, not even an address of digits. What goes past the session's requests
 * (names looked up ahead of time, WebRTC over TCP) ends here. Must run before the app is ready.
 */
export function findNoHosts(): void {
  app.commandLine.appendSwitch('host-resolver-rules', 'MAP * ~NOTFOUND');
}

function confine(contents: WebContents, allowedOrigin: string): void {
  const stay = (event: { url: string; preventDefault: () => void }) => {
    // The one page there is. Its scripts and fonts are no pages.
    if (event.url !== `${allowedOrigin}/`) event.preventDefault();
  };
  contents.on('will-frame-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
  });
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
  // WebRTC asks no permission and heeds no content policy. Without this it would send UDP to whoever a page names.
  contents.setWebRTCIPHandlingPolicy('disable_non_proxied_udp');
}

/** Cancels every request but those for the app's own files. */
function cutOff({ webRequest }: Session, allowedOrigin: string): void {
  const own = [`${allowedOrigin}/`, 'data:'];
  // Only while developing: the development server's socket, and the developer tools.
  if (allowedOrigin.startsWith('http:')) own.push(`${allowedOrigin.replace('http:', 'ws:')}/`, 'devtools:');
  webRequest.onBeforeRequest(({ url }, decide) => {
    decide({ cancel: !own.some((start) => url.startsWith(start)) });
  });
}
