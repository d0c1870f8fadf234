// A recording is opened: dropped on the page, or chosen by the button.
import {useEffect, useRef, useState} from 'preact/hooks';
import {ApiError} from '../api';
import {shown} from '../format';
import {bring} from '../replay';
import {go, href} from '../route';

export interface Bringing {
  /** The file that is on its way. */
  busy: string | null;
  error: ApiError | null;
  take: (file: File) => void;
  forget: () => void;
}

export function useBringing(): Bringing {
  const [state, set] = useState<{busy: string | null; error: ApiError | null}>({busy: null, error: null});
  const take = (file: File) => {
    set({busy: file.name, error: null});
    bring(file).then(
      replay => {
        set({busy: null, error: null});
        go(href({replay}));
      },
      error =>
        set({
          busy: null,
          error: error instanceof ApiError ? error : new ApiError(0, 'page', file.name, String(error), ''),
        }),
    );
  };
  return {...state, take, forget: () => set({busy: null, error: null})};
}

/** Files that are dropped anywhere; without this the browser would leave the page for them. */
export function useDrops(take: (file: File) => void): boolean {
  const [over, setOver] = useState(false);
  const now = useRef(take);
  now.current = take;
  useEffect(() => {
    const isFile = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const dragged = (event: DragEvent) => {
      if (!isFile(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const left = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const dropped = (event: DragEvent) => {
      if (!isFile(event)) return;
      event.preventDefault();
      setOver(false);
      const file = event.dataTransfer?.files[0];
      if (file) now.current(file);
    };
    addEventListener('dragover', dragged);
    addEventListener('dragleave', left);
    addEventListener('drop', dropped);
    return () => {
      removeEventListener('dragover', dragged);
      removeEventListener('dragleave', left);
      removeEventListener('drop', dropped);
    };
  }, []);
  return over;
}

export function OpenRecording({bringing}: {bringing: Bringing}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        hidden
        tabIndex={-1}
        aria-label="a recording"
        onChange={event => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = '';
          if (file) bringing.take(file);
        }}
      />
      <button
        type="button"
        class="plain"
        data-key="o"
        disabled={bringing.busy !== null}
        onClick={() => input.current?.click()}
        title="a file of tasks record, or of save; it can be dropped on the page as well (o)"
      >
        {bringing.busy !== null ? 'opening …' : 'open'}
      </button>
    </>
  );
}

export function NotBrought({bringing}: {bringing: Bringing}) {
  const {error} = bringing;
  if (!error) return null;
  return (
    <div class="banner wrong" role="alert">
      <b>{shown(error.message, 400)}</b>
      {error.nextStep && ` (${shown(error.nextStep, 400)})`}
      <button type="button" onClick={bringing.forget}>
        close
      </button>
    </div>
  );
}
