// What a view puts into the bar above it.
import {render, type ComponentChild} from 'preact';
import {useEffect} from 'preact/hooks';

function Portal({into, children}: {into: string; children?: ComponentChild}) {
  useEffect(() => {
    const to = document.getElementById(into);
    if (to) render(children ?? null, to);
  });
  useEffect(
    () => () => {
      const to = document.getElementById(into);
      if (to) render(null, to);
    },
    [into],
  );
  return null;
}

import {h} from 'preact';
export const createPortal = (into: string, children: ComponentChild) => h(Portal, {into, children});
