import { ActionIcon, TextInput } from '@mantine/core';
import { IconSearch, IconX } from '@tabler/icons-react';

interface FilterFieldProps {
  readonly className: string | undefined;
  readonly placeholder: string;
  readonly query: string;
  readonly onQuery: (query: string) => void;
}

/** The filter of a place, which Ctrl or Cmd with F leads to. Escape clears it. */
export function FilterField({ className, placeholder, query, onQuery }: FilterFieldProps) {
  return (
    <TextInput
      className={className}
      aria-label="Filter by name"
      placeholder={placeholder}
      leftSection={<IconSearch size={15} />}
      rightSection={
        query !== '' && (
          <ActionIcon size="xs" aria-label="Clear the filter" onClick={() => onQuery('')}>
            <IconX size={12} />
          </ActionIcon>
        )
      }
      value={query}
      attributes={{ input: { 'data-filter': true } }}
      onChange={(event) => {
        onQuery(event.currentTarget.value);
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || query === '') return;
        event.preventDefault();
        onQuery('');
      }}
    />
  );
}
