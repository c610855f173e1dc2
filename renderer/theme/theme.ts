import { createTheme } from '@mantine/core';
import type { CSSVariablesResolver, MantineColorsTuple } from '@mantine/core';

/** The accent from its softest to its strongest. Index 4 is --accent of the dark scheme, index 7 that of the light one. */
const accent: MantineColorsTuple = [
  '#eef2fd',
  '#dde5fb',
  '#c3d0f9',
  '#a9bffc',
  '#8fadff',
  '#6485ec',
  '#456ad8',
  '#2b50bd',
  '#23439f',
  '#1b357f',
];

/** The greys of the dark scheme, from text to shadow: those of tokens.css, because fields and controls take them from here. */
const dark: MantineColorsTuple = [
  '#e6e7e8',
  '#a3a8b0',
  '#8c929b',
  '#767c85',
  '#31363c',
  '#2b3036',
  '#202429',
  '#15171a',
  '#1b1e22',
  '#101214',
];

/** Mantine in the app's type, spacing and colours: 13 px text, a grid of 4 px, small radii. */
export const theme = createTheme({
  primaryColor: 'accent',
  primaryShade: { light: 7, dark: 4 },
  colors: { accent, dark },
  autoContrast: true,
  fontFamily: 'var(--sans)',
  fontFamilyMonospace: 'var(--mono)',
  fontSizes: { xs: '12px', sm: '13px', md: '13px', lg: '15px', xl: '20px' },
  lineHeights: { xs: '16px', sm: '20px', md: '20px', lg: '24px', xl: '28px' },
  spacing: { xs: '4px', sm: '8px', md: '12px', lg: '16px', xl: '24px' },
  radius: { xs: '2px', sm: '4px', md: '6px', lg: '8px', xl: '12px' },
  defaultRadius: 'sm',
  headings: { fontFamily: 'var(--sans)', fontWeight: '600' },
  respectReducedMotion: true,
  cursorType: 'pointer',
  components: {
    Button: { defaultProps: { size: 'xs', variant: 'filled' } },
    // Label, field, then what it means: as the fields that are our own have it.
    InputWrapper: {
      defaultProps: { inputWrapperOrder: ['label', 'input', 'description', 'error'] },
      styles: {
        description: { fontSize: 12, lineHeight: '16px' },
        label: { fontSize: 13, lineHeight: '20px', marginBottom: 4 },
      },
    },
    NumberInput: { defaultProps: { size: 'xs' } },
    TextInput: { defaultProps: { size: 'xs' } },
    Select: { defaultProps: { size: 'xs', allowDeselect: false, checkIconPosition: 'right' } },
    SegmentedControl: { defaultProps: { size: 'xs' } },
    Checkbox: { defaultProps: { size: 'xs' } },
    ActionIcon: { defaultProps: { variant: 'subtle', color: 'gray' } },
    Tooltip: {
      defaultProps: { openDelay: 400, withArrow: false, maw: 480, multiline: true },
      // A path has no places where it may break.
      styles: { tooltip: { padding: '4px 8px', overflowWrap: 'anywhere' } },
    },
    Modal: {
      defaultProps: {
        centered: true,
        overlayProps: { backgroundOpacity: 0.35 },
        closeButtonProps: { 'aria-label': 'Close' },
        padding: 'lg',
      },
      styles: { title: { fontSize: 15, lineHeight: '24px', fontWeight: 600 } },
    },
  },
});

/** Points Mantine's own variables to the app's tokens, so that each colour is written down once, in tokens.css. */
export const cssVariablesResolver: CSSVariablesResolver = () => {
  const both = {
    '--mantine-color-body': 'var(--ground)',
    '--mantine-color-text': 'var(--text)',
    '--mantine-color-dimmed': 'var(--text-quiet)',
    '--mantine-color-placeholder': 'var(--text-quiet)',
    '--mantine-color-anchor': 'var(--accent)',
    '--mantine-color-default': 'var(--raised)',
    '--mantine-color-default-hover': 'var(--surface-2)',
    '--mantine-color-default-color': 'var(--text)',
    '--mantine-color-default-border': 'var(--line)',
    '--mantine-color-error': 'var(--stops)',
    '--mantine-color-gray-light-color': 'var(--text)',
    '--mantine-color-gray-light-hover': 'var(--surface-2)',
  };
  return { variables: {}, light: both, dark: both };
};
