// The page: a bar, what is wrong with the connection, and the view that the URL names.
import {Component, render} from 'preact';
import type {ComponentChildren} from 'preact';
import {useEffect, useRef, useState} from 'preact/hooks';
import {lost, refused, setToken, tryNow} from './api';
import {age, clock} from './format';
import {useKeys, useNow} from './hooks';
import './page.css';
import {Help} from './help';
import {go, href, useRoute} from './route';
import {useSignal} from './signal';
import {isDark, switchTheme, theme} from './theme';
import {NotBrought, OpenRecording, useBringing, useDrops} from './parts/bring';
import {ProcessPage} from './views/process';
import {ProcessesPage} from './views/processes';

function Lost() {
  const state = useSignal(lost);
  const now = useNow();
  if (!state) return null;
  const left = Math.max(0, Math.ceil((state.next - now) / 1000));
  return (
    <div class="banner wrong" role="alert">
      <b>tasks serve does not answer</b> since <time title={clock(state.since)}>{age((now - state.since) / 1000)}</time>
      ; what is shown is from before. Asked again {left > 0 ? `in ${left}s` : 'now'}.
      <button type="button" onClick={tryNow}>
        ask now
      </button>
    </div>
  );
}

/** A token is asked for once, and is kept until the tab is closed. */
function TokenForm() {
  const [value, set] = useState('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <main class="token">
      <form
        onSubmit={event => {
          event.preventDefault();
          if (value.trim()) setToken(value.trim());
        }}
      >
        <h1>This server asks for a token</h1>
        <p>
          It is in the file that <code>tasks serve --token-file</code> was given. It is kept until this tab is closed,
          and goes to this server alone.
        </p>
        <label>
          Token{' '}
          <input
            ref={input}
            type="password"
            autocomplete="off"
            spellcheck={false}
            value={value}
            onInput={event => set(event.currentTarget.value)}
          />
        </label>
        <button type="submit">go on</button>
      </form>
    </main>
  );
}

class Guard extends Component<{children: ComponentChildren}, {error: string | null}> {
  state = {error: null};
  static getDerivedStateFromError(error: unknown) {
    return {error: String(error)};
  }
  render() {
    if (this.state.error === null) return this.props.children;
    return (
      <main>
        <div class="trouble" role="alert">
          <p>
            <strong>This page has a defect, and shows nothing rather than something wrong.</strong>
          </p>
          <p>{this.state.error}</p>
          <p>
            <button type="button" onClick={() => location.reload()}>
              load it again
            </button>
          </p>
        </div>
      </main>
    );
  }
}

function App() {
  const {replay, pid, view} = useRoute();
  const bringing = useBringing();
  const dropping = useDrops(bringing.take);
  const denied = useSignal(refused);
  const [help, setHelp] = useState(false);
  useSignal(theme);
  useKeys(event => {
    if (event.key === '?') {
      setHelp(!help);
      return true;
    }
    if (event.key === 'Escape' && help) {
      setHelp(false);
      return true;
    }
    if (event.key === '/') {
      const filter = document.getElementById('filter');
      filter?.focus();
      (filter as HTMLInputElement | null)?.select();
      return filter !== null;
    }
    if (event.key === 'r' || event.key === 's' || event.key === 'o') {
      const button = document.querySelector<HTMLButtonElement>(`[data-key="${event.key}"]`);
      button?.click();
      return button !== null;
    }
    if (event.key === 'D') {
      switchTheme();
      return true;
    }
    if (event.key === 'l') {
      go(href({}));
      return true;
    }
    return false;
  });
  return (
    <>
      <header class="bar">
        <a class="brand" href="#/" aria-current={pid || replay ? undefined : 'page'}>
          tasks
        </a>
        <div id="crumbs" class="crumbs" />
        <span class="fill" />
        <OpenRecording bringing={bringing} />
        <button type="button" class="plain" onClick={switchTheme} title="dark or light (D)">
          {isDark() ? 'light' : 'dark'}
        </button>
        <button
          type="button"
          class="plain"
          onClick={() => setHelp(!help)}
          title="what the keys do (?)"
          aria-expanded={help}
        >
          ?
        </button>
      </header>
      <Lost />
      <NotBrought bringing={bringing} />
      {dropping && <div class="dropping">drop it: a file of tasks record</div>}
      {replay && (
        <div class="banner" role="note">
          <b>A recording</b>: what is shown is as it was then.
          <a href="#/">back to what is there now</a>
        </div>
      )}
      {help && <Help close={() => setHelp(false)} />}
      <Guard key={`${replay} ${pid} ${view} ${denied}`}>
        {denied ? (
          <TokenForm />
        ) : pid ? (
          <ProcessPage key={`${replay} ${pid}`} pid={pid} />
        ) : (
          <ProcessesPage key={replay} />
        )}
      </Guard>
    </>
  );
}

export function start() {
  const root = document.getElementById('page')!;
  root.textContent = '';
  render(<App />, root);
}
