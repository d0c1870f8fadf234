// A recording of this moment, as a file.
import {useState} from 'preact/hooks';
import {ApiError, ask, processPath} from '../api';
import {shown} from '../format';

export function Save({pid}: {pid: number}) {
  const [state, set] = useState<{busy: boolean; error: ApiError | null}>({busy: false, error: null});
  const save = async () => {
    set({busy: true, error: null});
    try {
      const response = await ask(`${processPath(pid)}/recording`);
      const said = /filename="?([^";]+)"?/.exec(response.headers.get('Content-Disposition') ?? '')?.[1];
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await response.blob());
      link.download = said ?? `tasks-${pid}.tasks`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      set({busy: false, error: null});
    } catch (error) {
      set({busy: false, error: error instanceof ApiError ? error : new ApiError(0, '', '', String(error), '')});
    }
  };
  return (
    <>
      <button
        type="button"
        data-key="s"
        onClick={save}
        disabled={state.busy}
        title="a recording of this moment: every view can be asked of it with --from FILE (s)"
      >
        {state.busy ? 'saving …' : 'save'}
      </button>
      {state.error && (
        <span class="bad" role="alert">
          {' '}
          not saved: {shown(state.error.message)}
        </span>
      )}
    </>
  );
}
