import { MantineProvider } from '@mantine/core';
import { setNonce } from 'get-nonce';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { connect } from './actions.ts';
import { listenForEscape } from './escape.ts';
import { ColorScheme } from './theme/color-scheme.tsx';
import { cssVariablesResolver, theme } from './theme/theme.ts';
import './theme/styles.ts';
import { Frame } from './frame/frame.tsx';

const container = document.getElementById('root');
if (container === null) throw new Error('index.html has no element with the id "root".');

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
// For the style element with which an open dialog keeps what is behind it from scrolling.
setNonce(nonce);

// Before the first drawing, so that nothing that is told meanwhile is missed and nothing flashes up.
await connect();
listenForEscape();
createRoot(container).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariablesResolver}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <ColorScheme />
      <Frame />
    </MantineProvider>
  </StrictMode>,
);
