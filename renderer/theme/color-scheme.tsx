import { useMantineColorScheme } from '@mantine/core';
import { useEffect } from 'react';
import { useStore } from 'zustand';
import { session } from '../stores/session.ts';

/** Keeps the kit's colour scheme at what the settings say. */
export function ColorScheme() {
  const theme = useStore(session, (state) => state.settings.theme);
  const { setColorScheme } = useMantineColorScheme();
  useEffect(() => {
    setColorScheme(theme === 'system' ? 'auto' : theme);
  }, [theme, setColorScheme]);
  return null;
}
