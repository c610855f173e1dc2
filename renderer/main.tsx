import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Start } from './start/start.tsx';
import './style.css';

const container = document.getElementById('root');
if (container === null) throw new Error('index.html has no element with the id "root".');

createRoot(container).render(
  <StrictMode>
    <Start version={window.shardloom.version} />
  </StrictMode>,
);
