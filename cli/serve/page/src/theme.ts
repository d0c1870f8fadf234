// Light or dark: as the system has it, or as it was switched here.
import {signal} from './signal';

export type Shade = 'auto' | 'light' | 'dark';
const stored = (): Shade => {
  try {
    const was = localStorage.getItem('theme');
    return was === 'light' || was === 'dark' ? was : 'auto';
  } catch {
    return 'auto';
  }
};
const media = matchMedia('(prefers-color-scheme: dark)');
let chosen: Shade = stored();
export const isDark = () => chosen === 'dark' || (chosen === 'auto' && media.matches);
/** What is drawn on a canvas is drawn anew when this changes. */
export const theme = signal(`${chosen} ${isDark()}`);

function apply() {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
  theme.set(`${chosen} ${isDark()}`);
}
media.addEventListener('change', apply);
apply();

export function switchTheme() {
  const next: Shade = isDark() ? 'light' : 'dark';
  chosen = next === (media.matches ? 'dark' : 'light') ? 'auto' : next;
  try {
    localStorage.setItem('theme', chosen);
  } catch {
    /* for as long as the page is open then */
  }
  apply();
}
