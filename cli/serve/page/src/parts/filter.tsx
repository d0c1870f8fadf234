// The field that `/` leads to; what is in it is in the URL.
import {setOptions, useRoute} from '../route';

export function Filter({placeholder, name = 'filter'}: {placeholder: string; name?: string}) {
  const {options} = useRoute();
  return (
    <input
      id="filter"
      class="filter"
      type="search"
      placeholder={placeholder}
      aria-label={placeholder}
      title="/"
      autocomplete="off"
      spellcheck={false}
      value={options[name] ?? ''}
      onInput={event => setOptions({[name]: event.currentTarget.value})}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          if (event.currentTarget.value) setOptions({[name]: undefined});
          event.currentTarget.blur();
          event.stopPropagation();
        }
        if (event.key === 'Enter' || event.key === 'ArrowDown') {
          event.currentTarget.blur();
          event.preventDefault();
        }
      }}
    />
  );
}
